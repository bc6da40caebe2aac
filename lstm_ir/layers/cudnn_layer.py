"""What Keras's recurrent layers of the GPU have in common, which files of Keras 2 and TensorFlow 1 hold."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.weights import Array


class CuDNNLayer(RecurrentLayer):
    """A recurrent layer of tanh and sigmoid whose weights are those of cuDNN.

    The kernel of each gate, (features, units), holds the numbers of a (units, features) matrix in its order, the
    recurrent kernel of each gate is transposed, and there are two biases, one behind the other. Source:
    `_convert_rnn_weights` of Keras 2, which makes a plain layer of one. To be listed before the plain layer's class.

    Args:
        units: length of the state.
        **kwargs: of `RecurrentLayer`, those that Keras's own layer has too.

    Raises:
        UnsupportedError: ``time_major`` with ``go_backwards``, which in Keras reverses the batch.
    """

    weight_scope: ClassVar[str] = ""
    refuses_mask: bool = True

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, "tanh", "sigmoid", True, **kwargs)
        if self.time_major and self.go_backwards:
            name = self.keras_class_name
            raise UnsupportedError(f"go_backwards: a {name} with it and time_major is not supported")

    def _bias_shape(self) -> tuple[int, ...]:
        return (2 * self.gate_count * self.units,)

    def _initial_bias(self) -> Any:
        """The bias initialiser; the forget quarters are not treated apart, as nothing trains here."""
        return self.bias_initializer

    def plain_weights(self) -> list[Array]:
        """The weights of a plain layer that computes the same; its biases one above the other, (2, gates units)."""
        kernel, recurrent_kernel, bias = self.get_weights()

        def from_cudnn(packed: Array) -> Array:
            gates = np.split(packed, self.gate_count, axis=1)
            return np.concatenate([gate.reshape(self.units, -1).T for gate in gates], axis=1)

        return [from_cudnn(kernel), from_cudnn(recurrent_kernel), bias.reshape(2, -1)]

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        own = ("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout", "implementation")
        dropped = (*own, "unroll", "zero_output_for_mask", "reset_after")
        return {key: value for key, value in super().get_config().items() if key not in dropped}
