"""Every kind of layer, exported to ONNX: few graphs of many layers each."""

import numpy as np
import pytest

from lstm_ir import layers as la
from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.exporters import export_onnx, onnx_bytes
from lstm_ir.layers import FunctionalBuilder, InputLayer
from lstm_ir.layers.activations import ACTIVATION_NAMES
from lstm_ir.reference import run_model


def randomised(model):
    rng = np.random.default_rng(11)
    for weight in model.weights:
        values = rng.uniform(-0.7, 0.7, weight.shape)
        weight.assign(values**2 + 0.2 if weight.spec.name == "moving_variance" else values)
    return model


def one_by_one(kinds, shape=(None, None, 4)):
    """A model that calls each layer on its input and returns all results."""
    b = FunctionalBuilder("kinds")
    x = b.input(InputLayer(shape, name="x"))
    return randomised(b.model([tensor for layer in kinds for tensor in b.call(layer, [x])]))


def sequence(rng, steps, features=4, batch=2):
    return rng.standard_normal((batch, steps, features)).astype(np.float32)


def elementwise():
    return [
        la.ReLU(name="relu"),
        la.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2, name="relu_all"),
        la.LeakyReLU(0.2, name="leaky"),
        la.ELU(0.7, name="elu"),
        la.PReLU(shared_axes=[1], name="prelu"),
        la.Softmax(name="softmax"),
        la.ThresholdedReLU(0.5, name="thresholded"),
        la.GaussianNoise(0.4, name="noise"),
        la.Dropout(0.4, name="dropout"),
        la.BatchNormalization(name="batch"),
        la.BatchNormalization(name="batch_bare", center=False, scale=False, epsilon=0.1),
        la.LayerNormalization(name="layer"),
        la.LayerNormalization(name="layer_bare", center=False, epsilon=1e-6),
        la.TimeDistributed(la.Dense(3, activation="tanh"), name="each_dense"),
        la.RNN([la.LSTM(3), la.LSTM(2)], return_sequences=True, return_state=True, name="stack"),
        la.RNN([la.LSTM(3)], go_backwards=True, name="cell"),
        la.Affine(-0.5, 2.0, name="affine"),
        la.GetItem([-1], name="last_step"),
        la.GetItem([0, [1, -1]], name="part"),
        *(la.ActivationLayer(name, name=f"layer_{name}") for name in ACTIVATION_NAMES),
    ]


def windows():
    return [
        la.Conv1D(3, 3, name="valid"),
        la.Conv1D(3, 4, padding="same", name="same_even"),
        la.Conv1D(3, 3, strides=3, padding="same", name="same_strided"),
        la.Conv1D(3, 2, padding="same", dilation_rate=3, use_bias=False, activation="relu", name="same_dilated"),
        la.Conv1D(3, 3, padding="causal", dilation_rate=2, name="causal"),
        la.Conv1D(4, 3, padding="causal", strides=2, groups=2, name="causal_grouped"),
        la.MaxPooling1D(2, name="max"),
        la.MaxPooling1D(3, 2, "same", name="max_same"),
        la.AveragePooling1D(3, 1, name="mean"),
        la.AveragePooling1D(3, 2, "same", name="mean_same"),
        la.GlobalMaxPooling1D(name="global_max"),
        la.GlobalAveragePooling1D(keepdims=True, name="global_mean_kept"),
        la.Cropping1D((1, 2), name="cropped"),
        la.Cropping1D((2, 0), name="cropped_before"),
        la.ZeroPadding1D((2, 1), name="padded"),
        la.UpSampling1D(3, name="up"),
        la.Permute((2, 1), name="permuted"),
        la.Flatten(name="flat"),
        la.Reshape((-1, 2), name="reshaped"),
    ]


def recurrent():
    """Activations in both places, but the one that leads to infinity; and all ways round."""
    kinds = [
        la.LSTM(3, activation=name, recurrent_activation=gate, name=f"{name}_{number}", return_sequences=bool(number))
        for name in ACTIVATION_NAMES
        if name != "exponential"
        for number, gate in enumerate(("sigmoid", name))
    ]
    kinds += [la.GRU(3, name=name, recurrent_activation=name) for name in ("hard_sigmoid", "relu6")]
    kinds += [la.SimpleRNN(3, name=name, activation=name) for name in ("softsign", "gelu")]
    kinds += [la.GRU(3, name=f"before_{name}", reset_after=False, activation=name) for name in ("tanh", "softmax")]
    both = [la.GRU(2, reset_after=before, go_backwards=before, flavour="keras2") for before in (False, True)]
    kinds.append(la.Bidirectional(both[0], backward_layer=both[1], name="both_resets"))
    for backwards in (False, True):
        for zeroed in (False, True):
            for returned in (False, True):
                kinds.extend(
                    cls(
                        3,
                        return_sequences=returned,
                        return_state=True,
                        go_backwards=backwards,
                        zero_output_for_mask=zeroed,
                        use_bias=zeroed,
                        name=f"{cls.__name__}_{backwards:d}{zeroed:d}{returned:d}",
                    )
                    for cls in (la.LSTM, la.GRU, la.SimpleRNN)
                )
    for merge in ("concat", "sum", "mul", "ave", None):
        for returned in (False, True):
            inner = la.LSTM(2, return_sequences=returned, return_state=merge == "concat")
            kinds.append(la.Bidirectional(inner, merge_mode=merge, name=f"both_{merge}_{returned:d}"))
    kinds.append(la.Bidirectional(la.LSTM(2, go_backwards=True, return_sequences=True), name="both_swapped"))
    kinds.append(la.Bidirectional(la.GRU(2, return_state=True, return_sequences=True), name="both_gru"))
    stack = la.RNN([la.GRU(3), la.SimpleRNN(2), la.LSTM(2)], return_sequences=True, return_state=True, name="stack")
    kinds.append(la.Bidirectional(stack, name="both_stacks"))
    kinds.append(la.RNN([la.LSTM(3), la.GRU(2)], go_backwards=True, name="stack_backwards"))
    return kinds


@pytest.mark.parametrize(("kinds", "lengths"), [(elementwise, (7, 12)), (windows, (7, 12)), (recurrent, (1, 4))])
def test_kinds_of_layers_at_any_length(kinds, lengths, exported, both, rng):
    model = one_by_one(kinds())
    made = exported(model)
    for steps in lengths:
        x = sequence(rng, steps)
        both(made, {"x": x}, run_model(model, x).outputs)


def test_masks_leave_steps_out_wherever_they_are(exported, both, rng):
    model = one_by_one(recurrent())
    made = exported(model, with_masks=True)
    x, mask = sequence(rng, 6, batch=3), rng.random((3, 6)) < 0.5
    mask[0] = False
    both(made, {"x": x, "mask": mask}, run_model(model, x, mask).outputs)


def test_unrolled_layers_have_the_mask_of_unrolled_keras(exported, both, rng):
    flags = {"unroll": True, "go_backwards": True, "zero_output_for_mask": True, "return_sequences": True}
    model = one_by_one([la.LSTM(3, **flags)], (None, 5, 4))
    made = exported(model, with_masks=True)
    x, mask = sequence(rng, 5), rng.random((2, 5)) < 0.5
    both(made, {"x": x, "mask": mask}, run_model(model, x, mask).outputs)


@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
def test_masks_that_layers_make_and_merge(flavour, exported, both, rng):
    def named(cls, *args, **kwargs):
        return cls(*args, flavour=flavour, **kwargs)

    b = FunctionalBuilder("masks")
    ids = b.input(InputLayer((None, None), "int32", "ids", flavour=flavour))
    x = b.input(InputLayer((None, None, 4), name="x", flavour=flavour))
    (rows,) = b.call(named(la.Embedding, 7, 4, mask_zero=True, name="rows"), [ids])
    (kept,) = b.call(named(la.Masking, 0.5, name="kept"), [x])
    outputs = []
    for name, layer in {
        "add": named(la.Add, name="add"),
        "average": named(la.Average, name="average"),
        "maximum": named(la.Maximum, name="maximum"),
        "subtract": named(la.Subtract, name="subtract"),
        "features": named(la.Concatenate, name="features"),
        "steps": named(la.Concatenate, axis=1, name="steps"),
    }.items():
        for place, second in enumerate((kept, x)):
            (merged,) = b.call(layer, [rows, second])
            (last,) = b.call(named(la.LSTM, 2, name=f"{name}_lstm_{place}"), [merged])
            outputs.append(last)
    (mean,) = b.call(named(la.GlobalAveragePooling1D, name="mean"), [kept])
    model = randomised(b.model([*outputs, mean]))
    arrays = {"ids": rng.integers(0, 3, (3, 6)).astype(np.int32), "x": sequence(rng, 6, batch=3)}
    arrays["x"][rng.random((3, 6)) < 0.4] = 0.5
    arrays["x"][:, 0] = 1.0  # the mean of no step is not a number
    made = exported(model)
    both(made, arrays, run_model(model, arrays).outputs)


@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
def test_attention_and_its_masks(flavour, exported, both, rng):
    b = FunctionalBuilder("attention")
    query = b.input(InputLayer((None, None, 4), name="query", flavour=flavour))
    value = b.input(InputLayer((None, None, 4), name="value", flavour=flavour))
    tensors = [b.call(la.Masking(0.5, flavour=flavour), [x])[0] for x in (query, value)]
    outputs = []
    for layer in (
        la.Attention(name="dot", flavour=flavour),
        la.Attention(use_scale=True, score_mode="concat", name="concat", flavour=flavour),
        la.AdditiveAttention(name="additive", flavour=flavour),
        la.Dot(2, name="products", flavour=flavour),
    ):
        outputs += b.call(layer, tensors)
    last = [b.call(la.LSTM(3, name=f"last_{k}", flavour=flavour), [x])[0] for k, x in enumerate(tensors)]
    outputs += b.call(la.Dot(1, name="vectors", flavour=flavour), last)
    outputs += b.call(la.Dot((1, 2), name="rows", flavour=flavour), [outputs[3], outputs[3]])
    model = randomised(b.model(outputs))
    arrays = {"query": sequence(rng, 5, batch=3), "value": sequence(rng, 5, batch=3)}
    for array in arrays.values():
        array[rng.random((3, 5)) < 0.4] = 0.5
    made = exported(model)
    both(made, arrays, run_model(model, arrays).outputs)


def test_models_of_float64_run_in_float64(exported, both, rng):
    """But for Conv and Erf, which ONNX Runtime has in float32 alone."""
    kinds = [
        la.LSTM(2, activation=name, recurrent_activation="hard_sigmoid", name=f"lstm_{name}", dtype="float64")
        for name in ACTIVATION_NAMES
        if name not in ("gelu", "exponential")
    ]
    kinds += [la.Bidirectional(la.GRU(2, dtype="float64"), name="gru", dtype="float64")]
    kinds += [la.BatchNormalization(dtype="float64"), la.LayerNormalization(dtype="float64")]
    b = FunctionalBuilder("double")
    x = b.input(InputLayer((None, None, 4), "float64", name="x"))
    model = randomised(b.model([tensor for layer in kinds for tensor in b.call(layer, [x])]))
    made = exported(model)
    array = rng.standard_normal((2, 5, 4))
    both(made, {"x": array}, run_model(model, array).outputs, in_double=True)


def test_a_layer_with_weights_of_cudnn(exported, both, rng):
    model = one_by_one([la.CuDNNLSTM(3, return_sequences=True, name="gpu"), la.CuDNNGRU(2, name="gated")])
    made = exported(model)
    x = sequence(rng, 5)
    both(made, {"x": x}, run_model(model, x).outputs)


def encoder_and_decoder():
    b = FunctionalBuilder("translator")
    source = b.input(InputLayer((None, None, 3), name="source"))
    target = b.input(InputLayer((None, None, 2), name="target"))
    _, h, c = b.call(la.LSTM(4, return_state=True, name="encoder"), [source])
    decoder = la.LSTM(4, return_sequences=True, name="decoder", recurrent_activation="sigmoid")
    (y,) = b.call(decoder, [target], initial_state=[h, c])
    return randomised(b.model([y]))


def test_an_encoder_and_a_decoder(exported, both, rng):
    model = encoder_and_decoder()
    made = exported(model)
    arrays = {"source": sequence(rng, 5, 3), "target": sequence(rng, 7, 2)}
    both(made, arrays, run_model(model, arrays).outputs)


def test_states_of_stateful_layers_are_inputs_and_outputs(exported, close, rng):
    """A long sequence in two calls is the sequence in one; a layer that is called twice goes on from its first call."""
    b = FunctionalBuilder("streaming")
    x = b.input(InputLayer((2, None, 4), name="x"))
    (y,) = b.call(la.LSTM(4, return_sequences=True, stateful=True, name="first"), [x])
    shared = la.LSTM(3, return_sequences=True, return_state=True, stateful=True, name="shared")
    b.call(shared, [x])
    (z, _, _) = b.call(shared, [y])
    model = randomised(b.model([z]))
    made = exported(model)
    assert [value.name for value in made.proto.graph.input] == [
        "x", "first/h/initial", "first/c/initial", "shared/h/initial", "shared/c/initial"
    ]  # fmt: skip
    whole = sequence(rng, 8)
    states = {name: np.zeros((2, 4 if name.startswith("first") else 3), np.float32) for name in
              ("first/h", "first/c", "shared/h", "shared/c")}  # fmt: skip
    for part in (whole[:, :5], whole[:, 5:]):
        expected = run_model(model, part, initial_state=states)
        right = [*expected.outputs, *expected.states.values()]
        found = made.run({"x": part} | {f"{name}/initial": value for name, value in states.items()})
        close(made.names, found, right)
        states = {name.removesuffix("/final"): value for name, value in zip(made.names, found, strict=True)
                  if name.endswith("/final")}  # fmt: skip


def test_large_weights_lie_beside_the_model(tmp_path, close, rng):
    from lstm_ir.importers import read_model

    model = encoder_and_decoder()
    files = export_onnx(model, tmp_path / "model.onnx", largest_inside=0)
    assert sorted(tmp_path.iterdir()) == sorted(files) == [tmp_path / "model.onnx", tmp_path / "model.onnx.data"]
    arrays = {"source": sequence(rng, 5, 3), "target": sequence(rng, 7, 2)}
    expected = run_model(model, arrays).outputs
    close(["y"], run_model(read_model(files[0]), arrays).outputs, expected)
    onnxruntime = pytest.importorskip("onnxruntime")
    close(["y"], onnxruntime.InferenceSession(files[0]).run(None, arrays), expected)


def test_what_onnx_has_not_is_refused_by_layer_and_attribute():
    halves = la.Sequential([InputLayer((None, None, 4)), la.LSTM(3, name="halves", dtype="mixed_bfloat16")])
    halves.build()
    with pytest.raises(UnsupportedError, match=r"layer 'halves': dtype 'mixed_bfloat16' computes in bfloat16"):
        onnx_bytes(halves)

    class Own(la.Layer):
        keras_class_name = "Own"

    with pytest.raises(UnsupportedError, match=r"layer 'mine': Own cannot be exported to ONNX"):
        onnx_bytes(one_by_one([Own(name="mine")]))
    with pytest.raises(ArgumentError, match="with_masks: the model takes no mask: no layer"):
        onnx_bytes(one_by_one([la.Dense(2)]), with_masks=True)
