"""Which Keras wrote a model: it decides what the words in a config mean."""

import re
from dataclasses import dataclass

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.layers import Flavour


@dataclass(frozen=True)
class KerasWriter:
    """The Keras that wrote a config.

    Attributes:
        version: Its version, as text ("2.21.0", "3.15.1").
        flavour: Whose semantics the config's words have. The same word can name two functions: "hard_sigmoid" is
            clip(0.2 x + 0.5, 0, 1) in Keras 2 and relu6(x + 3) / 6 in Keras 3.
    """

    version: str
    flavour: Flavour


def keras_writer(version: object, source: str) -> KerasWriter:
    """Reads a `keras_version`.

    Args:
        version: What the file or the package says its version is; None when it says nothing.
        source: The file or object, for messages.

    Raises:
        ModelFileError: There is no version, or it is not one.
        UnsupportedError: A Keras whose configs mean something that we do not know.
    """
    if isinstance(version, bytes):
        version = version.decode("utf-8", "replace")
    if version is None:
        raise ModelFileError(
            f"{source} has no keras_version: without it the meaning of its layers is not known; "
            "load and save it again with tf_keras or Keras 3"
        )
    match = re.match(r"(\d+)\.(\d+)", version) if isinstance(version, str) else None
    if match is None:
        raise ModelFileError(f"{source} has keras_version {version!r}; accepted: one such as '2.21.0' or '3.15.1'")
    text, major, minor = str(version), int(match[1]), int(match[2])
    if major == 3:
        return KerasWriter(text, "keras3")
    # Standalone Keras before 2.4 shares version numbers with tf.keras, which marks its own with "-tf"; it masks
    # Bidirectional differently and does not record `time_major`.
    if major == 2 and (minor >= 4 or text.endswith("-tf")):
        return KerasWriter(text, "keras2")
    raise UnsupportedError(
        f"{source} was written by Keras {text}; accepted: tf.keras (Keras 2.4 and later, or 2.x-tf) and Keras 3: "
        "load and save it again with tf_keras"
    )
