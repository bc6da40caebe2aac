"""Writes the SavedModel folders and files of CuDNN layers in `data/saved/` with tf_keras, with what it predicted.

    python tests/importers/make_saved_models.py

`<name>.zip` holds a folder of `model.save(folder)` (zipped, for its functions are large and are not read), `<name>.h5`
a model with CuDNNLSTM or CuDNNGRU. `<name>.npz` holds the input `x`, what tf_keras predicted (`y0`, `y1`, ...), and of
stateful models its answers to the same batch a second time (`n0`, ...). A CuDNNLSTM or CuDNNGRU runs on GPUs alone: its
answers are those of an LSTM or a GRU into which tf_keras has loaded its weights.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}

import tensorflow as tf
import tf_keras
from tf_keras import layers
from tf_keras.src.layers.rnn.cudnn_gru import CuDNNGRU
from tf_keras.src.layers.rnn.cudnn_lstm import CuDNNLSTM

DATA = Path(__file__).parent / "data" / "saved"


def randomise(model: Any, rng: np.random.Generator) -> None:
    """Weights that make every layer matter; variances stay positive."""
    for weight in model.weights:
        value = rng.uniform(-0.8, 0.8, size=weight.shape)
        weight.assign(value**2 + 0.2 if "variance" in weight.name else value)


def record(model: Any, name: str, x: np.ndarray, again: bool = False) -> None:
    """Writes what the model predicts."""
    arrays = {"x": x}
    for key in ("y", "n") if again else ("y",):
        answer = model(x, training=False)
        answers = answer if isinstance(answer, (list, tuple)) else [answer]
        arrays |= {f"{key}{i}": np.asarray(y) for i, y in enumerate(answers)}
    np.savez(DATA / f"{name}.npz", **arrays)


def zip_folder(folder: Path, name: str) -> None:
    """Packs a folder, with the same bytes each time."""
    with zipfile.ZipFile(DATA / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            info = zipfile.ZipInfo(str(path.relative_to(folder)))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())


def save(model: Any, name: str, **options: Any) -> None:
    """Saves a model as a folder."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder, save_format="tf", **options)
        zip_folder(Path(folder), name)


def main() -> None:
    """Write all models."""
    DATA.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(31)

    def signal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype("float32")

    model = tf_keras.Sequential(
        [
            layers.Masking(-1.0, input_shape=(None, 3)),
            layers.LSTM(4, recurrent_activation="hard_sigmoid"),
            layers.Dense(2, activation="softmax"),
        ],
        name="classifier",
    )
    model.compile("adam", "mse")
    x = signal(3, 5, 3)
    x[0, 3:] = -1.0
    model.fit(x, np.ones((3, 2)), verbose=0)  # so that the checkpoint holds an optimizer too
    randomise(model, rng)
    record(model, "classifier", x)
    save(model, "classifier")

    # Layers whose weights lie at several depths, a nested model, and states; saved without its functions.
    inner = tf_keras.Input((None, 4))
    head = tf_keras.Model(
        inner, layers.TimeDistributed(layers.Dense(2))(layers.BatchNormalization()(inner)), name="head"
    )
    x = tf_keras.Input(batch_shape=(2, None, 3), name="window")
    y = layers.Conv1D(4, 1, activation="tanh")(x)
    y = layers.Bidirectional(layers.LSTM(3, return_sequences=True, stateful=True), merge_mode="sum")(y)
    y = layers.LSTM(4, stateful=True, return_sequences=True, name="lower", use_bias=False)(y)
    z = layers.RNN([layers.LSTMCell(3), layers.LSTMCell(2)], stateful=True, name="upper")(y)
    model = tf_keras.Model(x, [head(y), z], name="stream")
    randomise(model, rng)
    given = signal(2, 4, 3)
    save(model, "stream", save_traces=False)
    record(model, "stream", given, again=True)

    # What no importer can read: functions without layers.
    module = tf.Module()
    module.kernel = tf.Variable(tf.ones((3, 2)), name="kernel")
    module.f = tf.function(lambda x: x @ module.kernel, input_signature=[tf.TensorSpec((None, 3))])
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder)
        zip_folder(Path(folder), "functions")

    # CuDNNLSTM and CuDNNGRU, whose answers are those of the LSTM and GRU that tf_keras makes of them.
    def pair(cls: Any) -> Any:
        x = tf_keras.Input((None, 3), name="signal")
        y = layers.Bidirectional(cls(3, return_sequences=True, name="both"))(x)
        return tf_keras.Model(x, layers.Dense(2, name="head")(cls(4, name="last")(y)), name="cudnn")

    for name, fast, plain in (("cudnn", CuDNNLSTM, layers.LSTM), ("cudnn_gru", CuDNNGRU, layers.GRU)):
        model = pair(fast)
        randomise(model, rng)
        model.save(DATA / f"{name}.h5")
        same = pair(plain)
        same.load_weights(DATA / f"{name}.h5")
        record(same, name, signal(2, 5, 3))
        save(model, name, save_traces=False)


if __name__ == "__main__":
    main()
