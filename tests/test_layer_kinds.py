"""Every kind of layer compiled, against its float64 reference: few models of many layers each."""

from collections.abc import Callable

import numpy as np
import pytest

import lstm_ir
from lstm_ir import layers as la
from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers import Functional, FunctionalBuilder, InputLayer, Layer
from lstm_ir.reference import run_model

SEQUENCE = (None, None, 4)


def randomised(model: Functional) -> Functional:
    """Give every weight random values, those of variances positive ones."""
    rng = np.random.default_rng(11)
    for weight in model.weights:
        values = rng.uniform(-0.7, 0.7, weight.shape)
        weight.assign(values**2 + 0.2 if weight.spec.name == "moving_variance" else values)
    return model


def one_by_one(shape: tuple[int | None, ...], kinds: list[Layer]) -> Functional:
    """A model that calls each layer on its input and returns all results."""
    b = FunctionalBuilder("kinds")
    x = b.input(InputLayer(shape, name="x"))
    outputs = [tensor for layer in kinds for tensor in b.call(layer, [x])]
    return randomised(b.model(outputs))


def agree(model: Functional, x: object, mask: object = None) -> lstm_ir.Module:
    module = lstm_ir.compile(model, form="loop")  # kernels of scans have tests of their own, and take long to compile
    for arrays, given in x if isinstance(x, list) else [(x, mask)]:
        expected = run_model(model, arrays, given).outputs
        found = module(arrays, mask=given)
        for spec, mine, right in zip(
            module.outputs, found if isinstance(found, list) else [found], expected, strict=True
        ):
            np.testing.assert_allclose(mine, right, rtol=2e-5, atol=2e-6, err_msg=spec.name)
    return module


def sequences(*lengths: int, features: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.standard_normal((2, steps, features)).astype(np.float32) for steps in lengths]


def elementwise_kinds() -> list[Layer]:
    return [
        la.ReLU(name="relu"),
        la.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2, name="relu_all"),
        la.ReLU(max_value=6.0, name="relu6"),
        la.LeakyReLU(0.2, name="leaky"),
        la.ELU(0.7, name="elu"),
        la.PReLU(shared_axes=[1], name="prelu"),
        la.Softmax(name="softmax"),
        la.ThresholdedReLU(0.5, name="thresholded"),
        la.SpatialDropout1D(0.4, name="spatial"),
        la.GaussianNoise(0.4, name="noise"),
        la.GaussianDropout(0.4, name="gaussian"),
        la.AlphaDropout(0.4, name="alpha"),
        la.ActivityRegularization(0.4, name="activity"),
        la.BatchNormalization(name="batch"),
        la.BatchNormalization(name="batch_bare", center=False, scale=False, epsilon=0.1),
        la.LayerNormalization(name="layer"),
        la.LayerNormalization(name="layer_bare", center=False, epsilon=1e-6),
        la.TimeDistributed(la.Dense(3, activation="tanh"), name="each_dense"),
        la.TimeDistributed(la.BatchNormalization(), name="each_batch"),
        la.RNN([la.LSTM(3), la.LSTM(2)], return_sequences=True, return_state=True, name="stack"),
        la.RNN([la.LSTM(3)], go_backwards=True, name="cell"),
        la.Affine(-0.5, 2.0, name="affine"),
        la.GetItem([-1], name="last_step"),
        la.GetItem([0, [1, -1]], name="part"),
    ]


def window_kinds() -> list[Layer]:
    return [
        la.Conv1D(3, 3, name="valid"),
        la.Conv1D(3, 2, strides=2, activation="relu", name="valid_strided"),
        la.Conv1D(3, 4, padding="same", name="same_even"),
        la.Conv1D(3, 3, strides=3, padding="same", name="same_strided"),
        la.Conv1D(3, 2, padding="same", dilation_rate=3, use_bias=False, name="same_dilated"),
        la.Conv1D(3, 3, padding="causal", dilation_rate=2, name="causal"),
        la.Conv1D(4, 3, padding="causal", strides=2, groups=2, name="causal_grouped"),
        la.Conv1D(3, 1, name="pointwise"),
        la.MaxPooling1D(2, name="max"),
        la.MaxPooling1D(3, 2, "same", name="max_same"),
        la.AveragePooling1D(3, 1, name="mean"),
        la.AveragePooling1D(3, 2, "same", name="mean_same"),
        la.GlobalMaxPooling1D(name="global_max"),
        la.GlobalMaxPooling1D(keepdims=True, name="global_max_kept"),
        la.GlobalAveragePooling1D(name="global_mean"),
        la.GlobalAveragePooling1D(keepdims=True, name="global_mean_kept"),
        la.Cropping1D((1, 2), name="cropped"),
        la.ZeroPadding1D((2, 1), name="padded"),
        la.UpSampling1D(3, name="up"),
        la.Permute((2, 1), name="permuted"),
        la.Flatten(name="flat"),
        la.Reshape((-1, 2), name="reshaped"),
    ]


@pytest.mark.parametrize("kinds", [elementwise_kinds, window_kinds])
def test_kinds_of_layers_at_any_length(kinds: Callable[[], list[Layer]]):
    model = one_by_one(SEQUENCE, kinds())
    agree(model, [(x, None) for x in sequences(7, 8, 12)])


def test_layers_that_need_to_know_the_length():
    b = FunctionalBuilder("fixed")
    x = b.input(InputLayer((None, 6, 4), name="x"))
    (flat,) = b.call(la.Flatten(), [x])
    (dense,) = b.call(la.Dense(5), [flat])
    (again,) = b.call(la.RepeatVector(3), [dense])
    (decoded,) = b.call(la.LSTM(2, return_sequences=True), [again])
    (block,) = b.call(la.Reshape((4, 2, 3)), [x])
    (swapped,) = b.call(la.Permute((3, 1, 2)), [block])
    (prelu,) = b.call(la.PReLU(), [x])
    (middle,) = b.call(la.BatchNormalization(axis=1), [x])
    (wide,) = b.call(la.LayerNormalization(axis=[1, 2]), [x])
    (each,) = b.call(la.TimeDistributed(la.LSTM(2)), [block])
    (convolved,) = b.call(la.TimeDistributed(la.Conv1D(2, 2)), [block])
    model = randomised(b.model([decoded, swapped, prelu, middle, wide, each, convolved]))
    agree(model, sequences(6)[0])
    assert lstm_ir.layers.Functional.from_config(model.get_config()).output_shapes == model.output_shapes


@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
def test_merges_and_their_masks(flavour: str):
    b = FunctionalBuilder("merges")
    ids = b.input(InputLayer((None, None), "int32", "ids"))
    other = b.input(InputLayer((None, None), "int32", "other"))
    plain = b.input(InputLayer((None, None, 3), name="plain"))
    (x,) = b.call(la.Embedding(9, 3, mask_zero=True, name="table", flavour=flavour), [ids])
    (y,) = b.call(la.Embedding(7, 3, mask_zero=True, name="other_table", flavour=flavour), [other])
    (z,) = b.call(la.GlobalMaxPooling1D(name="summary", flavour=flavour), [plain])
    outputs = []
    classes = (la.Add, la.Subtract, la.Multiply, la.Average, la.Maximum, la.Minimum)
    for cls in classes:
        name = cls.__name__.lower()
        (merged,) = b.call(cls(name=name, flavour=flavour), [x, y])
        outputs += b.call(la.GlobalAveragePooling1D(name=f"{name}_mean", flavour=flavour), [merged])
    merges: list[tuple[Layer, list[str]]] = [
        (la.Add(name="with_plain", flavour=flavour), [x, y, plain]),
        (la.Multiply(name="repeated", flavour=flavour), [plain, z]),
        (la.Concatenate(name="both", flavour=flavour), [x, y]),
        (la.Concatenate(name="three", flavour=flavour), [x, plain, y]),
        (la.Concatenate(axis=1, name="behind", flavour=flavour), [x, y]),
    ]
    for layer, inputs in merges:
        (merged,) = b.call(layer, inputs)
        outputs += [merged, *b.call(la.GlobalAveragePooling1D(name=f"{layer.name}_mean", flavour=flavour), [merged])]
    model = randomised(b.model(outputs))
    rng = np.random.default_rng(4)
    given = {
        "ids": rng.integers(0, 3, (3, 5)),
        "other": rng.integers(0, 3, (3, 5)),
        "plain": rng.standard_normal((3, 5, 3)).astype(np.float32),
    }
    given["ids"][:, 0] = 1  # a step for every mean
    given["other"][:, 0] = 1
    agree(model, given)


def test_masks_from_an_embedding_reach_the_recurrent_layers():
    b = FunctionalBuilder("tagger")
    ids = b.input(InputLayer((None, None), name="ids"))  # float, as tf_keras declares it
    (x,) = b.call(la.Embedding(20, 4, mask_zero=True), [ids])
    (x,) = b.call(la.SpatialDropout1D(0.2), [x])
    (x,) = b.call(la.Bidirectional(la.LSTM(3, return_sequences=True)), [x])
    (stack,) = b.call(la.RNN([la.LSTM(3), la.LSTM(2)]), [x])
    (tags,) = b.call(la.TimeDistributed(la.Dense(5, activation="softmax")), [x])
    (mean,) = b.call(la.GlobalAveragePooling1D(), [x])
    model = randomised(b.model([tags, stack, mean]))
    ids_given = np.array([[3, 7, 0, 0], [19, 0, 5, 0], [1, 2, 3, 4]])
    module = agree(model, ids_given)
    with pytest.raises(ArgumentError, match="at least 0 and at most 19; got 20"):
        module(np.array([[20, 1]]))
    with pytest.raises(ArgumentError, match="computes the mask from the input itself"):
        module(ids_given, mask=np.ones((3, 4)))


def test_what_is_not_supported_is_refused_by_name():
    masked = FunctionalBuilder("masked")
    x = masked.input(InputLayer(SEQUENCE, name="x"))
    (x,) = masked.call(la.Masking(), [x])
    (x,) = masked.call(la.Softmax(name="loud"), [x])
    with pytest.raises(UnsupportedError, match=r"'loud'.*mask"):
        lstm_ir.compile(masked.model([x]))
    with pytest.raises(UnsupportedError, match="GaussianNoise"):
        lstm_ir.compile(one_by_one(SEQUENCE, [la.GaussianNoise(0.1)]), training=True)
    with pytest.raises(UnsupportedError, match="channels_first"):
        la.Conv1D(2, 3, data_format="channels_first")
    with pytest.raises(UnsupportedError, match="go_backwards"):
        la.RNN([la.LSTM(2), la.LSTM(2)], go_backwards=True, unroll=True)
    with pytest.raises(UnsupportedError, match="makes a mask"):
        la.TimeDistributed(la.Masking())
    folded = FunctionalBuilder("folded")
    x = folded.input(InputLayer(SEQUENCE, name="x"))
    (x,) = folded.call(la.Masking(), [x])
    (x,) = folded.call(la.FoldSteps(refuses_mask=True, name="fold"), [x])
    with pytest.raises(UnsupportedError, match="'fold': TimeDistributed of a model whose layers use masks"):
        lstm_ir.compile(folded.model([x]))


def test_a_window_longer_than_the_sequence_is_refused():
    module = lstm_ir.compile(one_by_one(SEQUENCE, [la.Conv1D(2, 4)]))
    assert module.inputs[0].least_time == 4
    with pytest.raises(ArgumentError, match="at least 4 steps; got 3"):
        module(sequences(3)[0])
