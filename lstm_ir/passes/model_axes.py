"""Which sizes of a model's tensors are open: batch, and lengths that each call may choose.

Nothing is declared about lengths in the layers. A model is asked: its shapes are worked out for trial lengths, and a
length that every layer takes is left open.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from lstm_ir.errors import LstmIrError, UnsupportedError
from lstm_ir.layers import FoldSteps, InputLayer, Layer, Model, TimeDistributed, UnfoldSteps

Shape = tuple[int | None, ...]

# Trial lengths: primes, so that no two sizes made of them agree by chance.
_TRIALS = ((10007, 20011), (30011, 40009))
_LONGEST_LEAST = 4096
_MOST_SPLITS = 6


@dataclass(frozen=True)
class Lengths:
    """The lengths of a model's inputs.

    Attributes:
        group: for each input whose length is open, which of the model's lengths it has: inputs of one group are
            equally long in a call.
        least: for each such input the least length that the layers take.
        shapes: the shapes of all tensors, None where a size follows from the batch or an open length.
        follows: for each tensor one of whose sizes is an open length itself, the axis and the group.
    """

    group: Mapping[str, int]
    least: Mapping[str, int]
    shapes: Mapping[str, Shape]
    follows: Mapping[str, tuple[int, int]]


def length_axis(model: Model, given: InputLayer, time_axis: int) -> int | None:
    """Return the axis of an input that counts steps, or None: of a matrix, only where it holds numbers or is open."""
    if len(given.shape) > 2:
        return time_axis
    if len(given.shape) < 2:
        return None
    return 1 if given.shape[1] is None or takes_integers(model, given) else None


def takes_integers(model: Model, given: InputLayer) -> bool:
    """Return whether an input holds numbers that name something: declared so, or read by such layers alone."""
    readers = readers_of(model, given.name)
    declared = given.value_dtype.startswith(("int", "uint", "bool"))
    return declared or bool(readers and all(layer.takes_integers for layer in readers))


def readers_of(model: Model, tensor: str) -> list[Layer]:
    """Return the layers that read a tensor's numbers, those behind or inside a TimeDistributed too."""
    readers: list[Layer] = []
    for call in model.calls:
        if tensor not in call.inputs:
            continue
        layer = call.layer
        while isinstance(layer, TimeDistributed):
            layer = layer.layer
        if isinstance(layer, FoldSteps):
            readers += readers_of(model, call.outputs[0])
        elif not (isinstance(layer, UnfoldSteps) and call.inputs[0] == tensor):  # which asks for its sizes alone
            readers.append(layer)
    return readers


def open_lengths(model: Model, time_axis: int, fixed: int | None = None) -> Lengths:
    """Find the lengths of a built model that calls can choose.

    Args:
        model: the model.
        time_axis: the axis of the steps in sequences with features.
        fixed: the length to fix all inputs to; None leaves open what can be.

    Raises:
        UnsupportedError: an input has an open axis that has to be known.
    """
    axes = {given.name: length_axis(model, given, time_axis) for given in model.inputs}
    candidates = [given.name for given in model.inputs if axes[given.name] is not None]
    if fixed is not None:
        return Lengths({}, {}, _shapes_at(model, axes, dict.fromkeys(candidates, fixed)), {})
    groups = _groups(model, axes, candidates)
    if groups is None:
        for given in model.inputs:
            if None in given.shape[1:]:
                raise UnsupportedError(
                    f"input {given.name!r}: a layer of the model needs to know all sizes of {given.shape}; build the "
                    "model for a fixed length, or compile it with time="
                )
        return Lengths({}, {}, model.tensor_shapes(), {})
    found = _measure(model, axes, groups)
    if any(found.shapes[cell.call.inputs[0]][time_axis] is None for cell in model.recurrences() if cell.layer.unroll):
        return Lengths({}, {}, model.tensor_shapes(), {})  # unrolled code has the steps that the model was built for
    return found


def _measure(model: Model, axes: Mapping[str, int | None], groups: Sequence[Sequence[str]]) -> Lengths:
    group = {name: number for number, names in enumerate(groups) for name in names}

    def at(lengths: Sequence[int]) -> dict[str, Shape]:
        return _shapes_at(model, axes, {name: lengths[number] for name, number in group.items()})

    first = [10007 + 2 * number for number in range(len(groups))]
    base = at(first)
    shapes = {name: list(shape) for name, shape in base.items()}
    follows: dict[str, tuple[int, int]] = {}
    for number in range(len(groups)):
        moved = [length + (5002 if k == number else 0) for k, length in enumerate(first)]
        for name, shape in at(moved).items():
            for axis, (old, new) in enumerate(zip(base[name], shape, strict=True)):
                if old != new:
                    shapes[name][axis] = None
                    if old == first[number] and new == moved[number]:
                        follows[name] = (axis, number)
    least = _least(model, axes, group)
    return Lengths(group, least, {name: tuple(shape) for name, shape in shapes.items()}, follows)


def _least(model: Model, axes: Mapping[str, int | None], group: Mapping[str, int]) -> dict[str, int]:
    """The least length that works for all inputs at once, each then as short as it can be."""
    least = 1
    while least < _LONGEST_LEAST and not _works(model, axes, dict.fromkeys(group, least)):
        least += 1
    return dict.fromkeys(group, least)


def _groups(model: Model, axes: Mapping[str, int | None], candidates: Sequence[str]) -> list[list[str]] | None:
    """Sort inputs into groups of one length; None if a length has to be known.

    Two inputs may differ if the layers take it that they do, the others going with one or the other.
    """
    if not candidates:
        return []
    if not all(_works(model, axes, dict.fromkeys(candidates, trial)) for trial in _TRIALS[0]):
        return None
    apart: set[tuple[str, str]] = set()
    for chosen in _splits(candidates):
        works = all(_works(model, axes, {name: trial[name in chosen] for name in candidates}) for trial in _TRIALS)
        if works:
            apart |= {(a, b) for a in chosen for b in candidates if b not in chosen}
    groups: list[list[str]] = []
    for name in candidates:
        home = next((g for g in groups if (g[0], name) not in apart and (name, g[0]) not in apart), None)
        if home is None:
            groups.append([name])
        else:
            home.append(name)
    return groups


def _splits(names: Sequence[str]) -> Iterator[frozenset[str]]:
    """Yield the ways to take some of the names, up to half of them; only single ones where there are many names."""
    most = len(names) // 2 if len(names) <= _MOST_SPLITS else 1
    for count in range(1, most + 1):
        yield from map(frozenset, combinations(names, count))


def _works(model: Model, axes: Mapping[str, int | None], lengths: Mapping[str, int]) -> bool:
    try:
        shapes = _shapes_at(model, axes, lengths)
    except LstmIrError:
        return False
    return all(size is None or size > 0 for shape in shapes.values() for size in shape)


def _shapes_at(model: Model, axes: Mapping[str, int | None], lengths: Mapping[str, int]) -> dict[str, Shape]:
    given: dict[str, Shape] = {}
    for layer in model.inputs:
        shape = list(layer.shape)
        axis = axes[layer.name]
        if axis is not None and layer.name in lengths:
            shape[axis] = lengths[layer.name]
        if shape and len(shape) > 1 and axis == 0:
            shape[1] = None
        elif shape:
            shape[0] = None
        given[layer.name] = tuple(shape)
    return model.tensor_shapes(given)
