"""What a compiled program takes and returns."""

from collections.abc import Mapping

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.program import OpenSize, Operation, Program, ProgramModel, Size, Slice, Value, evaluate
from lstm_ir.passes.model_interface import Interface, Port

_LONGEST_LEAST = 4096


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
    least = _least_length(program, lengths, time)

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
            least_time=least if time_axis is not None and value.operation is None else 1,
            limit=program.limits.get(name),
        )

    for name, value in program.inputs.items():
        if sum(_length(size) == program.batch for size in value.shape if isinstance(size, OpenSize)) > 1:
            raise UnsupportedError(f"input {name!r}: its batch lies on two axes; accepted: on one")
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


def _least_length(program: Program, lengths: list[str], time: int | None) -> int:
    """Return the least length with which every slice lies inside what it is cut from.

    Raises:
        ArgumentError: If ``time`` is less.
        UnsupportedError: If there is none, or a slice wants several rows of the batch.
    """
    known = dict.fromkeys([] if program.batch is None else [program.batch], 1)
    trials = range(1, _LONGEST_LEAST + 1) if lengths else range(1, 2)
    wanted = [
        (operation, value)
        for operation, results in program.operations
        for value in results
        if any(isinstance(size, OpenSize) for size in (*value.shape, *(v for i in operation.inputs for v in i.shape)))
    ]
    for least in trials:
        known.update(dict.fromkeys(lengths, least))
        if all(_fits(operation, value, known) for operation, value in wanted):
            if time is not None and time < least:
                raise ArgumentError(f"time: got {time}, the model's slices need {least} steps or more")
            return least
    raise UnsupportedError(f"model {program.name!r}: a slice of the batch, or of more steps than {_LONGEST_LEAST}")


def _fits(operation: Operation, value: Value, known: Mapping[str, int]) -> bool:
    sizes = [evaluate(size, known) for size in value.shape]
    if any(size is not None and size < 1 for size in sizes):
        return False
    if not isinstance(operation, Slice):
        return True
    start, count = evaluate(operation.start, known), sizes[operation.axis]
    whole = evaluate(operation.inputs[0].shape[operation.axis], known)
    if start is None or count is None or whole is None:
        return True
    last = start + (count - 1) * operation.step
    return 0 <= start < whole and 0 <= last < whole


def _length(size: Size) -> str | None:
    return size.name if isinstance(size, OpenSize) else None
