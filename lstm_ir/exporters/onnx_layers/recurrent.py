"""LSTM, Bidirectional, RNN and TimeDistributed."""

from lstm_ir.errors import UnsupportedError
from lstm_ir.exporters.onnx_graph import OnnxGraph, Tensor
from lstm_ir.exporters.onnx_lstm import Direction, add_node, is_expressible
from lstm_ir.exporters.onnx_scan import add_scan
from lstm_ir.exporters.registry import ExportCall, export_layer, exports
from lstm_ir.layers.base import Layer
from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.rnn import RNN
from lstm_ir.layers.time_distributed import TimeDistributed

_MERGES = {"sum": "Add", "mul": "Mul", "ave": "Add"}


@exports(LSTM)
def export_lstm(g: OnnxGraph, layer: LSTM, call: ExportCall) -> list[str]:
    """The output, and with ``return_state`` h and c."""
    output, h, c = _cell(g, layer, call.path, call.x, call.mask, _start(call, 0))
    call.states += [h, c]
    return [output, h, c] if layer.return_state else [output]


@exports(Bidirectional)
def export_bidirectional(g: OnnxGraph, layer: Bidirectional, call: ExportCall) -> list[str]:
    """The merged output or both, and with ``return_state`` the four states."""
    paths = [f"{call.path}/{name}" for name in ("forward", "backward")]
    forward, backward = _lstm(layer.forward_layer, paths[0]), _lstm(layer.backward_layer, paths[1])
    starts = [_start(call, 0), _start(call, 1)]
    expressible = is_expressible(forward) and is_expressible(backward)
    if call.mask is None and expressible and forward.units == backward.units and not forward.go_backwards:
        outputs, call.states[:] = _both(g, layer, call.x, paths, starts)
    else:
        outputs = []
        for cell, path, start in zip((forward, backward), paths, starts, strict=True):
            output, h, c = _cell(g, cell, path, call.x, call.mask, start)
            outputs.append(output)
            call.states += [h, c]
        if layer.return_sequences:
            outputs[1] = g.flip(outputs[1], int(not layer.time_major))
    if layer.merge_mode == "concat" and len(outputs) == 2:
        outputs = [g.add("Concat", *outputs, axis=-1)]
    elif layer.merge_mode is not None and len(outputs) == 2:
        outputs = [g.add(_MERGES[layer.merge_mode], *outputs)]
        if layer.merge_mode == "ave":
            outputs = [g.add("Mul", outputs[0], g.floats(0.5))]
    return [*outputs, *call.states] if layer.return_state else outputs


@exports(RNN)
def export_rnn(g: OnnxGraph, layer: RNN, call: ExportCall) -> list[str]:
    """The cells one behind the other, all with the mask of the input."""
    x = call.x
    for position, (suffix, cell) in enumerate(layer.recurrent_cells()):
        path = f"{call.path}/{suffix}" if suffix else call.path
        x, h, c = _cell(g, _lstm(cell, path), path, x, call.mask, _start(call, position))
        call.states += [h, c]
    return [x, *call.states] if layer.return_state else [x]


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
        [None for _ in layer.layer.recurrent_cells() for _ in ("h", "c")],
    )
    (output,), _ = export_layer(g, layer.layer, inner)
    sizes = g.add("Concat", g.sizes(call.x, 0, 2), g.sizes(output, 1), axis=0)
    return [g.add("Reshape", output, sizes)]


def _lstm(layer: Layer, path: str) -> LSTM:
    if not isinstance(layer, LSTM):
        raise UnsupportedError(f"layer {path!r}: {layer.keras_class_name} cannot be exported to ONNX")
    return layer


def _start(call: ExportCall, position: int) -> tuple[str | None, str | None]:
    h, c = call.initial_state[2 * position : 2 * position + 2]
    return h, c


def _cell(
    g: OnnxGraph, cell: LSTM, path: str, x: str, mask: str | None, start: tuple[str | None, str | None]
) -> tuple[str, str, str]:
    """One LSTM: its output, a sequence in the order of the visits, and the final h and c."""
    if mask is not None or not is_expressible(cell):
        return add_scan(g, cell, path, x, mask, start)
    x = x if cell.time_major else g.transpose(x, 1, 0, 2)
    y, h, c = add_node(g, x, [Direction(cell, path, start)])
    h, c = g.squeeze(h, 0), g.squeeze(c, 0)
    if not cell.return_sequences:
        return h, h, c
    y = g.squeeze(y, 1)
    y = g.flip(y, 0) if cell.go_backwards else y
    return (y if cell.time_major else g.transpose(y, 1, 0, 2)), h, c


def _both(
    g: OnnxGraph, layer: Bidirectional, x: str, paths: list[str], starts: list[tuple[str | None, str | None]]
) -> tuple[list[str], list[str]]:
    """Both directions by one node: the outputs, of sequences concatenated already the merged one, and the states."""
    cells = (layer.forward_layer, layer.backward_layer)
    x = x if layer.time_major else g.transpose(x, 1, 0, 2)
    directions = [Direction(*parts) for parts in zip(cells, paths, starts, strict=True)]
    y, *last = add_node(g, x, directions)
    h, c = ([g.squeeze(part, 0) for part in g.add_many("Split", [state], 2, axis=0)] for state in last)
    states = [h[0], c[0], h[1], c[1]]
    if not layer.return_sequences:
        return h, states
    if layer.merge_mode == "concat":
        swapped = g.transpose(y, *((0, 2, 1, 3) if layer.time_major else (2, 0, 1, 3)))
        return [g.reshape(swapped, 0, 0, -1)], states
    outputs = [g.squeeze(part, 1) for part in g.add_many("Split", [y], 2, axis=1)]
    return [part if layer.time_major else g.transpose(part, 1, 0, 2) for part in outputs], states
