"""The entry points of calls that come again: what ``call`` and ``call_masked`` compute, in the caller's memory.

``call`` takes and returns buffer views: it checks each, and makes one for each result, and the memory of the outputs.
For a small model that takes longer than its arithmetic. ``call_in_place`` is given plain buffers and the open sizes,
and hands out nothing: IREE inlines ``call``, whose results are written where the caller wants them. It does not wait
for them, but has a fence signalled: what runs the call on threads of its own, as local-task does, leaves the caller
free meanwhile. The like holds of ``call_masked_in_place``.
"""

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import IndexType, ModuleOp, UnitAttr
from xdsl.ir import Block, Region
from xdsl.rewriter import InsertPoint, Rewriter

from lstm_ir.dialect.hal_ops import BufferType, FenceType, TensorAliasOp, TensorBarrierOp, TensorImportOp
from lstm_ir.passes.model_interface import Interface, Port
from lstm_ir.passes.structured import Tensor, TensorBuilder
from lstm_ir.passes.worker_count import NO_WRAPPER

ENTRIES = {"call": "call_in_place", "call_masked": "call_masked_in_place"}
"""By what they compute; (inputs, [masks], [seed], states, storage of the new states, storage of the outputs, open
sizes, fence) to nothing."""


def add_in_place_entries(module: ModuleOp, interface: Interface) -> None:
    """Add the entry points to a module, each where it is worth while and right.

    Not where a loop runs in the function itself, dispatch by dispatch: beside that the call costs little, and IREE 3.13
    lost the offsets of what the loop carries, where the sizes of states are one value, as they are here. Nor where a
    tensor has an open size that is neither its batch nor its steps.

    Args:
        module: A module with the function ``call``, and ``call_masked`` if a mask may come, at target level.
        interface: What they take and return.
    """
    names = open_sizes([*interface.inputs, *interface.states])
    if names is None:
        return
    seed = [] if interface.seed is None else [interface.seed]
    functions = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, func.FuncOp)}
    for called, masks in (("call", ()), ("call_masked", interface.masks)):
        function = functions.get(called)
        if function is None or any(op.name.startswith("scf.") for op in function.walk()):
            continue
        ports = [*interface.inputs, *masks, *seed, *interface.states]
        entry = _entry(function, ports, len(interface.states), names)
        Rewriter.insert_op(entry, InsertPoint.at_end(module.body.block))


def _entry(called: func.FuncOp, ports: Sequence[Port], states: int, names: Sequence[str]) -> func.FuncOp:
    """Return the entry point over a function's tensors: its arguments up to the states, of which there are so many."""
    results = called.function_type.outputs.data
    first_state, first_size = len(ports), len(ports) + len(results)
    block = Block(arg_types=[*[BufferType()] * first_size, *[IndexType()] * len(names), FenceType()])
    *_, fence = block.args
    sizes = dict(zip(names, block.args[first_size:-1], strict=True))
    b = TensorBuilder.at_end(block)
    given = [
        b.do(TensorImportOp(buffer, [sizes[name] for name in _names(port)], type_))
        for port, buffer, type_ in zip(ports, block.args, called.function_type.inputs, strict=False)
    ]
    # The function does not look at its storage arguments; what wraps it does.
    given += given[len(given) - states :]
    first_output = first_state + states
    storage = [*block.args[first_output:first_size], *block.args[first_state:first_output]]
    call = b.insert(func.CallOp(called.sym_name.data, given, results))
    stored = [
        b.do(TensorAliasOp(value, Tensor(b.sizes(value), IndexType()).dynamic, buffer))
        for value, buffer in zip(call.results, storage, strict=True)
    ]
    b.insert(TensorBarrierOp(stored, fence))
    b.insert(func.ReturnOp())
    entry = func.FuncOp(ENTRIES[called.sym_name.data], ([arg.type for arg in block.args], ()), Region(block))
    entry.attributes[NO_WRAPPER] = UnitAttr()
    return entry


def open_sizes(ports: Sequence[Port]) -> list[str] | None:
    """Return the sizes that the entry point takes: the batch, if it is open, then the open lengths in their order.

    None if there are others.
    """
    names = [name for port in ports for name in _names(port)]
    if "" in names:
        return None
    return sorted(dict.fromkeys(names), key=lambda name: name != "batch")  # which keeps the order of the rest


def _names(port: Port) -> list[str]:
    """Return what each open size of a port is; an empty name for what is neither batch nor steps."""
    known = {port.batch_axis: "batch", port.time_axis: f"length {port.length}"}
    return [known.get(axis, "") for axis, size in enumerate(port.shape) if size is None]
