"""The recurrences of a program, each as an operator Scan with its cell in elementary operators."""

from collections.abc import Callable, Sequence

from lstm_ir.exporters.onnx_graph import OnnxGraph
from lstm_ir.layers.program import Elementwise, Full, Recurrence, Value
from lstm_ir.layers.program.recurrence import CellProduct

Apply = Callable[[Elementwise, list[str]], str]
"""Adds a function of single elements to tensors by name."""


def add_program_recurrence(g: OnnxGraph, recurrence: Recurrence, inputs: Sequence[str], apply: Apply) -> list[str]:
    """Add a Scan; returns the sequence and the last states.

    The importer reads it again: its sequence is one product, the body keeps states and output where a mask is false.
    """
    from onnx import helper

    x, kernel, recurrent, bias = inputs[:4]
    states, given_mask, products = recurrence.parts(inputs)
    cell, time_axis = recurrence.cell, int(not recurrence.time_major)
    with g.within(recurrence.name):
        mask = [] if given_mask is None else [given_mask]
        projected = g.add("Add", g.add("MatMul", x, kernel), bias)
        no_output = [g.add("Expand", g.floats(0.0), g.sizes(states[0], 0))] if recurrence.holds else []
        with g.body() as body:
            before = [g.free(f"{g.prefix}/step/state_{number}") for number in range(len(states))]
            previous, z, keep = (g.free(f"{g.prefix}/step/{name}") for name in ("previous", "z", "mask"))
            body.inputs += [*before, *([previous] if recurrence.holds else []), z, *([keep] if mask else [])]
            total = g.add("Add", z, g.add("MatMul", before[0], recurrent))
            gates = g.add_many("Split", [total], len(cell.gates), axis=1) if len(cell.gates) > 1 else [total]
            names = dict(zip((*cell.gates, *cell.states), (*gates, *before), strict=True))
            after = _step(g, recurrence, names, products, apply)
            output = after[0]
            if mask:
                row = g.unsqueeze(keep, 1)
                output = g.add("Where", row, output, previous if recurrence.holds else g.floats(0.0))
                after = [g.add("Where", row, new, old) for new, old in zip(after, before, strict=True)]
            results = [*after, *([output] if recurrence.holds else []), output]
            body.outputs += [g.add("Identity", result) for result in results]
        made = g.add_many(
            "Scan",
            [*states, *no_output, projected, *mask],
            len(results),
            body=helper.make_graph(
                body.nodes,
                f"{g.prefix}/step",
                [helper.make_empty_tensor_value_info(name) for name in body.inputs],
                [helper.make_empty_tensor_value_info(name) for name in body.outputs],
            ),
            num_scan_inputs=1 + len(mask),
            scan_input_axes=[time_axis] * (1 + len(mask)),
            scan_input_directions=[int(recurrence.is_reverse)] * (1 + len(mask)),
            scan_output_axes=[int(not recurrence.output_time_major)],
            scan_output_directions=[int(recurrence.is_reverse and not recurrence.output_is_visited)],
        )
    return [made[-1], *made[: len(states)]]


def _step(
    g: OnnxGraph, recurrence: Recurrence, names: dict[Value, str], products: Sequence[str], apply: Apply
) -> list[str]:
    for operation, (result,) in recurrence.cell.operations:
        if isinstance(operation, Full):
            names[result] = g.floats(operation.number)
        elif isinstance(operation, CellProduct):
            names[result] = g.add("MatMul", names[operation.inputs[0]], products[operation.place])
        else:
            assert isinstance(operation, Elementwise)
            names[result] = apply(operation, [names[value] for value in operation.inputs])
    return [names[value] for value in recurrence.cell.results]
