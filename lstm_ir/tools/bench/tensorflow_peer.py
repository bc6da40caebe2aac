"""TensorFlow: ``tf.compat.v1.keras.layers.LSTM`` in a tf.function, as a graph and compiled by XLA."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lstm_ir.tools.bench.network import Affine, Array, Direction, InexpressibleError, MaskMaker, Network, Recurrence
from lstm_ir.tools.bench.peer import Peer, Program

_FUNCTIONS = (
    *("linear", "tanh", "sigmoid", "hard_sigmoid", "relu", "softsign", "softplus", "elu", "selu", "swish", "gelu"),
    *("exponential", "softmax"),
)


class TensorFlowPeer(Peer):
    """The layer itself, from the package tf_keras, which has TensorFlow's Keras 2."""

    name: ClassVar[str] = "tensorflow"
    aliases: ClassVar[tuple[str, ...]] = ("tf",)
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf_keras")
    distribution: ClassVar[str] = "tensorflow"
    is_jit_compiled: ClassVar[bool] = False

    def version(self) -> str | None:
        """Return the version installed, whichever of TensorFlow's distributions it is."""
        from importlib.metadata import PackageNotFoundError, version

        for distribution in ("tensorflow", "tensorflow-cpu"):
            try:
                return version(distribution)
            except PackageNotFoundError:
                continue
        return None

    def prepare(self, network: Network, x: Array, mask: Array | None, threads: int | None) -> Program:
        """Build the network, see `Peer.prepare`."""
        tf = _tensorflow(threads)
        layers = [_layer(stage, network.is_time_major) for stage in network.stages]

        def run(x: Any, mask: Any = None) -> list[Any]:
            outputs = [x]
            for stage, layer in zip(network.stages, layers, strict=True):
                if isinstance(stage, MaskMaker):
                    mask = layer.compute_mask(outputs[0])
                    outputs = [layer(outputs[0])]
                elif isinstance(stage, Affine):
                    outputs = [layer(outputs[0])]
                else:
                    result = layer(outputs[0], mask=mask)
                    outputs = list(result) if isinstance(result, list | tuple) else [result]
            return outputs

        arguments = [tf.constant(x)] + ([] if mask is None else [tf.constant(mask.astype(bool))])
        run(*arguments)  # builds the layers
        for stage, layer in zip(network.stages, layers, strict=True):
            layer.set_weights(_weights(stage))
        compiled = tf.function(run, jit_compile=self.is_jit_compiled, autograph=False)
        return Program(lambda: [value.numpy() for value in compiled(*arguments)], list)

    def prepare_file(self, path: Path, source: str, inputs: Mapping[str, Array], threads: int | None) -> Program:
        """Open a model file of Keras 2 or of Keras 3 on TensorFlow, see `Peer.prepare_file`."""
        if source not in ("keras2", "keras3"):
            return super().prepare_file(path, source, inputs, threads)
        from lstm_ir.tools.frameworks.keras_config_check import refusal
        from lstm_ir.tools.frameworks.keras_worker import KerasModel

        why = refusal(path)
        if why is not None:
            raise InexpressibleError(why)
        tf = _tensorflow(threads)
        opened = KerasModel(source, path, {"inputs": list(inputs), "recurrences": [], "weights": None})
        if source == "keras3" and opened.keras.backend.backend() != "tensorflow":
            raise InexpressibleError(f"Keras 3 runs on {opened.keras.backend.backend()} here")
        compiled = tf.function(
            lambda arguments: opened.model(arguments, training=False), jit_compile=self.is_jit_compiled, autograph=False
        )
        arguments = opened.arguments(inputs)
        return Program(lambda: [value.numpy() for value in tf.nest.flatten(compiled(arguments))], list)


class TensorFlowXlaPeer(TensorFlowPeer):
    """The same function with ``jit_compile=True``."""

    name: ClassVar[str] = "tensorflow-xla"
    aliases: ClassVar[tuple[str, ...]] = ("tf-xla", "xla")
    is_jit_compiled: ClassVar[bool] = True


def _tensorflow(threads: int | None) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import tensorflow

    if threads is not None and tensorflow.config.threading.get_intra_op_parallelism_threads() != threads:
        try:
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        except RuntimeError as error:  # once TensorFlow has begun, it is too late
            raise InexpressibleError(f"threads: {error}") from error
    return tensorflow


def _layer(stage: Any, is_time_major: bool) -> Any:
    import tf_keras

    if isinstance(stage, MaskMaker):
        return tf_keras.layers.Masking(stage.value)
    if isinstance(stage, Affine):
        return tf_keras.layers.Dense(stage.kernel.shape[1], activation=_function(stage.activation.name))
    lstms = [_lstm(lstm, stage, is_time_major) for lstm in stage.directions]
    if len(lstms) == 1:
        return lstms[0]
    return tf_keras.layers.Bidirectional(lstms[0], backward_layer=lstms[1], merge_mode=stage.merge_mode)


def _lstm(lstm: Direction, stage: Recurrence, is_time_major: bool) -> Any:
    # tf.compat.v1.keras.layers.LSTM by the name that does not depend on which Keras TensorFlow was told to use.
    from tf_keras.src.layers.rnn.lstm_v1 import LSTM

    return LSTM(
        lstm.units,
        activation=_function(lstm.activation.name),
        recurrent_activation=_function(lstm.recurrent_activation.name),
        return_sequences=stage.returns_sequences,
        return_state=stage.returns_state,
        go_backwards=lstm.goes_backwards,
        time_major=is_time_major,
        zero_output_for_mask=lstm.zeroes_masked,
        implementation=2,
    )


def _weights(stage: Any) -> list[Array]:
    if isinstance(stage, Affine):
        return [stage.kernel, stage.bias]
    if isinstance(stage, Recurrence):
        return [array for lstm in stage.directions for array in (lstm.kernel, lstm.recurrent_kernel, lstm.bias)]
    return []


def _function(name: str) -> str:
    if name not in _FUNCTIONS:
        raise InexpressibleError(f"activation {name}: tf_keras has none of that meaning by name")
    return name
