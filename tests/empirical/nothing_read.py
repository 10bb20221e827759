"""What a step captured in a CUDA graph must not do, checked without a GPU."""

from torch.utils._python_dispatch import TorchDispatchMode


class NothingRead(TorchDispatchMode):
    """Raise when a value is read by the host, or a shape depends on one: neither can be captured in a CUDA graph."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        assert name not in (
            "_local_scalar_dense",
            "item",
            "nonzero",
            "is_nonzero",
            "masked_select",
            "equal",
        ), name
        return function(*args, **(kwargs or {}))
