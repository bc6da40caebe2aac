"""What a compiled model takes, returns and remembers, read off its layer descriptions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers import LSTM, Bidirectional, Dropout, Layer, Masking, Sequential

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Recurrence:
    """One LSTM of the model: its path (``lstm``, ``bidirectional/forward``) and its description."""

    path: str
    layer: LSTM


@dataclass(frozen=True)
class Port:
    """A named tensor of the interface.

    Attributes:
        name: Its name for users.
        shape: Sizes, None where known at run time only.
        dtype: NumPy's name of the element type.
        batch_axis: The axis of the batch, or None.
        time_axis: The axis of the steps, or None.
    """

    name: str
    shape: Shape
    dtype: str
    batch_axis: int | None
    time_axis: int | None = None

    def describe(self) -> dict[str, Any]:
        """Return the entry of the artifact's description."""
        entry: dict[str, Any] = {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
        }
        if self.batch_axis is not None:
            entry["batch_axis"] = self.batch_axis
        if self.time_axis is not None:
            entry["time_axis"] = self.time_axis
        return entry


@dataclass(frozen=True)
class Interface:
    """Inputs, mask, seed (in training), outputs and states, in the order of the entry points' arguments and results."""

    inputs: tuple[Port, ...]
    mask: Port | None
    mask_reason: str
    seed: Port | None
    outputs: tuple[Port, ...]
    states: tuple[Port, ...]

    def describe(self) -> dict[str, Any]:
        """Return this part of the artifact's description."""
        result: dict[str, Any] = {
            "inputs": [port.describe() for port in self.inputs],
            "mask": None if self.mask is None else self.mask.describe(),
            "seed": None if self.seed is None else self.seed.describe(),
            "outputs": [port.describe() for port in self.outputs],
            "states": [port.describe() for port in self.states],
        }
        if self.mask is None:
            result["mask_reason"] = self.mask_reason
        return result


def recurrences(model: Sequential) -> Iterator[Recurrence]:
    """Yield every LSTM of a model, in model order, forward before backward."""
    for layer in model.layers:
        if isinstance(layer, LSTM):
            yield Recurrence(layer.name, layer)
        elif isinstance(layer, Bidirectional):
            yield Recurrence(f"{layer.name}/forward", layer.forward_layer)
            yield Recurrence(f"{layer.name}/backward", layer.backward_layer)


def draws_masks(model: Sequential) -> bool:
    """Return whether a model draws dropout masks in training.

    Raises:
        ArgumentError: If a layer would drop everything.
    """
    rates = [(layer.name, float(layer.rate)) for layer in model.layers if isinstance(layer, Dropout)]
    for cell in recurrences(model):
        rates += [(cell.path, cell.layer.dropout), (cell.path, cell.layer.recurrent_dropout)]
    for name, rate in rates:
        if rate >= 1.0:
            raise ArgumentError(f"training: layer {name!r} drops everything; in training a rate must be below 1")
    return any(rate > 0.0 for _, rate in rates)


def interface_of(
    model: Sequential, batch: int | None = None, time: int | None = None, *, training: bool = False
) -> Interface:
    """Return a built model's interface.

    Args:
        model: A built model.
        batch: Fix the batch to this size; None leaves it to run time.
        time: Fix the number of steps; None leaves it to run time.
        training: Whether dropout is active; then the entry points take a seed, if any layer draws.

    Raises:
        UnsupportedError: If layers disagree on layout or dtype.
    """
    cells = list(recurrences(model))
    layouts = {bool(cell.layer.time_major) for cell in cells}
    if len(layouts) > 1:
        raise UnsupportedError(f"model {model.name!r}: time_major differs between its LSTM layers; use one layout")
    dtypes = {layer.compute_dtype for layer in model.layers} | {cell.layer.compute_dtype for cell in cells}
    if len(dtypes) > 1:
        raise UnsupportedError(f"model {model.name!r}: layers compute in {', '.join(sorted(dtypes))}; use one dtype")
    dtype = dtypes.pop()
    time_major = bool(layouts) and layouts.pop()
    batch_axis, time_axis = (1, 0) if time_major else (0, 1)

    def port(name: str, shape: Shape) -> Port:
        sizes = list(shape)
        is_sequence = len(sizes) > 2
        axis = batch_axis if is_sequence else 0
        sizes[axis] = batch
        if is_sequence:
            sizes[time_axis] = time
        return Port(name, tuple(sizes), dtype, axis, time_axis if is_sequence else None)

    declared = model.input_shape
    external, reason = _mask(model)
    mask_shape: list[int | None] = [batch, batch]
    mask_shape[time_axis] = time
    return Interface(
        inputs=(port(model.input_name, declared),),
        mask=Port("mask", tuple(mask_shape), "int8", batch_axis, time_axis) if external else None,
        mask_reason=reason,
        seed=Port("seed", (2,), "int32", None) if training and draws_masks(model) else None,
        outputs=tuple(map(port, output_names(model.layers[-1]), _output_shapes(model))),
        states=tuple(
            Port(f"{cell.path}/{state}", (batch, cell.layer.units), dtype, 0) for cell in cells for state in ("h", "c")
        ),
    )


def output_names(last: Layer) -> list[str]:
    """Return the names of what the last layer returns: its own name, and those of the states it returns."""
    names = [last.name]
    if isinstance(last, Bidirectional):
        if last.merge_mode is None:
            names = [f"{last.name}/forward", f"{last.name}/backward"]
        if last.forward_layer.return_state:
            names += [f"{last.name}/{way}/{state}" for way in ("forward", "backward") for state in ("h", "c")]
    elif isinstance(last, LSTM) and last.return_state:
        names += [f"{last.name}/h", f"{last.name}/c"]
    return names


def _output_shapes(model: Sequential) -> list[Shape]:
    return [tuple(shape) for shape in model.output_shapes]


def _mask(model: Sequential) -> tuple[bool, str]:
    """Return whether a mask given by the caller reaches an LSTM, and why not."""
    for layer in model.layers:
        if isinstance(layer, Masking):
            return False, f"layer {layer.name!r} computes the mask from the input itself"
        if isinstance(layer, LSTM | Bidirectional):
            return True, ""
    return False, "no layer of this model takes a mask"
