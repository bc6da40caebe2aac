"""What Keras itself is asked about a file: inputs, masks, and the states of every recurrent layer."""

import json
import zipfile

import numpy as np
import pytest

from lstm_ir.importers import read_model
from lstm_ir.tools.frameworks.choice import recurrences_of
from lstm_ir.tools.frameworks.exchange import Question
from lstm_ir.tools.frameworks.keras_worker import KerasModel
from lstm_ir.tools.frameworks.opened_model import CannotAskError

PACKAGES = {"k2": "tf_keras", "k3": "keras"}
FLAVOURS = {"k2": "keras2", "k3": "keras3"}
# Bidirectional layers, stacks of cells, stateful layers, states from the graph, several inputs and outputs, and the
# operations for masks that Keras 3 writes into a .h5. A call of tf_keras costs seconds.
WHOLE = ("k2_stream", "k2_listener", "k3_listener", "k3_forecast", "k3_stream", "k3_translator")


@pytest.fixture
def opened(data):
    def open_model(name: str, weights=None):
        pytest.importorskip(PACKAGES[name.rpartition("/")[2][:2]])
        path = data / name if weights is None else name
        model = read_model(path)
        settings = {"inputs": [x.name for x in model.inputs], "recurrences": recurrences_of(model), "weights": weights}
        return model, KerasModel(FLAVOURS[path.name[:2]], path, settings)

    return open_model


@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", WHOLE)
def test_whole_models(opened, agrees, recorded_inputs, drawn_states, data, kind):
    (path,) = (p for p in (data / "whole").glob(f"{kind}.*") if p.suffix != ".npz")
    model, keras_model = opened(f"whole/{path.name}")
    inputs = recorded_inputs(path)
    states = drawn_states(model, inputs)
    # The states of one call must not be left to the next.
    for start in (states, {}):
        answer = agrees(model, keras_model, Question(inputs, states=start))
        assert answer.reason is None


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["k3_built_by_call.h5", "k2_time_major.h5"])
def test_masks(opened, agrees, drawn_states, name):
    model, keras_model = opened(name)
    random = np.random.default_rng(1)
    shape = [size or (3, 5)[axis] for axis, size in enumerate(model.inputs[0].shape)]
    inputs = {model.inputs[0].name: random.standard_normal(shape).astype(np.float32)}
    mask = random.random(shape[:2]) < 0.6
    question = Question(inputs, {model.inputs[0].name: mask}, drawn_states(model, inputs))
    agrees(model, keras_model, question)


@pytest.mark.tensorflow
def test_a_saved_model_is_built_from_its_config(agrees, drawn_states, data, tmp_path):
    pytest.importorskip("tf_keras")
    with zipfile.ZipFile(data / "saved" / "stream.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"not a program")  # nobody asks for it
    model = read_model(tmp_path)
    settings = {"inputs": ["window"], "recurrences": recurrences_of(model)}
    with np.load(data / "saved" / "stream.npz") as recorded:
        inputs = {"window": recorded["x"]}
    keras_model = KerasModel("keras2", tmp_path, settings)
    for start in (drawn_states(model, inputs), {}):
        agrees(model, keras_model, Question(inputs, states=start))


@pytest.mark.tensorflow
def test_a_layer_that_is_called_twice(opened, data):
    model, keras_model = opened("graphs/k2_shared.keras")
    random = np.random.default_rng(1)
    shape = [size or (2, 5)[axis] for axis, size in enumerate(model.inputs[0].shape)]
    inputs = {given.name: random.standard_normal(shape).astype(np.float32) for given in model.inputs}
    answer = keras_model.answer(Question(inputs))
    assert answer.states == {}
    assert "'shared' is called 2 times" in answer.reason
    with pytest.raises(CannotAskError, match="'shared' is called 2 times"):
        keras_model.answer(
            Question(inputs, states={name: np.zeros((2, 3)) for name in keras_model.states.slots[0].names})
        )


@pytest.mark.tensorflow
def test_a_config_with_weights_beside_it_and_a_file_by_another_name(opened, agrees, data, tmp_path, recorded_inputs):
    whole = data / "whole" / "k3_forecast.keras"
    config, weights = tmp_path / "k3_model.json", tmp_path / "k3_model.weights.h5"
    with zipfile.ZipFile(whole) as archive:
        config.write_bytes(archive.read("config.json"))
        weights.write_bytes(archive.read("model.weights.h5"))
    inputs = recorded_inputs(whole)
    pytest.importorskip("keras")
    model = read_model(config)
    settings = {"inputs": list(inputs), "recurrences": recurrences_of(model)}
    agrees(model, KerasModel("keras3", config, {**settings, "weights": str(weights)}), Question(inputs))
    renamed = tmp_path / "model.bin"
    renamed.write_bytes(whole.read_bytes())
    agrees(model, KerasModel("keras3", renamed, {**settings, "weights": None}), Question(inputs))
    assert json.loads(config.read_text())["class_name"] == "Functional"
