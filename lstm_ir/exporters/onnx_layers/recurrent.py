"""Recurrent layers, Bidirectional, RNN and TimeDistributed."""

from collections.abc import Sequence

from lstm_ir.exporters.onnx_cell_node import Direction, add_node
from lstm_ir.exporters.onnx_cells import Cell, cell_of
from lstm_ir.exporters.onnx_graph import OnnxGraph, Tensor
from lstm_ir.exporters.onnx_scan import add_scan
from lstm_ir.exporters.registry import ExportCall, export_layer, exports
from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.rnn import RNN
from lstm_ir.layers.time_distributed import TimeDistributed

_MERGES = {"sum": "Add", "mul": "Mul", "ave": "Add"}

States = Sequence[str | None]


@exports(RecurrentLayer, RNN)
def export_recurrent(g: OnnxGraph, layer: RecurrentLayer | RNN, call: ExportCall) -> list[str]:
    """The output, and with ``return_state`` the states."""
    output, states = _layer(g, layer, call.path, call.x, call.mask, call.initial_state)
    call.states += states
    return [output, *states] if layer.return_state else [output]


@exports(Bidirectional)
def export_bidirectional(g: OnnxGraph, layer: Bidirectional, call: ExportCall) -> list[str]:
    """The merged output or both, and with ``return_state`` the states."""
    copies = (layer.forward_layer, layer.backward_layer)
    half = len(call.initial_state) // 2
    starts = (call.initial_state[:half], call.initial_state[half:])
    paths = (f"{call.path}/forward", f"{call.path}/backward")
    directions = _node_of_both(g, layer, paths, starts) if call.mask is None else None
    if directions is not None:
        outputs, call.states[:] = _both(g, layer, call.x, directions)
    else:
        outputs = []
        for copy, path, start in zip(copies, paths, starts, strict=True):
            output, states = _layer(g, copy, path, call.x, call.mask, start)
            outputs.append(output)
            call.states += states
        if layer.return_sequences:
            outputs[1] = g.flip(outputs[1], int(not layer.time_major))
    if layer.merge_mode == "concat" and len(outputs) == 2:
        outputs = [g.add("Concat", *outputs, axis=-1)]
    elif layer.merge_mode is not None and len(outputs) == 2:
        outputs = [g.add(_MERGES[layer.merge_mode], *outputs)]
        if layer.merge_mode == "ave":
            outputs = [g.add("Mul", outputs[0], g.floats(0.5))]
    return [*outputs, *call.states] if layer.return_state else outputs


@exports(TimeDistributed)
def export_time_distributed(g: OnnxGraph, layer: TimeDistributed, call: ExportCall) -> list[str]:
    """The layer inside on all steps of all samples at once."""
    features = g.sizes(call.x, 2)
    samples = g.add("Reshape", call.x, g.add("Concat", g.integers([-1]), features, axis=0))
    (output_shape,) = call.output_shapes
    inner = ExportCall(
        call.path,
        [Tensor(samples, (None, *call.shape[2:]))],
        [(None, *output_shape[2:])],
        [None],
        [None for _, cell in layer.layer.recurrent_cells() for _ in cell.state_names],
    )
    (output,), _ = export_layer(g, layer.layer, inner)
    sizes = g.add("Concat", g.sizes(call.x, 0, 2), g.sizes(output, 1), axis=0)
    return [g.add("Reshape", output, sizes)]


def _layer(
    g: OnnxGraph, layer: RecurrentLayer | RNN, path: str, x: str, mask: str | None, start: States
) -> tuple[str, list[str]]:
    """A layer, or the cells of a stack one behind the other: the output and the states."""
    if isinstance(layer, RecurrentLayer):
        return _cell(g, cell_of(layer, path), x, mask, start)
    states: list[str] = []
    for position, (suffix, cell) in enumerate(layer.recurrent_cells()):
        if position == 1 and layer.go_backwards and mask is not None:  # the outputs are in the order of the visits
            mask = g.flip(mask, int(not layer.time_major))
        own = start[len(states) : len(states) + len(cell.state_names)]
        x, last = _cell(g, cell_of(cell, f"{path}/{suffix}" if suffix else path), x, mask, own)
        states += last
    return x, states


def _cell(g: OnnxGraph, cell: Cell, x: str, mask: str | None, start: States) -> tuple[str, list[str]]:
    """One cell: its output, a sequence in the order of the visits, and the final states."""
    layer = cell.layer
    if mask is not None or not cell.has_operator(g):
        return add_scan(g, cell, x, mask, start)
    x = x if layer.time_major else g.transpose(x, 1, 0, 2)
    y, *last = add_node(g, x, [Direction(cell, start)])
    states = [g.squeeze(state, 0) for state in last]
    if not layer.return_sequences:
        return states[0], states
    y = g.squeeze(y, 1)
    y = g.flip(y, 0) if layer.go_backwards else y
    return (y if layer.time_major else g.transpose(y, 1, 0, 2)), states


def _node_of_both(
    g: OnnxGraph, layer: Bidirectional, paths: Sequence[str], starts: Sequence[States]
) -> list[Direction] | None:
    """The directions of one node that runs both, None where there is no such node."""
    copies = (layer.forward_layer, layer.backward_layer)
    if any(isinstance(copy, RNN) for copy in copies) or copies[0].go_backwards or copies[0].units != copies[1].units:
        return None
    cells = [cell_of(copy, path) for copy, path in zip(copies, paths, strict=True)]
    if type(cells[0]) is not type(cells[1]) or cells[0].attributes != cells[1].attributes:
        return None
    if not all(cell.has_operator(g) for cell in cells):
        return None
    return [Direction(cell, start) for cell, start in zip(cells, starts, strict=True)]


def _both(g: OnnxGraph, layer: Bidirectional, x: str, directions: list[Direction]) -> tuple[list[str], list[str]]:
    """Both directions by one node: the outputs, of sequences concatenated already the merged one, and the states."""
    x = x if layer.time_major else g.transpose(x, 1, 0, 2)
    y, *last = add_node(g, x, directions)
    halves = [[g.squeeze(part, 0) for part in g.add_many("Split", [state], 2, axis=0)] for state in last]
    states = [half[direction] for direction in (0, 1) for half in halves]
    if not layer.return_sequences:
        return halves[0], states
    if layer.merge_mode == "concat":
        swapped = g.transpose(y, *((0, 2, 1, 3) if layer.time_major else (2, 0, 1, 3)))
        return [g.reshape(swapped, 0, 0, -1)], states
    outputs = [g.squeeze(part, 1) for part in g.add_many("Split", [y], 2, axis=1)]
    return [part if layer.time_major else g.transpose(part, 1, 0, 2) for part in outputs], states
