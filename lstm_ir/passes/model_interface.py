"""What a compiled model takes, returns and remembers, read off its layer descriptions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers import GRU, Attention, Dropout, InferenceIdentity, Layer, Model, Recurrence
from lstm_ir.layers.program import ProgramModel
from lstm_ir.passes.model_axes import Lengths, length_axis, open_lengths, readers_of, takes_integers

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Port:
    """A named tensor of the interface.

    Attributes:
        name: Its name for users.
        shape: Sizes, None where known at run time only.
        dtype: NumPy's name of the element type.
        batch_axis: The axis of the batch, or None.
        time_axis: The axis of the steps, or None.
        length: Which of the model's lengths the steps are, where the inputs may differ in length; else None.
        least_time: The least number of steps, where it is not 1.
        limit: Of integers, how many there are: 0 <= value < limit.
        of: Of a mask, the input that it goes with, where there are several; else None.
    """

    name: str
    shape: Shape
    dtype: str
    batch_axis: int | None
    time_axis: int | None = None
    length: int | None = None
    least_time: int = 1
    limit: int | None = None
    of: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the entry of the artifact's description."""
        entry: dict[str, Any] = {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
        }
        for key in ("batch_axis", "time_axis", "length", "limit", "of"):
            if getattr(self, key) is not None:
                entry[key] = getattr(self, key)
        if self.least_time != 1:
            entry["least_time"] = self.least_time
        return entry


@dataclass(frozen=True)
class Interface:
    """Inputs, masks, seed (in training), outputs and states, in the order of the entry points' arguments and results.

    ``masks`` are those of the inputs whose mask some layer uses, in the inputs' order. A model of one input has at most
    one, named ``mask``.
    """

    inputs: tuple[Port, ...]
    masks: tuple[Port, ...]
    mask_reason: str
    seed: Port | None
    outputs: tuple[Port, ...]
    states: tuple[Port, ...]

    @property
    def mask(self) -> Port | None:
        """The mask of a model of one input, or None."""
        return self.masks[0] if self.masks and len(self.inputs) == 1 else None

    def describe(self) -> dict[str, Any]:
        """Return this part of the artifact's description."""
        result: dict[str, Any] = {
            "inputs": [port.describe() for port in self.inputs],
            "mask": None if self.mask is None else self.mask.describe(),
            "seed": None if self.seed is None else self.seed.describe(),
            "outputs": [port.describe() for port in self.outputs],
            "states": [port.describe() for port in self.states],
        }
        if len(self.inputs) > 1 and self.masks:
            result["masks"] = [port.describe() for port in self.masks]
        elif self.mask is None:
            result["mask_reason"] = self.mask_reason
        return result


def recurrences(model: Model) -> Iterator[Recurrence]:
    """Yield every scan of a model, in model order, forward before backward."""
    return model.recurrences()


def draws_masks(model: Model) -> bool:
    """Return whether a model draws dropout masks in training.

    Raises:
        ArgumentError: If a layer would drop everything.
        UnsupportedError: If a layer has no training mode.
    """
    for layer in model.layers:
        drops = isinstance(layer, Attention) and layer.dropout > 0
        if drops or (isinstance(layer, InferenceIdentity) and layer.is_active):
            kind = layer.keras_class_name
            raise UnsupportedError(f"training: layer {layer.name!r} ({kind}) has no training mode here")
    rates = [(layer.name, float(layer.rate)) for layer in model.layers if isinstance(layer, Dropout)]
    for cell in recurrences(model):
        if isinstance(cell.layer, GRU) and not cell.layer.reset_after and cell.layer.recurrent_dropout:
            raise UnsupportedError(
                f"training: the recurrent_dropout of layer {cell.path!r} (GRU of reset_after=False) has no training "
                "mode here"
            )
        rates += [(cell.path, cell.layer.dropout), (cell.path, cell.layer.recurrent_dropout)]
    for name, rate in rates:
        if rate >= 1.0:
            raise ArgumentError(f"training: layer {name!r} drops everything; in training a rate must be below 1")
    return any(rate > 0.0 for _, rate in rates)


def interface_of(
    model: Model, batch: int | None = None, time: int | None = None, *, training: bool = False
) -> Interface:
    """Return a built model's interface.

    Args:
        model: A built model.
        batch: Fix the batch to this size; None leaves it to run time.
        time: Fix the number of steps of all inputs; None leaves it to run time.
        training: Whether dropout is active; then the entry points take a seed, if any layer draws.

    Raises:
        UnsupportedError: If layers disagree on layout or dtype, or one has no training mode.
    """
    if isinstance(model, ProgramModel):
        from lstm_ir.passes.program_interface import program_interface

        return program_interface(model, batch, time)
    dtype, time_major = compute_dtype(model), _is_time_major(model)
    batch_axis, time_axis = (1, 0) if time_major else (0, 1)
    lengths = open_lengths(model, time_axis, time)
    several = len(set(lengths.group.values())) > 1

    def sized(shape: Shape) -> Shape:
        sizes = list(shape)
        if sizes:
            sizes[batch_axis if len(sizes) > 2 else 0] = batch
        return tuple(sizes)

    inputs = []
    for given in model.inputs:
        is_sequence = len(given.shape) > 2
        whole = takes_integers(model, given)
        inputs.append(
            Port(
                given.name,
                sized(lengths.shapes[given.name]),
                "int32" if whole else dtype,
                batch_axis if is_sequence else 0,
                length_axis(model, given, time_axis),
                lengths.group.get(given.name) if several else None,
                lengths.least.get(given.name, 1),
                _limit(model, given.name) if whole else None,
            )
        )
    outputs = []
    stacks = {tensor for call in model.calls if call.layer.output_batch_axis == 1 for tensor in call.outputs}
    for name, tensor in zip(model.output_names, model.outputs, strict=True):
        shape = lengths.shapes[tensor]
        if tensor in stacks:
            outputs.append(Port(name, (shape[0], batch, *shape[2:]), dtype, 1))
            continue
        is_sequence = len(shape) > 2
        axis, group = lengths.follows.get(tensor, (None, None))
        if axis is None and is_sequence and shape[time_axis] is not None:
            axis = time_axis
        outputs.append(
            Port(name, sized(shape), dtype, batch_axis if is_sequence else 0, axis, group if several else None)
        )
    masks, reason = _masks(model, inputs, time_major)
    return Interface(
        inputs=tuple(inputs),
        masks=masks,
        mask_reason=reason,
        seed=Port("seed", (2,), "int32", None) if training and draws_masks(model) else None,
        outputs=tuple(outputs),
        states=tuple(Port(name, (batch, units), dtype, 0) for name, units in state_sizes(model).items()),
    )


def state_sizes(model: Model) -> dict[str, int]:
    """Return the length of each state of the module, by its name."""
    return {name: cell.layer.units for cell in recurrences(model) for name in cell.state_names}


def compute_dtype(model: Model) -> str:
    """Return the dtype that a model computes in.

    Raises:
        UnsupportedError: If its layers disagree.
    """
    dtypes = {layer.compute_dtype for layer in model.layers}
    dtypes |= {cell.layer.compute_dtype for cell in recurrences(model)}
    if len(dtypes) > 1:
        raise UnsupportedError(f"model {model.name!r}: layers compute in {', '.join(sorted(dtypes))}; use one dtype")
    return dtypes.pop()


def _is_time_major(model: Model) -> bool:
    layouts = {bool(cell.layer.time_major) for cell in recurrences(model)}
    if len(layouts) > 1:
        raise UnsupportedError(f"model {model.name!r}: time_major differs between its recurrent layers; use one layout")
    return bool(layouts) and layouts.pop()


def _limit(model: Model, tensor: str) -> int | None:
    """Return below which number all readers of an input want its values, or None for any."""
    limits = [getattr(layer, "input_dim", None) for layer in readers_of(model, tensor)]
    known = [limit for limit in limits if isinstance(limit, int)]
    return min(known) if known else None


def output_names(last: Layer) -> list[str]:
    """Return the names of what a layer returns: its own name, and those of the states it returns."""
    return [f"{last.name}/{suffix}" if suffix else last.name for suffix in last.output_suffixes()]


def _masks(model: Model, inputs: list[Port], time_major: bool) -> tuple[tuple[Port, ...], str]:
    """Return the masks that a caller can give, and why there is none."""
    users, refusals = model.mask_users(), model.mask_refusals()
    ports = []
    for port in inputs:
        if (
            port.name in refusals
            or not users[port.name]
            or port.time_axis is None
            or port.batch_axis is None
            or len(port.shape) < 2
        ):
            continue
        assert port.time_axis is not None
        assert port.batch_axis is not None
        shape = (port.shape[port.time_axis], port.shape[port.batch_axis])
        single = len(inputs) == 1
        ports.append(
            Port(
                "mask" if single else f"{port.name}/mask",
                shape if time_major else shape[::-1],
                "int8",
                port.batch_axis,
                port.time_axis,
                port.length,
                of=None if single else port.name,
            )
        )
    if ports:
        return tuple(ports), ""
    for path in refusals.values():
        return (), f"layer {path!r} cannot be called on an input with a mask"
    for layer in model.layers:
        if layer.mask_rule == "values":
            return (), f"layer {layer.name!r} computes the mask from the input itself"
    return (), "no layer of this model takes a mask"


__all__ = [
    "Interface",
    "Lengths",
    "Port",
    "Recurrence",
    "compute_dtype",
    "draws_masks",
    "interface_of",
    "output_names",
    "recurrences",
    "state_sizes",
]
