"""The GRU layer, in the variant whose reset gate is applied after the recurrent product."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.weights import Array


class GRU(RecurrentLayer):
    """Gated recurrent unit (Cho et al. 2014), as Keras defines it with ``reset_after=True``.

    With gates in the order update, reset, new, and a bias of both products, one step is
    ``x' = x K + b[0]; h' = h R + b[1]``; ``z, r = recurrent_activation(x'z + h'z, x'r + h'r)``;
    ``n = activation(x'n + r h'n)``; ``h = z h + (1 - z) n``.

    Args:
        units: length of the state.
        *args: those of `RecurrentLayer`.
        reset_after: True; the other variant multiplies h by r before the product.
        **kwargs: those of `RecurrentLayer`.

    Raises:
        UnsupportedError: ``reset_after=False``.
    """

    keras_class_name: ClassVar[str] = "GRU"
    auto_name_prefix: ClassVar[str] = "gru"
    default_flavour: ClassVar[Flavour] = "keras2"
    weight_scope: ClassVar[str] = "gru_cell"
    gate_count: ClassVar[int] = 3

    def __init__(self, units: int, *args: Any, reset_after: bool = True, **kwargs: Any) -> None:
        if not reset_after:
            raise UnsupportedError(
                "reset_after=False is not supported: its new value needs a product with r h, which a step that is "
                "one product does not have; accepted: True"
            )
        super().__init__(units, *args, **kwargs)
        self.reset_after = True

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, self.gate_count * self.units)

    def code_weights(self) -> dict[str, Array]:
        """The weights of four gates, z, r and the new value's parts from the input and from the state.

        A step is then one product, x K + h R + b: what a part does not see has weights of zero.
        """
        kernel, recurrent_kernel, *rest = self.get_weights()
        new = 2 * self.units  # where the columns of the new value start
        code = {
            "kernel": np.concatenate([kernel, np.zeros_like(kernel[:, new:])], axis=1),
            "recurrent_kernel": np.concatenate(
                [recurrent_kernel[:, :new], np.zeros_like(recurrent_kernel[:, new:]), recurrent_kernel[:, new:]],
                axis=1,
            ),
        }
        if rest:
            of_input, of_state = rest[0]
            gates = of_input[:new] + of_state[:new]
            code["bias"] = np.concatenate([gates, of_input[new:], of_state[new:]])
        return code

    def _own_config(self) -> dict[str, Any]:
        return {"reset_after": self.reset_after}
