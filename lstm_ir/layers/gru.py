"""The GRU layer, with the reset gate before or after the recurrent product."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.weights import Array


class GRU(RecurrentLayer):
    """Gated recurrent unit (Cho et al. 2014), as Keras defines it.

    With gates in the order update, reset, new, and with ``reset_after`` a bias of both products, one step is
    ``x' = x K + b[0]; h' = h R + b[1]``; ``z, r = recurrent_activation(x'z + h'z, x'r + h'r)``;
    ``n = activation(x'n + r h'n)``; ``h = z h + (1 - z) n``. Without it there is one bias, of the first product, and
    ``n = activation(x'n + (r h) Rn)``: a second product in each step, which waits for the first one.

    Args:
        units: length of the state.
        *args: those of `RecurrentLayer`.
        reset_after: whether r multiplies the product with h, or h.
        **kwargs: those of `RecurrentLayer`.
    """

    keras_class_name: ClassVar[str] = "GRU"
    auto_name_prefix: ClassVar[str] = "gru"
    default_flavour: ClassVar[Flavour] = "keras2"
    weight_scope: ClassVar[str] = "gru_cell"
    gate_count: ClassVar[int] = 3

    def __init__(self, units: int, *args: Any, reset_after: bool = True, **kwargs: Any) -> None:
        super().__init__(units, *args, **kwargs)
        self.reset_after = bool(reset_after)

    def _bias_shape(self) -> tuple[int, ...]:
        columns = self.gate_count * self.units
        return (2, columns) if self.reset_after else (columns,)

    def code_weights(self) -> dict[str, Array]:
        """The weights of a step's product x K + h R + b, in which what a gate does not see has weights of zero.

        With ``reset_after`` there are four gates, z, r and the new value's parts from the input and from the state,
        and nothing else. Without it there are z, r and the new value's part from the input, and beside the product
        the new value's ``reset_kernel`` for r h, (units, units).
        """
        kernel, recurrent_kernel, *rest = self.plain_weights()
        new = 2 * self.units  # where the columns of the new value start
        if not self.reset_after:
            zeros = np.zeros_like(recurrent_kernel[:, new:])
            own = {
                "kernel": kernel,
                "recurrent_kernel": np.concatenate([recurrent_kernel[:, :new], zeros], axis=1),
                "reset_kernel": recurrent_kernel[:, new:],
            }
            return own | ({"bias": rest[0]} if rest else {})
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
