"""Writes the sample model files in `data/` with the frameworks themselves.

    python tests/importers/make_samples.py

Each `<name>.keras` or `<name>.h5` is a model saved by tf_keras (names beginning with `k2_`) or Keras 3 (`k3_`); the
`<name>.npz` beside it holds an input batch `x` and what the framework that wrote the file predicted for it: `y0`,
`y1`, ... in the model's output order. A stateful model also has `n0`, ...: its answers to the same batch a second
time. Files under `data/refused/` are real models that the importer must refuse, those under `data/graphs/` graphs that
it must read; `data/whole/` is of make_whole_models.py.

The two frameworks run in two processes, because `tf.keras` is one or the other for the life of a process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"
GRAPHS = (
    *("add", "embedding", "fork", "initial_state", "inner_output", "nested", "output_order", "shared"),
    "mask_input",
    *("states_dropped", "states_inside"),
)
MASK_VALUE = -9.0
BATCH, TIME, FEATURES = 4, 6, 3


def batch(rng: np.random.Generator, *, masked: bool = False, dtype: str = "float32") -> np.ndarray:
    """A batch of (4, 6, 3); with `masked`, rows have padding before, inside, after, and one row nothing else."""
    x = rng.normal(size=(BATCH, TIME, FEATURES)).astype(dtype)
    if masked:
        x[0, 4:] = MASK_VALUE
        x[1, :2] = MASK_VALUE
        x[2, 3] = MASK_VALUE
        x[3, :] = MASK_VALUE
        x[0, 0, 1] = MASK_VALUE  # one feature alone does not mask its step
    return x


def randomise(model: Any, rng: np.random.Generator) -> None:
    """Weights large enough that the activations saturate now and then, biases not zero."""
    for layer in model.layers:
        weights = [rng.normal(scale=0.9, size=w.shape).astype(w.dtype) for w in layer.get_weights()]
        if not getattr(layer, "stateful", False):
            layer.set_weights(weights)
        else:  # Keras 3 counts the recorded states among the weights: they stay zero
            layer.set_weights([*weights[:3], *(np.zeros_like(w) for w in weights[3:])])


def record(model: Any, name: str, suffixes: tuple[str, ...], x: np.ndarray, *, stateful: bool = False) -> None:
    """Saves the model once per suffix, each with the framework's own answers beside it."""

    def answers() -> list[np.ndarray]:
        y = model(x)
        return [np.asarray(v) for v in (y if isinstance(y, (list, tuple)) else [y])]

    for suffix in suffixes:
        model.save(DATA / f"{name}{suffix}")
    arrays = {"x": x, **{f"y{i}": y for i, y in enumerate(answers())}}
    if stateful:
        arrays |= {f"n{i}": y for i, y in enumerate(answers())}
    for suffix in suffixes:
        np.savez_compressed(DATA / f"{name}{suffix}.npz", **arrays)


BOTH = (".keras", ".h5")


def common_models(prefix: str, keras: Any, rng: np.random.Generator) -> None:
    """The models that both frameworks can express with the same source."""
    L = keras.layers

    def one_form(keras2: str, keras3: str) -> tuple[str, ...]:
        """One file each keeps the samples small; between the two writers both forms are there."""
        form = keras2 if prefix == "k2" else keras3
        return (form,) if form else ()

    def shape(*dims: int | None) -> dict[str, Any]:
        return {"batch_input_shape": dims} if prefix == "k2" else {"batch_shape": dims}

    def sequence_input(**kw: Any) -> Any:
        return L.InputLayer(**shape(None, None, FEATURES), **kw)

    model = keras.Sequential(
        [
            sequence_input(name="signal"),
            L.Masking(MASK_VALUE, name="padding"),
            L.Bidirectional(L.LSTM(4, return_sequences=True, name="rnn"), name="both_ways"),
            L.Dropout(0.3, name="drop"),
            L.LSTM(5, dropout=0.2, recurrent_dropout=0.1, name="encoder"),
            L.Dense(3, name="head"),
            L.Activation("softmax", name="probabilities"),
        ],
        name="classifier",
    )
    randomise(model, rng)
    record(model, f"{prefix}_masked_classifier", (".h5",) if prefix == "k2" else BOTH, batch(rng, masked=True))

    # The same string, two functions: clip(x/5 + 1/2) in Keras 2, relu6(x + 3)/6 in Keras 3.
    model = keras.Sequential(
        [
            sequence_input(),
            L.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True),
            L.Dense(2, activation="hard_sigmoid"),
            L.Activation("hard_sigmoid"),
        ]
    )
    randomise(model, rng)
    record(model, f"{prefix}_hard_sigmoid", one_form(".h5", ".keras"), batch(rng))

    model = keras.Sequential(
        [
            sequence_input(),
            L.Masking(MASK_VALUE),
            L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="sum"),
            L.Bidirectional(L.LSTM(4), merge_mode="mul"),
        ]
    )
    randomise(model, rng)
    record(model, f"{prefix}_bidirectional", one_form(".h5", ".h5"), batch(rng, masked=True))

    model = keras.Sequential(
        [
            sequence_input(),
            L.Masking(MASK_VALUE),
            L.Bidirectional(
                L.LSTM(4, return_sequences=True, name="ahead"),
                backward_layer=L.LSTM(
                    5, activation="softsign", go_backwards=True, return_sequences=True, name="behind"
                ),
            ),
        ]
    )
    randomise(model, rng)
    record(model, f"{prefix}_backward_layer", one_form(".h5", ".keras"), batch(rng, masked=True))

    model = keras.Sequential(
        [
            sequence_input(),
            L.LSTM(4, return_sequences=True, go_backwards=True, use_bias=False, activation="relu"),
            L.LSTM(4, activation=None, recurrent_activation="softsign", return_sequences=True),
            L.Dense(4, activation="gelu", use_bias=False),
            L.Activation("swish"),
        ]
    )
    randomise(model, rng)
    record(model, f"{prefix}_stacked", one_form(".keras", ".h5"), batch(rng))

    model = keras.Sequential(
        [
            sequence_input(),
            L.Masking(MASK_VALUE),
            L.LSTM(4, return_sequences=True, zero_output_for_mask=True, go_backwards=True),
        ]
    )
    randomise(model, rng)
    record(model, f"{prefix}_zero_output", one_form("", ".h5"), batch(rng, masked=True))

    model = keras.Sequential(
        [
            sequence_input(dtype="float64"),
            L.Masking(MASK_VALUE, dtype="float64"),
            L.LSTM(4, return_sequences=True, dtype="float64"),
            L.Bidirectional(L.LSTM(3, dtype="float64"), merge_mode="ave", dtype="float64"),
            L.Dense(2, activation="softmax", dtype="float64"),
        ]
    )
    randomise(model, rng)
    record(model, f"{prefix}_float64", one_form(".h5", ".h5"), batch(rng, masked=True, dtype="float64"))

    model = keras.Sequential(
        [
            L.InputLayer(**shape(BATCH, TIME, FEATURES)),
            L.LSTM(4, stateful=True, return_sequences=True),
            L.LSTM(3, stateful=True),
        ]
    )
    randomise(model, rng)
    record(model, f"{prefix}_stateful", one_form(".h5", ".keras"), batch(rng), stateful=True)

    # No InputLayer in the source: the model is built by its first call.
    model = keras.Sequential([L.LSTM(4, name="first"), L.Dense(2, activation="tanh", name="last")])
    x = batch(rng)
    model(x)
    randomise(model, rng)
    record(model, f"{prefix}_built_by_call", one_form("", ".h5"), x)
    model = keras.Sequential([L.Masking(MASK_VALUE), L.LSTM(4), L.Dense(2)])
    model.build((None, None, FEATURES))
    randomise(model, rng)
    record(model, f"{prefix}_built_by_shape", one_form(".keras", ""), batch(rng, masked=True))

    source = keras.Input((None, FEATURES), name="signal")
    y = L.Masking(MASK_VALUE)(source)
    y = L.LSTM(4, return_sequences=True, name="first")(y)
    y = L.Dropout(0.1)(y)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True, return_state=True), merge_mode=None, name="last")(y)
    model = keras.Model(source, y)
    randomise(model, rng)
    record(model, f"{prefix}_functional_states", one_form(".h5", ".keras"), batch(rng, masked=True))

    source = keras.Input((TIME, FEATURES))
    model = keras.Model(source, L.Dense(2, name="head")(L.LSTM(4, unroll=True)(source)), name="chain")
    randomise(model, rng)
    record(model, f"{prefix}_functional_chain", one_form(".keras", ".h5"), batch(rng))

    refused_models(prefix, keras, rng)


def refused_models(prefix: str, keras: Any, rng: np.random.Generator) -> None:
    """Real models outside what the importer supports, and graphs that are no chains."""
    L = keras.layers

    def save(model: Any, name: str, *files: str) -> None:
        """Saves the model as those of the files that this framework writes ("k2.h5", "k3.keras", ...)."""
        randomise(model, rng)
        for file in files:
            writer, suffix = file.split(".")
            if writer == prefix:
                folder = "graphs" if name in GRAPHS else "refused"
                model.save(DATA / folder / f"{prefix}_{name}.{suffix}")

    def sequence() -> Any:
        return keras.Input((None, FEATURES))

    source = sequence()
    a = L.LSTM(4, name="left")(source)
    b = L.LSTM(4, name="right")(source)
    save(keras.Model(source, L.Add(name="together")([a, b])), "add", "k2.keras")
    wide = L.LSTM(4, return_sequences=True, name="wide")(source)
    save(keras.Model(source, [L.LSTM(4)(wide), L.Dense(2)(wide)]), "fork", "k3.h5")
    y = L.LSTM(4, name="first")(source)
    save(keras.Model(source, [y, L.Dense(2, name="head")(y)]), "inner_output", "k3.h5")
    y, h, c = L.LSTM(4, return_sequences=True, return_state=True, name="first")(source)
    save(keras.Model(source, L.LSTM(4, name="second")(y, initial_state=[h, c])), "initial_state", "k2.h5", "k3.h5")
    save(keras.Model(source, [c, h, y]), "output_order", "k2.keras")
    save(keras.Model(source, y), "states_dropped", "k3.h5")
    save(keras.Model(source, L.Dense(2)(y)), "states_inside", "k3.h5")
    shared = L.LSTM(FEATURES, return_sequences=True, name="shared")
    save(keras.Model(source, shared(shared(source))), "shared", "k2.keras")
    mask = keras.Input((None,), dtype="bool", name="mask")
    save(keras.Model([source, mask], L.LSTM(4)(source, mask=mask)), "mask_input", "k2.h5", "k3.keras")
    save(keras.Model(source, L.Dropout(0.5, name="noise")(source, training=True)), "training", "k2.h5", "k3.keras")

    words = L.Embedding(7, 3, name="words")
    save(keras.Sequential([keras.Input((None,)), words, L.LSTM(4)]), "embedding", "k2.keras")
    inner = keras.Sequential([sequence(), L.LSTM(4)], name="inside")
    save(keras.Sequential([sequence(), inner, L.Dense(2)]), "nested", "k2.keras")
    # Compiled under a file name of its own, because a saved Lambda carries the path of its source.
    double = eval(compile("lambda v: v * 2", "make_samples.py", "eval"))
    save(keras.Sequential([sequence(), L.Lambda(double, name="twice"), L.LSTM(4)]), "lambda", "k3.h5")

    def wobble(v: Any) -> Any:
        return v / 3

    save(keras.Sequential([sequence(), L.LSTM(4, activation=wobble)]), "custom_activation", "k2.h5", "k3.keras")

    class LSTM(L.LSTM):  # custom, in spite of its name
        pass

    save(keras.Sequential([sequence(), LSTM(4, name="mine")]), "custom_class", "k2.keras")


def keras2_models(rng: np.random.Generator) -> None:
    """What only tf_keras has: the v1 layer and time-major sequences."""
    import tensorflow as tf

    keras, v1 = tf.keras, tf.compat.v1.keras.layers
    common_models("k2", keras, rng)
    L = keras.layers
    model = keras.Sequential(
        [
            L.InputLayer(batch_input_shape=(None, None, FEATURES), name="signal"),
            L.Masking(MASK_VALUE, name="padding"),
            L.Bidirectional(v1.LSTM(4, return_sequences=True, name="rnn"), name="both_ways"),
            L.Dropout(0.3),
            v1.LSTM(5, name="encoder"),
            L.Dense(3, activation="softmax", name="head"),
        ],
        name="v1_classifier",
    )
    randomise(model, rng)
    record(model, "k2_v1_classifier", (".keras",), batch(rng, masked=True))

    model = keras.Sequential(
        [
            L.InputLayer(batch_input_shape=(None, BATCH, FEATURES)),
            L.Masking(MASK_VALUE),
            v1.LSTM(4, time_major=True, return_sequences=True),
            L.Bidirectional(L.LSTM(3, time_major=True, return_sequences=True)),
        ]
    )
    randomise(model, rng)
    x = np.ascontiguousarray(batch(rng, masked=True).transpose(1, 0, 2))
    record(model, "k2_time_major", (".h5",), x)

    model = keras.Sequential([v1.LSTM(4, input_shape=(None, FEATURES), activation=L.LeakyReLU(0.15))])
    randomise(model, rng)
    record(model, "k2_layer_as_activation", (".keras",), batch(rng))
    model.save_weights(DATA / "refused" / "k2_weights_only.h5")
    model.save_weights(DATA / "refused" / "k2_weights_only.weights.h5")


def keras3_models(rng: np.random.Generator) -> None:
    import keras

    common_models("k3", keras, rng)


def main() -> None:
    if len(sys.argv) == 2:
        rng = np.random.default_rng(20)
        keras2_models(rng) if sys.argv[1] == "keras2" else keras3_models(rng)
        return
    for old in DATA.iterdir():
        if old.name in ("refused", "graphs"):
            shutil.rmtree(old)
        elif old.is_file():
            old.unlink()
    for folder in ("refused", "graphs"):
        (DATA / folder).mkdir(parents=True)
    for framework in ("keras2", "keras3"):
        legacy = {"TF_USE_LEGACY_KERAS": "1"} if framework == "keras2" else {}
        environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
        subprocess.run([sys.executable, __file__, framework], check=True, env=environment | quiet | legacy)


if __name__ == "__main__":
    main()
