"""An LSTM as ONNX's operator Scan: a step in elementary operators, for what the operator LSTM cannot say.

That are masks, which in Keras repeat the state and the output wherever they are, and activations that it does not have.
"""

from lstm_ir.exporters.onnx_activations import activate
from lstm_ir.exporters.onnx_graph import LAST, OnnxGraph
from lstm_ir.exporters.onnx_lstm import cell_weights, zeros
from lstm_ir.layers.lstm import LSTM


def add_scan(
    g: OnnxGraph,
    cell: LSTM,
    path: str,
    x: str,
    mask: str | None,
    initial_state: tuple[str | None, str | None],
) -> tuple[str, str, str]:
    """Add one LSTM; returns its output as Keras has it, and the final h and c.

    The projection of the inputs is one product before the Scan. See `lstm_ir.reference.run_lstm` for the step.

    Args:
        g: the graph.
        cell: the LSTM.
        path: its name, with which those of its weights start.
        x: its input, (batch, time, features) or time-major.
        mask: its mask, laid out alike.
        initial_state: h and c, each (batch, units); None is zeros.
    """
    units, batch_axis, time_axis = cell.units, int(cell.time_major), int(not cell.time_major)
    kernel, recurrent_kernel, bias = cell_weights(g, cell)
    projected = g.add("MatMul", x, g.constant(kernel, f"{path}/kernel"))
    if bias is not None:
        projected = g.add("Add", projected, g.constant(bias, f"{path}/bias"))
    recurrent = g.constant(recurrent_kernel, f"{path}/recurrent_kernel")
    # Where unrolled, Keras repeats outputs first and then zeroes them by the mask in the order of the input.
    misplaces = bool(cell.unroll and cell.go_backwards and cell.zero_output_for_mask and cell.return_sequences)
    repeats = mask is not None and (misplaces or not cell.zero_output_for_mask)
    no_output = zeros(g, x, batch_axis, units)
    start = [no_output if state is None else state for state in initial_state]
    with g.body() as body:
        h, c, previous = (g.free(f"{path}/step/{name}") for name in ("h", "c", "previous"))
        z, keep = g.free(f"{path}/step/z"), g.free(f"{path}/step/mask")
        body.inputs += [h, c, *([previous] if repeats else []), z, *([keep] if mask is not None else [])]
        gates = g.add("Add", z, g.add("MatMul", h, recurrent))
        zi, zf, zc, zo = g.add_many("Split", [gates], 4, axis=1)
        i, f, o = (activate(g, cell.recurrent_activation, part) for part in (zi, zf, zo))
        candidate = g.add("Mul", i, activate(g, cell.activation, zc))
        new_c = g.add("Add", g.add("Mul", f, c), candidate)
        new_h = output = g.add("Mul", o, activate(g, cell.activation, new_c))
        if mask is not None:
            row = g.unsqueeze(keep, 1)
            output = g.add("Where", row, new_h, previous if repeats else g.floats(0.0))
            new_h, new_c = g.add("Where", row, new_h, h), g.add("Where", row, new_c, c)
        # Results of a body have names of their own, each once.
        results = [new_h, new_c, *([output] if repeats else []), output]
        body.outputs += [g.add("Identity", result) for result in results]
    states = [*start, *([no_output] if repeats else [])]
    sequences = [projected, *([mask] if mask is not None else [])]
    from onnx import helper

    made = g.add_many(
        "Scan",
        [*states, *sequences],
        len(states) + 1,
        body=helper.make_graph(
            body.nodes,
            f"{path}/step",
            [helper.make_empty_tensor_value_info(name) for name in body.inputs],
            [helper.make_empty_tensor_value_info(name) for name in body.outputs],
        ),
        num_scan_inputs=len(sequences),
        scan_input_axes=[time_axis] * len(sequences),
        scan_input_directions=[int(cell.go_backwards)] * len(sequences),
        scan_output_axes=[time_axis],
    )
    final_h, final_c, sequence = made[0], made[1], made[-1]
    if cell.return_sequences:
        if misplaces and mask is not None:
            sequence = g.add("Where", g.unsqueeze(mask, 2), sequence, g.floats(0.0))
        return sequence, final_h, final_c
    if mask is None:
        return final_h, final_h, final_c
    if repeats:
        return made[2], final_h, final_c
    return g.squeeze(g.slice(sequence, time_axis, -1, LAST), time_axis), final_h, final_c
