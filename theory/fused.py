"""Make the steps of training in C: kernel.c on the numbers of a problem, some steps a call."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from theory.data import Array
from theory.kernel import Engine
from theory.problem import PAD, Problem

BUDGET = 2**19  # bytes of the states of one call: about the second cache
MOST = 64  # steps of one call
TILE = 8  # as in kernel.c
LINE = 64  # bytes of a cache line
MOST_ROOMS = 4  # of one kind: of the last state, of the next, and of one that is looked at
UNUSED = 4  # references to the owner of an unused room: of the list, of its numbers, of the loop,
# and of the question itself


class Point(NamedTuple):
    """Where R runs are."""

    features: Array  # (R, J, 2)
    coefficients: Array  # (R, J, M) A
    projections: Array  # (R, J, M) c


class Chunk(NamedTuple):
    """Some successive steps: the logits before each of S steps, and the points after them.

    Only the first ``made`` steps began with logits below 1e3. If they are fewer than S, the logits
    of the next step are the last that mean anything.
    """

    made: int
    logits: Array  # (S, R, N)
    features: Array  # (S, R, J, 2)
    coefficients: Array  # (S, R, J, M)
    projections: Array  # (S, R, J, M)


class Numbers(ctypes.Structure):
    """The structure ``Problem`` of kernel.c."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("runs", "groups", "neurons", "patches", "examples")),
        *((name, ctypes.c_int64) for name in ("strengths", "power", "rectified", "diagonal")),
        *((name, ctypes.c_void_p) for name in ("labels", "strength", "gram", "start", "radii")),
        ("weight_stride", ctypes.c_int64),
        ("scratch", ctypes.c_void_p),
    )


def fits(problem: Problem) -> bool:
    """Return whether kernel.c can train a problem: one with a Gram matrix and whole vectors."""
    known = problem.labels.dtype in (np.float32, np.float64)
    return known and not problem.factored and problem.labels.shape[1] % PAD == 0


def address(array: NDArray[Any]) -> int:
    """Return where the numbers of an array begin; quicker than ``array.ctypes.data``."""
    return array.__array_interface__["data"][0]


def aligned(size: int, dtype: DTypeLike) -> Array:
    """Return ``size`` uninitialised numbers (size,) that begin at a cache line."""
    length = size * np.dtype(dtype).itemsize
    room = np.empty(length + LINE, np.uint8)
    offset = -address(room) % LINE
    return room[offset : offset + length].view(dtype)


class Rooms:
    """Memory for arrays of one size, used again once nobody holds an array that lies there.

    Fresh memory costs as much as a third of a step, since the system clears it first.
    """

    def __init__(self, size: int, dtype: DTypeLike) -> None:
        self.size = size
        self.dtype = dtype
        # the owner of the memory, its numbers, their address
        self.rooms: list[tuple[NDArray[Any] | None, Array, int]] = []

    def take(self) -> tuple[Array, int]:
        """Return ``size`` uninitialised numbers (size,) and their address.

        The memory is held as long as these or a view of them are.
        """
        for owner, numbers, where in self.rooms:
            if sys.getrefcount(owner) == UNUSED:
                return numbers[:], where
        numbers = aligned(self.size, self.dtype)
        where = address(numbers)
        self.rooms = [(numbers.base, numbers, where), *self.rooms[: MOST_ROOMS - 1]]
        return numbers[:], where


class Fused:
    """Steps of one problem in C, ``size`` of them a call, of gradient descent or of SAM.

    radii: ρ of each run (R,); None for gradient descent.
    """

    def __init__(self, problem: Problem, radii: Array | None, engine: Engine) -> None:
        kind = problem.labels.dtype.name
        runs, examples = problem.labels.shape
        neurons, patches = problem.projections.shape[1:]  # J, M
        self.shapes = (
            (runs, examples),
            *(x.shape for x in (problem.features, *[problem.projections] * 2)),
        )
        self.dtype = problem.labels.dtype
        self.step = getattr(engine.library, f"train_{kind}")
        pack = getattr(engine.library, f"pack_{kind}")
        gram = np.ascontiguousarray(problem.gram)
        if gram.ndim == 3:
            packed = aligned(gram.size, self.dtype).reshape(gram.shape)
            for one, out in zip(gram, packed, strict=True):
                pack(patches, address(one), address(out))
            gram = packed
        room = 2 * TILE * neurons * (patches + 1) if radii is not None else 1
        # the structure holds addresses alone; the arrays must live as long as it does
        self.kept = {
            "labels": np.ascontiguousarray(problem.labels),
            "strength": np.ascontiguousarray(problem.strengths),
            "gram": gram,
            "scratch": aligned(room, self.dtype),
        }
        if radii is not None:
            self.kept["radii"] = np.ascontiguousarray(radii, self.dtype)
        self.numbers = Numbers(
            runs,
            len(gram),
            neurons,
            patches // examples,
            examples,
            problem.strengths.shape[1],
            problem.power,
            problem.strengths.shape[1] == 4,
            gram.ndim == 2,
            **{name: address(array) for name, array in self.kept.items()},
        )
        self.where = ctypes.addressof(self.numbers)
        used = 2 * problem.projections.nbytes
        self.size = max(1, min(MOST, BUDGET // used))
        self.rooms = [Rooms(self.size * prod(shape), self.dtype) for shape in self.shapes]

    def __call__(self, point: Point, start: Array, weights: Sequence[Array]) -> Chunk:
        """Make a step with each of the ``weights`` (R, N), which contain η; start: c(0)."""
        count = len(weights)
        same = all(each is weights[0] for each in weights)
        each = weights[0] if same else np.stack(weights)
        begin = [np.ascontiguousarray(x, self.dtype) for x in (each, *point, start)]
        *places, self.numbers.start = map(address, begin)
        self.numbers.weight_stride = 0 if same else weights[0].size
        out = []
        for rooms, shape in zip(self.rooms, self.shapes, strict=True):
            numbers, where = rooms.take()
            out.append(numbers[: count * prod(shape)].reshape(count, *shape))
            places.append(where)
        return Chunk(self.step(self.where, count, *places), *out)
