"""Writes the whole models in `data/whole/` with the frameworks themselves, one file each with what they predicted.

    python tests/importers/make_whole_models.py [KIND ...]

writes all, or those whose name ends in one of the kinds (`classifier`, ...).
`<name>.keras` or `<name>.h5` is saved by tf_keras (`k2_`) or Keras 3 (`k3_`). `<name>.npz` beside it holds the inputs
by their names (`x:<name>`), and what the framework predicted in the model's output order (`y0`, `y1`, ...). A stateful
model also has `n0`, ...: its answers to the same batch a second time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data" / "whole"
KINDS = tuple(sys.argv[2:])


def randomise(model: Any, rng: np.random.Generator) -> None:
    """Weights that make every layer matter; variances stay positive, recorded states zero."""
    for layer in model.layers:
        inside = getattr(layer, "layer", layer)  # of a TimeDistributed
        if hasattr(inside, "layers"):
            randomise(inside, rng)
            continue
        values = []
        for weight in layer.weights:
            value = rng.uniform(-0.8, 0.8, size=tuple(weight.shape)).astype("float32")
            text = getattr(weight, "path", weight.name)
            if "variance" in text:
                value = value**2 + 0.2
            if "state" in text or "Variable" in text or "seed" in text:
                value = np.asarray(weight)
            values.append(value)
        for weight, value in zip(layer.weights, values, strict=True):
            if "seed" not in getattr(weight, "path", weight.name):
                weight.assign(value)


def record(model: Any, name: str, suffix: str, rng: np.random.Generator, inputs: list[np.ndarray], again: bool) -> None:
    """Saves a model and the framework's own answers."""
    randomise(model, rng)
    if KINDS and not name.endswith(KINDS):
        return
    model.save(DATA / f"{name}{suffix}")
    given = inputs[0] if len(inputs) == 1 else inputs
    arrays = {f"x:{tensor.name.split(':')[0]}": x for tensor, x in zip(model.inputs, inputs, strict=True)}
    for key in ("y", "n") if again else ("y",):
        answer = model(given, training=False)
        answers = answer if isinstance(answer, (list, tuple)) else [answer]
        arrays |= {f"{key}{i}": np.asarray(y) for i, y in enumerate(answers)}
    np.savez(DATA / f"{name}{suffix}.npz", **arrays)


def models(keras: Any, prefix: str, suffixes: tuple[str, str], rng: np.random.Generator) -> None:
    """The kinds of models that users have, small."""
    layers = keras.layers
    first, second = suffixes

    def ids(batch: int, time: int, count: int) -> np.ndarray:
        x = rng.integers(1, count, (batch, time)).astype("int32")
        x[0, time - 2 :] = 0
        x[1, 1] = 0
        return x

    def signal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype("float32")

    # A masked classifier with a nested head.
    x = keras.Input((None, 3), name="signal")
    y = layers.Masking(-1.0)(x)
    y = layers.SpatialDropout1D(0.2)(y)
    y = layers.LSTM(5, return_sequences=True)(y)
    y = layers.LayerNormalization()(y)
    pooled = layers.GlobalAveragePooling1D()(y)
    last = layers.LSTM(4)(y)
    y = layers.Concatenate()([pooled, last])
    inner = keras.Input((9,))
    head = keras.Model(inner, layers.Dense(3, activation="softmax")(layers.BatchNormalization()(inner)), name="head")
    model = keras.Model(x, head(y), name="classifier")
    given = signal(3, 6, 3)
    given[0, 4:] = -1.0
    given[1, 2] = -1.0
    record(model, f"{prefix}_classifier", first, rng, [given], again=False)

    # Bidirectional layers with normalisation and residuals, and a forecast of three steps.
    x = keras.Input((None, 4), name="signal")
    y = layers.Conv1D(6, 3, padding="causal", activation="relu")(x)
    y = layers.BatchNormalization()(y)
    z = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(y)
    y = layers.LayerNormalization()(layers.Add()([y, z]))
    y = layers.LeakyReLU(0.2)(layers.MaxPooling1D(2)(y))
    y, h, c, *_ = layers.Bidirectional(layers.LSTM(3, return_state=True), merge_mode="ave")(y)
    y = layers.RepeatVector(3)(y)
    y = layers.LSTM(3, return_sequences=True)(y, initial_state=[h, c])
    y = layers.TimeDistributed(layers.Dense(2))(y)
    model = keras.Model(x, [y, layers.Flatten()(y)], name="forecast")
    record(model, f"{prefix}_forecast", second, rng, [signal(2, 7, 4)], again=False)

    # An encoder and a decoder with masks and a shared embedding.
    source, target = (keras.Input((None,), dtype="int32", name=name) for name in ("source", "target"))
    table = layers.Embedding(12, 4, mask_zero=True, name="table")
    _, h, c = layers.LSTM(5, return_state=True, name="encoder")(table(source))
    y, _, _ = layers.LSTM(5, return_sequences=True, return_state=True, name="decoder")(
        table(target), initial_state=[h, c]
    )
    model = keras.Model([source, target], layers.Dense(12, activation="softmax", name="words")(y), name="translator")
    record(model, f"{prefix}_translator", first, rng, [ids(2, 5, 12), ids(2, 7, 12)], again=False)

    # A tagger of characters, as a Sequential, with a stack of cells.
    stack = layers.RNN([layers.LSTMCell(4), layers.LSTMCell(3)], return_sequences=True)
    model = keras.Sequential(
        [
            keras.Input((None,), name="letters"),
            layers.Embedding(20, 6, mask_zero=True),
            layers.Dropout(0.3),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
            stack,
            layers.TimeDistributed(layers.Dense(5, activation="softmax")),
        ],
        name="tagger",
    )
    record(model, f"{prefix}_tagger", second, rng, [ids(2, 6, 20)], again=False)

    # A streaming model: stateful, with a convolution of one step, several outputs.
    options = {"batch_shape": (2, None, 3)}
    x = keras.Input(name="window", **options)
    y = layers.Conv1D(4, 1, activation="tanh")(x)
    y = layers.LSTM(4, stateful=True, return_sequences=True, name="lower")(y)
    z = layers.LSTM(3, stateful=True, name="upper")(y)
    model = keras.Model(x, [layers.Dense(2, name="level")(z), layers.Dense(1, name="trend")(z)], name="stream")
    record(model, f"{prefix}_stream", first, rng, [signal(2, 5, 3)], again=True)

    # Merges of masked sequences, a nested Sequential that is called twice, layers that need the length.
    a, b = (keras.Input((6, 2), name=name) for name in ("left", "right"))
    shared = keras.Sequential([keras.Input((6, 2)), layers.Dense(3), layers.PReLU(shared_axes=[1])], name="shared")
    left, right = (layers.Masking(0.0)(shared(z)) for z in (a, layers.Masking(-1.0)(b)))
    merged = [
        cls()([left, right]) for cls in (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum)
    ]
    y = layers.Concatenate()(merged)
    y = layers.LSTM(3, return_sequences=True)(y)
    flat = layers.Dense(4)(layers.Flatten()(layers.Reshape((3, -1))(layers.Permute((2, 1))(y))))
    wide = layers.UpSampling1D(2)(layers.ZeroPadding1D(1)(layers.Cropping1D((1, 2))(y)))
    pooled = layers.AveragePooling1D(3, 2, "same")(wide)
    model = keras.Model([a, b], [flat, pooled, layers.ELU(0.5)(layers.ReLU(max_value=0.3)(wide))], name="merges")
    left_given, right_given = signal(2, 6, 2), signal(2, 6, 2)
    right_given[0, 3:] = -1.0
    record(model, f"{prefix}_merges", second, rng, [left_given, right_given], again=False)

    # Other cells, in layers, stacks and both directions; attention; operations on tensors, which lose the mask.
    x = keras.Input((None,), dtype="int32", name="letters")
    y = layers.Embedding(11, 4, mask_zero=True)(x)
    y = layers.Bidirectional(layers.GRU(3, return_sequences=True))(y)
    cells = [layers.GRUCell(3), layers.LSTMCell(2)]
    z = layers.Bidirectional(layers.RNN(cells, return_sequences=True))(y)
    s, h = layers.SimpleRNN(4, return_sequences=True, return_state=True, go_backwards=True)(z)
    y = layers.Attention(use_scale=True)([s, z]) + layers.AdditiveAttention()([z, s]) * s - z / 2
    g, g_state = layers.GRU(4, return_state=True, recurrent_activation="hard_sigmoid")(y, initial_state=h)
    d = layers.Dot(axes=(1, 1))([y, s])
    y = layers.Dense(3)(layers.Concatenate()([g, g_state, layers.Flatten()(d)]))
    model = keras.Model(x, [y, d, 1.0 - 0.5 * z[:, -1, 1:]], name="listener")
    record(model, f"{prefix}_listener", first, rng, [ids(3, 6, 11)], again=False)

    # An encoder and a decoder that looks back at it, both with masks, by layers and by products.
    source, target = (keras.Input((None,), dtype="int32", name=name) for name in ("source", "target"))
    table = layers.Embedding(12, 4, mask_zero=True, name="table")
    seen, h, c = layers.LSTM(4, return_sequences=True, return_state=True, name="encoder")(table(source))
    y = layers.LSTM(4, return_sequences=True, name="decoder")(table(target), initial_state=[h, c])
    context = layers.Concatenate()([y, layers.Attention()([y, seen]), layers.AdditiveAttention()([y, seen])])
    weights = layers.Activation("softmax")(layers.Dot(axes=[2, 2])([y, seen]))
    looked = layers.Dot(axes=[2, 1])([weights, seen])
    outputs = [layers.TimeDistributed(layers.Dense(12, activation="softmax"))(context), looked]
    model = keras.Model([source, target], outputs, name="reader")
    record(model, f"{prefix}_reader", second, rng, [ids(2, 5, 12), ids(2, 7, 12)], again=False)

    # GRUs whose reset gate is before the product, as Keras made them at first: both directions, cells, states, masks.
    x = keras.Input((None, 3), name="signal")
    y = layers.Masking(-1.0)(x)
    y = layers.Bidirectional(layers.GRU(3, reset_after=False, return_sequences=True))(y)
    cells = [layers.GRUCell(4, reset_after=False, use_bias=False), layers.SimpleRNNCell(3)]
    y, *inner = layers.RNN(cells, return_sequences=True, return_state=True)(y)
    y, h = layers.GRU(
        3, recurrent_activation="hard_sigmoid", reset_after=False, return_sequences=True, return_state=True
    )(y, initial_state=inner[1])
    last = layers.RNN(layers.GRUCell(2, reset_after=False), go_backwards=True)(y)
    model = keras.Model(x, [y, h, layers.Dense(2)(last)], name="resets")
    given = signal(3, 6, 3)
    given[0, 4:] = given[1, 0] = given[2, 3] = -1.0
    record(model, f"{prefix}_resets", first, rng, [given], again=False)

    # Words in sentences in documents: a model with masks of its own inside TimeDistributed, called twice.
    word = keras.Input((4,), dtype="int32")
    seen = layers.Bidirectional(layers.GRU(2))(layers.Embedding(9, 3, mask_zero=True)(word))
    sentence = keras.Model(word, layers.Concatenate()([seen, layers.Dense(2)(seen)]), name="sentence")
    x, other = (keras.Input((length, 4), dtype="int32", name=name) for name, length in (("left", None), ("right", 3)))
    each = layers.TimeDistributed(sentence, name="each")
    dense = layers.TimeDistributed(keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.BatchNormalization()]))
    y = dense(layers.Masking()(layers.LSTM(3, return_sequences=True)(each(x))))
    model = keras.Model([x, other], [layers.LSTM(2)(y), layers.LSTM(3)(each(other))], name="documents")
    given = [rng.integers(0, 9, (2, length, 4)).astype("int32") for length in (5, 3)]
    record(model, f"{prefix}_documents", second, rng, given, again=False)


def main() -> None:
    """Run each framework in a process of its own."""
    if sys.argv[1:2] in (["keras2"], ["keras3"]):
        rng = np.random.default_rng(30)
        if sys.argv[1] == "keras2":
            import tf_keras

            models(tf_keras, "k2", (".keras", ".h5"), rng)
        else:
            import keras

            models(keras, "k3", (".h5", ".keras"), rng)
        return
    DATA.mkdir(parents=True, exist_ok=True)
    for framework in ("keras2", "keras3"):
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
        subprocess.run([sys.executable, __file__, framework, *sys.argv[1:]], check=True, env=os.environ | quiet)


if __name__ == "__main__":
    main()
