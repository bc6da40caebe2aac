"""What stands around the layers of a model inside TimeDistributed: all steps of all samples as samples, and back."""

from collections.abc import Sequence
from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.base import Layer
from lstm_ir.layers.graph import shape_list
from lstm_ir.layers.shapes import Shape, as_shape


class FoldSteps(Layer):
    """(batch, time, ...) to (batch x time, ...); Keras has no such layer.

    Args:
        refuses_mask: whether layers behind it would use a mask of its input, of which they get one number a sample.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "FoldSteps"
    auto_name_prefix: ClassVar[str] = "fold_steps"
    supports_masking: ClassVar[bool] = False

    def __init__(self, refuses_mask: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refuses_mask = refuses_mask

    def check_mask(self, mask: Any) -> None:
        """Refuse a mask of the input that layers behind it would use, on which Keras fails.

        Raises:
            UnsupportedError: there is one.
        """
        if mask is not None and self.refuses_mask:
            raise UnsupportedError(
                f"layer {self.name!r}: TimeDistributed of a model whose layers use masks cannot be called on an input "
                "with a mask"
            )

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape of a step, with an open batch.

        Raises:
            ArgumentError: fewer than three axes.
        """
        shape = as_shape(input_shape)
        if len(shape) < 3:
            raise ArgumentError(f"input of layer {self.name!r}: got shape {shape}, expected three axes or more")
        return (None, *shape[2:])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"refuses_mask": self.refuses_mask}


class UnfoldSteps(Layer):
    """What layers made of the samples of `FoldSteps`, by batch and time of its input; Keras has no such layer.

    Called on the input of `FoldSteps`, whose mask goes on, and on the samples (batch x time, ...).

    Args:
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "UnfoldSteps"
    auto_name_prefix: ClassVar[str] = "unfold_steps"
    input_count: ClassVar[int | None] = 2

    def check_mask(self, mask: Any) -> None:
        """Refuse a mask of the samples, which Keras 2 makes a mask of three axes or more of; Keras 3 drops it.

        Raises:
            UnsupportedError: there is one.
        """
        if mask is not None and self.flavour != "keras3":
            raise UnsupportedError(
                f"layer {self.name!r}: TimeDistributed of a model whose output has a mask of its own is not supported"
            )

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(batch, time, ...)."""
        steps, samples = shape_list(input_shape)
        return (*steps[:2], *samples[1:])


class ZeroStates(Layer):
    """States of zeros for the batch of its input: what a layer inside TimeDistributed starts from.

    Args:
        lengths: of each state.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "ZeroStates"
    auto_name_prefix: ClassVar[str] = "zero_states"
    supports_masking: ClassVar[bool] = False

    def __init__(self, lengths: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lengths = [int(length) for length in lengths]

    def output_suffixes(self) -> tuple[str, ...]:
        """The places of the states."""
        return tuple(str(place) for place, _ in enumerate(self.lengths))

    def compute_output_shape(self, input_shape: Any) -> list[Shape]:
        """(batch, length) of each state."""
        batch = as_shape(input_shape)[0]
        return [(batch, length) for length in self.lengths]

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"lengths": self.lengths}
