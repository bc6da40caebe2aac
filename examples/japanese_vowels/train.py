"""Trains the speaker classifier of this example with TensorFlow; `demo.py` needs only the files that it writes.

    python train.py JapaneseVowels_TRAIN.ts JapaneseVowels_TEST.ts

Both files are parts of the Japanese Vowels data set in the sktime format (README.md says where they come from).
Written next to this script: `model.keras`, `test.npz` and `keras_predictions.npy`.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

# Keras 2 is where the compat.v1 layers live, and TensorFlow reads these variables when it is imported.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
FRAME_SECONDS = 0.0064
COEFFICIENTS = 12
SPEAKERS = 9
# No coefficient comes anywhere near it, so a padded frame can never be taken for a real one.
MASK_VALUE = -100.0

UNITS = 48
DROPOUT = 0.5
# The test recordings were made on other days than the training ones. Noise, in standard deviations of each
# coefficient, keeps the model from leaning on the exact values of one session; chosen on held-out training data.
NOISE = 0.6
EPOCHS = 80
BATCH = 24
LEARNING_RATE = 3e-3
HELD_OUT_PER_SPEAKER = 6
SEED = 1


def read_ts(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Reads one `.ts` file.

    Args:
        path: A file of lines `c1,c1,...:c2,c2,...:...:label`, one recording a line, after a line `@data`.

    Returns:
        The recordings, each float32 of shape (frames, 12), and the labels, int64 in 0..8.
    """
    _, _, body = path.read_text(encoding="ascii").partition("@data")
    recordings, labels = [], []
    for line in body.split():
        *series, label = line.split(":")
        recordings.append(np.array([s.split(",") for s in series], np.float32).T)
        labels.append(int(label) - 1)
    return recordings, np.array(labels)


def pad(recordings: list[np.ndarray]) -> np.ndarray:
    """Returns the recordings as one float32 array (recordings, longest, 12), filled up with `MASK_VALUE`."""
    padded = np.full((len(recordings), max(map(len, recordings)), COEFFICIENTS), MASK_VALUE, np.float32)
    for row, recording in zip(padded, recordings, strict=True):
        row[: len(recording)] = recording
    return padded


def make_model() -> tf.keras.Sequential:
    """Returns the untrained model: (batch, frames, 12) coefficients to (batch, 9) probabilities."""
    return tf.keras.Sequential(
        [
            tf.keras.layers.InputLayer(input_shape=(None, COEFFICIENTS), name="coefficients"),
            tf.keras.layers.Masking(mask_value=MASK_VALUE, name="masking"),
            tf.keras.layers.Bidirectional(tf.compat.v1.keras.layers.LSTM(UNITS, name="lstm"), name="both"),
            tf.keras.layers.Dropout(DROPOUT, name="dropout"),
            tf.keras.layers.Dense(SPEAKERS, activation="softmax", name="speaker"),
        ],
        name="japanese_vowels",
    )


def train(recordings: list[np.ndarray], labels: np.ndarray) -> tf.keras.Sequential:
    """Trains on standardised recordings and returns a model that takes them as they were recorded."""
    frames = np.concatenate(recordings).astype(np.float64)
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    x = pad([((r - mean) / deviation).astype(np.float32) for r in recordings])

    nth_of_speaker = np.array([np.sum(labels[:i] == label) for i, label in enumerate(labels)])
    held_out = nth_of_speaker >= nth_of_speaker.max() + 1 - HELD_OUT_PER_SPEAKER

    def with_noise(x: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        real = tf.cast(x != MASK_VALUE, x.dtype)
        return x + NOISE * real * tf.random.normal(tf.shape(x)), label

    training = tf.data.Dataset.from_tensor_slices((x[~held_out], labels[~held_out]))
    training = training.shuffle(len(x), seed=SEED).batch(BATCH).map(with_noise)

    model = make_model()
    steps = EPOCHS * len(training)
    model.compile(
        tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    keep_best = tf.keras.callbacks.EarlyStopping(patience=EPOCHS, restore_best_weights=True, verbose=1)
    model.fit(
        training, epochs=EPOCHS, validation_data=(x[held_out], labels[held_out]), callbacks=[keep_best], verbose=2
    )
    return fold_standardisation(model, mean, deviation)


def fold_standardisation(model: tf.keras.Sequential, mean: np.ndarray, deviation: np.ndarray) -> tf.keras.Sequential:
    """Returns a model whose answer to x is `model`'s answer to (x - mean) / deviation.

    ((x - mean) / deviation) K + b = x (K / deviation) + (b - (mean / deviation) K), for both directions' K and b.
    It carries no optimizer state, which would triple the file.
    """
    folded = make_model()
    weights = [w.astype(np.float64) for w in model.get_weights()]
    for kernel, bias in ((0, 2), (3, 5)):
        weights[bias] -= (mean / deviation) @ weights[kernel]
        weights[kernel] /= deviation[:, None]
    folded.set_weights(weights)
    return folded


def write(path: Path, writer: Callable[[Path], object]) -> None:
    """Calls `writer` with a temporary path and renames the result to `path`, so that it is never half written."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        writer(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> None:
    """Trains, measures on the test recordings once, and writes the example's three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, help="JapaneseVowels_TRAIN.ts")
    parser.add_argument("test", type=Path, help="JapaneseVowels_TEST.ts")
    arguments = parser.parse_args()
    recordings, labels = read_ts(arguments.train)
    test_recordings, test_labels = read_ts(arguments.test)
    if (len(recordings), len(test_recordings)) != (270, 370):
        parser.error(f"270 and 370 recordings expected, got {len(recordings)} and {len(test_recordings)}")

    tf.keras.utils.set_random_seed(SEED)
    model = train(recordings, labels)

    x = pad(test_recordings)
    predictions = model.predict(x, batch_size=len(x), verbose=0)
    right = int(np.sum(predictions.argmax(axis=-1) == test_labels))
    print(f"test accuracy: {right} of {len(x)} = {right / len(x):.2%}")

    write(HERE / "model.keras", model.save)
    write(
        HERE / "test.npz",
        lambda path: np.savez_compressed(
            path,
            recordings=x,
            lengths=np.array([len(r) for r in test_recordings], np.int32),
            labels=test_labels.astype(np.int32),
            speakers=np.array([f"speaker {n}" for n in range(1, SPEAKERS + 1)]),
            mask_value=np.float32(MASK_VALUE),
            frame_seconds=np.float64(FRAME_SECONDS),
        ),
    )
    write(HERE / "keras_predictions.npy", lambda path: np.save(path, predictions))


if __name__ == "__main__":
    main()
