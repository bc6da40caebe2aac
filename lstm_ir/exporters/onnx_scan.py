"""A recurrent layer as ONNX's operator Scan: a step in elementary operators, for what the layer's own cannot say.

That are masks, which in Keras repeat the state and the output wherever they are, and activations that it does not have.
"""

from collections.abc import Sequence

from lstm_ir.exporters.onnx_cells import Cell, zeros
from lstm_ir.exporters.onnx_graph import LAST, OnnxGraph


def add_scan(
    g: OnnxGraph, cell: Cell, x: str, mask: str | None, initial_state: Sequence[str | None]
) -> tuple[str, list[str]]:
    """Add one layer; returns its output as Keras has it, and the final states.

    The projection of the inputs is one product before the Scan. See `lstm_ir.reference.run_recurrent` for the step.

    Args:
        g: the graph.
        cell: the layer in ONNX.
        x: its input, (batch, time, features) or time-major.
        mask: its mask, laid out alike.
        initial_state: the states, each (batch, units); None is zeros.
    """
    layer, path = cell.layer, cell.path
    batch_axis, time_axis = int(layer.time_major), int(not layer.time_major)
    kernel, recurrent_kernel, biases = cell.weights(g.dtype)
    projected = g.add("MatMul", x, g.constant(kernel, f"{path}/kernel"))
    if biases[0].any():
        projected = g.add("Add", projected, g.constant(biases[0], f"{path}/bias"))
    recurrent = g.constant(recurrent_kernel, f"{path}/recurrent_kernel")
    # Where unrolled, Keras repeats outputs first and then zeroes them by the mask in the order of the input.
    misplaces = bool(layer.unroll and layer.go_backwards and layer.zero_output_for_mask and layer.return_sequences)
    repeats = mask is not None and (misplaces or not layer.zero_output_for_mask)
    no_output = zeros(g, x, batch_axis, layer.units)
    start = [no_output if state is None else state for state in initial_state]
    with g.body() as body:
        before = [g.free(f"{path}/step/{name}") for name in layer.state_names]
        previous, z, keep = (g.free(f"{path}/step/{name}") for name in ("previous", "z", "mask"))
        body.inputs += [*before, *([previous] if repeats else []), z, *([keep] if mask is not None else [])]
        product = g.add("MatMul", before[0], recurrent)
        if biases[1].any():
            product = g.add("Add", product, g.constant(biases[1], f"{path}/recurrent_bias"))
        after = cell.step(g, z, product, before)
        output = after[0]
        if mask is not None:
            row = g.unsqueeze(keep, 1)
            output = g.add("Where", row, output, previous if repeats else g.floats(0.0))
            after = [g.add("Where", row, new, old) for new, old in zip(after, before, strict=True)]
        # Results of a body have names of their own, each once.
        results = [*after, *([output] if repeats else []), output]
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
        scan_input_directions=[int(layer.go_backwards)] * len(sequences),
        scan_output_axes=[time_axis],
    )
    final, sequence = made[: len(start)], made[-1]
    if layer.return_sequences:
        if misplaces and mask is not None:
            sequence = g.add("Where", g.unsqueeze(mask, 2), sequence, g.floats(0.0))
        return sequence, final
    if mask is None:
        return final[0], final
    if repeats:
        return made[len(start)], final
    return g.squeeze(g.slice(sequence, time_axis, -1, LAST), time_axis), final
