"""Models that are graphs: several inputs and outputs, shared layers, initial states from the graph, masks per input."""

import numpy as np
import pytest

import lstm_ir
from lstm_ir.errors import ArgumentError, ArgumentTypeError
from lstm_ir.layers import LSTM, Dense, Functional, FunctionalBuilder, InputLayer
from lstm_ir.reference import run_model


def translator() -> Functional:
    """An encoder and a decoder of other lengths, and a Dense layer that is used twice."""
    b = FunctionalBuilder("translator")
    source = b.input(InputLayer((None, None, 3), name="source"))
    target = b.input(InputLayer((None, None, 2), name="target"))
    summary, h, c = b.call(LSTM(4, return_state=True, name="encoder"), [source])
    y, last, _ = b.call(
        LSTM(4, return_sequences=True, return_state=True, name="decoder"), [target], initial_state=[h, c]
    )
    (words,) = b.call(Dense(5, activation="softmax", name="words"), [y])
    shared = Dense(2, name="shared")
    (first,) = b.call(shared, [summary])
    (second,) = b.call(shared, [last])
    return b.model([words, first, second])


@pytest.fixture(scope="module")
def compiled() -> tuple[Functional, lstm_ir.Module]:
    model = translator()
    return model, lstm_ir.compile(model, form="loop")


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "source": rng.standard_normal((2, 5, 3)).astype(np.float32),
        "target": rng.standard_normal((2, 7, 2)).astype(np.float32),
    }


@pytest.mark.parametrize("masked", [(), ("source",), ("source", "target")])
def test_an_encoder_and_a_decoder(compiled, arrays, masked):
    model, module = compiled
    rng = np.random.default_rng(6)
    masks = {name: rng.random(arrays[name].shape[:2]) < 0.5 for name in masked} or None
    initial = {"encoder/h": rng.uniform(-1, 1, (2, 4)).astype(np.float32)}
    expected = run_model(model, arrays, masks, initial).outputs
    found = module(arrays, mask=masks, initial_state=initial)
    for mine, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, right, atol=1e-6)


def test_masks_that_come_again(compiled, arrays):
    """Of several inputs as a list or by name, with one left out or not; calls do not go the long way again."""
    model, module = compiled
    rng = np.random.default_rng(8)
    for call in range(3):
        a, b = (rng.integers(0, 3, arrays[name].shape[:2]) for name in ("source", "target"))
        for given, masks in [
            ([a, b], {"source": a, "target": b}),
            ((a, None), {"source": a}),
            ({"target": b > 0}, {"target": b}),
            ({"source": None}, None),
            (None, None),
        ]:
            expected = run_model(model, arrays, masks).outputs
            with pytest.MonkeyPatch.context() as patch:
                if call > 0:
                    patch.setattr("lstm_ir.runtime.module.bind_inputs", None)
                found = module(arrays, mask=given)
            for mine, right in zip(found, expected, strict=True):
                np.testing.assert_allclose(mine, right, atol=1e-6)
    with pytest.raises(ArgumentError, match=r"mask: must be \(batch, time\) = \(2, 7\)"):
        module(arrays, mask=[a, b[:, :5]])
    with pytest.raises(ArgumentError, match="mask: unknown 'x'"):
        module(arrays, mask={"x": a, "source": a})
    with pytest.raises(ArgumentError, match="mask: must have 2 arrays"):
        module(arrays, mask=[a])


def test_the_interface_names_everything(compiled):
    _, module = compiled
    assert [spec.name for spec in module.inputs] == ["source", "target"]
    assert [spec.name for spec in module.outputs] == ["words", "shared", "shared:1"]
    # The decoder starts from the encoder's state in each call, and so has none of its own.
    assert [spec.name for spec in module.states] == ["encoder/h", "encoder/c"]
    assert [spec.of for spec in module.masks] == ["source", "target"]


def test_inputs_are_given_in_order_or_by_name(compiled, arrays):
    _, module = compiled
    for mine, same in zip(module(arrays), module(arrays["source"], arrays["target"]), strict=True):
        np.testing.assert_array_equal(mine, same)
    assert [y.shape for y in module(arrays["source"][:0], arrays["target"][:0])] == [(0, 7, 5), (0, 2), (0, 2)]


def test_what_does_not_fit_is_refused_before_the_call(compiled, arrays):
    _, module = compiled
    source, target = arrays["source"], arrays["target"]
    with pytest.raises(ArgumentError, match="batch sizes must agree"):
        module(source, target[:1])
    with pytest.raises(ArgumentError, match="takes 2"):
        module(source)
    with pytest.raises(ArgumentError, match="mask: unknown 'target2'"):
        module(source, target, mask={"target2": None})
    with pytest.raises(ArgumentTypeError, match="dict by the input's name"):
        module(source, target, mask=np.ones((2, 5)))
    with pytest.raises(ArgumentError, match=r"mask: must be \(batch, time\) = \(2, 7\)"):
        module(source, target, mask=[None, np.ones((2, 5))])


def test_a_model_is_made_again_from_its_config():
    model = translator()
    again = Functional.from_config(model.get_config(), flavour=model.flavour)
    assert again.get_config() == model.get_config()
    assert again.calls[-1].number == 1


def test_a_graph_that_contradicts_itself_is_refused():
    b = FunctionalBuilder("wrong")
    x = b.input(InputLayer((None, None, 3), name="x"))
    (y,) = b.call(Dense(2, name="dense"), [x])
    with pytest.raises(ArgumentError, match="nothing makes the tensor 'z'"):
        b.model(["z"])
    with pytest.raises(ArgumentError, match="last axis of 3"):
        b.call(b.model([y]).layers[0], [y])
    b.call(Dense(1, name="dense"), [y])
    with pytest.raises(ArgumentError, match="'dense' names two layers"):
        b.model([y])
