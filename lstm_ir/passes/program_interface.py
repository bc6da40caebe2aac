"""What a compiled program takes and returns."""

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.program import OpenSize, ProgramModel, Size, Value, evaluate
from lstm_ir.passes.model_interface import Interface, Port


def program_interface(model: ProgramModel, batch: int | None = None, time: int | None = None) -> Interface:
    """Return a program's interface: inputs and outputs by its own names, no states, no masks.

    Args:
        model: The model.
        batch: Fix the batch to this size; None leaves it to run time.
        time: Fix all other open sizes of inputs; None leaves them to run time.

    Raises:
        UnsupportedError: If an input has more open sizes than a batch and a number of steps.
    """
    program = model.program
    names = dict.fromkeys(
        size.name
        for value in program.inputs.values()
        for size in value.shape
        if isinstance(size, OpenSize) and size.name is not None
    )
    lengths = [name for name in names if name != program.batch]
    known = {} if time is None else dict.fromkeys(lengths, time)
    if batch is not None and program.batch is not None:
        known[program.batch] = batch
    several = len(lengths) > 1

    def port(name: str, value: Value) -> Port:
        axes = [axis for axis, size in enumerate(value.shape) if _length(size) in lengths]
        batch_axis = program.batch_axes.get(name)
        time_axis = axes[0] if axes else None
        return Port(
            name,
            tuple(evaluate(size, known) for size in value.shape),
            "int32" if value.is_integer else program.dtype,
            batch_axis,
            time_axis,
            lengths.index(str(_length(value.shape[time_axis]))) if several and time_axis is not None else None,
            limit=program.limits.get(name),
        )

    for name, value in program.inputs.items():
        open_axes = [size for size in value.shape if _length(size) in lengths]
        if len(open_axes) > 1:
            raise UnsupportedError(
                f"input {name!r}: its sizes {', '.join(map(str, open_axes))} are open; accepted: a batch and one more"
            )
    return Interface(
        inputs=tuple(port(name, value) for name, value in program.inputs.items()),
        masks=(),
        mask_reason="an ONNX model takes the lengths of its sequences as an input, if any",
        seed=None,
        outputs=tuple(port(name, value) for name, value in program.outputs.items()),
        states=(),
    )


def _length(size: Size) -> str | None:
    return size.name if isinstance(size, OpenSize) else None
