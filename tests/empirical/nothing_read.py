"""Check without a GPU that a step could be captured in a CUDA graph."""

from torch.utils._python_dispatch import TorchDispatchMode


class NothingRead(TorchDispatchMode):
    """Raise if the host reads a value, or a shape depends on one.

    Neither can be captured in a CUDA graph.
    """

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
