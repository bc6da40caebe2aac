"""Every committed model, exported to ONNX, gives what the float64 reference gives of it."""

from pathlib import Path

import numpy as np
import pytest

from lstm_ir.importers import from_torch, read_model
from lstm_ir.passes.model_interface import interface_of
from lstm_ir.reference import run_model

pytestmark = pytest.mark.filterwarnings("ignore:.*only the nn.LSTM 'rnn' is compiled")
DATA = Path(__file__).parents[1] / "importers" / "data"
FILES = sorted(
    p for folder in (DATA, DATA / "graphs", DATA / "whole") for p in folder.iterdir() if p.suffix in (".keras", ".h5")
)
FILES += sorted(p for p in DATA.iterdir() if p.suffix in (".onnx", ".safetensors"))
TIME = 12


def arrays_for(ports, batch, rng):
    for port in ports:
        shape = list(port.shape)
        for axis, size in enumerate(shape):
            if size is None:
                shape[axis] = batch if axis == port.batch_axis else TIME
        if port.dtype == "int32":
            yield port.name, rng.integers(0, port.limit or 4, shape).astype(np.int32)
        elif port.dtype == "int8":
            yield port.name, rng.random(shape) < 0.6
        else:
            yield port.name, rng.standard_normal(shape).astype(port.dtype)


def load(path):
    return from_torch(path) if path.suffix in (".pt", ".safetensors") else read_model(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_committed_model(path, exported, both, rng):
    model = load(path)
    interface = interface_of(model)
    first = interface.inputs[0]
    # A stateful model has the batch that it was built for.
    batch = model.inputs[0].shape[first.batch_axis or 0] or 2
    inputs = dict(arrays_for(interface.inputs, batch, rng))
    stateful = {scan.state for scan in model.recurrences() if getattr(scan.call.layer, "stateful", False)}
    ports = [port for port in interface.states if port.name.rpartition("/")[0] in stateful]
    states = {p.name: rng.uniform(-1, 1, (batch, p.shape[1])).astype(p.dtype) for p in ports}
    started = inputs | {f"{name}/initial": value for name, value in states.items()}

    def expected(masks=None):
        result = run_model(model, inputs, masks, states)
        return [*result.outputs, *(result.states[port.name] for port in ports)]

    plain = exported(model)
    names = [*(p.name for p in interface.outputs), *(f"{p.name}/final" for p in ports)]
    assert plain.names == names
    both(plain, started, expected())
    if interface.masks:
        masks = dict(arrays_for(interface.masks, batch, rng))
        by_input = {port.of or first.name: masks[port.name] for port in interface.masks}
        masked = exported(model, with_masks=True)
        given = by_input if len(interface.inputs) > 1 else next(iter(by_input.values()))
        both(masked, started | masks, expected(given))
