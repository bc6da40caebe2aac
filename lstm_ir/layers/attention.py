"""Layers that look from one sequence into another: Dot, Attention, AdditiveAttention."""

from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.arguments import clamped_rate
from lstm_ir.layers.base import Array, Layer, MaskRule
from lstm_ir.layers.graph import shape_list
from lstm_ir.layers.initializers import GlorotUniform, Ones
from lstm_ir.layers.shapes import Shape
from lstm_ir.layers.weights import WeightSpec


class Dot(Layer):
    """The sum of products over one axis of each of two tensors: (batch, rest of x, rest of y), or (batch, 1).

    Args:
        axes: the axis of both, or of each, not the batch; negative ones count from the end.
        normalize: not supported.
        **kwargs: those of `Layer`.

    Raises:
        UnsupportedError: ``normalize``.
    """

    keras_class_name: ClassVar[str] = "Dot"
    auto_name_prefix: ClassVar[str] = "dot"
    input_count: ClassVar[int | None] = 2
    supports_masking: ClassVar[bool] = False

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if normalize:
            raise UnsupportedError("normalize: True is not supported, only False")
        pair = [axes, axes] if type(axes) is int else axes
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or any(type(axis) is not int for axis in pair):
            raise ArgumentError(f"axes: got {axes!r}, expected an integer or two")
        self.axes = axes if type(axes) is int else list(pair)

    def axes_of(self, ranks: tuple[int, int]) -> tuple[int, int]:
        """The axes that are summed, counted from 0, of inputs of these ranks.

        Raises:
            ArgumentError: there is no such axis, or it is the batch.
        """
        pair = [self.axes, self.axes] if isinstance(self.axes, int) else self.axes
        first, second = (axis + rank if axis < 0 else axis for axis, rank in zip(pair, ranks, strict=True))
        if not 0 < first < ranks[0] or not 0 < second < ranks[1]:
            raise ArgumentError(f"axes: layer {self.name!r} has {self.axes}, its inputs have {ranks} axes")
        return first, second

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The axes that are left.

        Raises:
            ArgumentError: lengths that differ.
        """
        x, y = shape_list(input_shape)
        first, second = self.axes_of((len(x), len(y)))
        if x[first] != y[second] and None not in (x[first], y[second]):
            raise ArgumentError(f"layer {self.name!r}: inputs have incompatible shapes {x} and {y}")
        rest = (*x[:first], *x[first + 1 :], *y[1:second], *y[second + 1 :])
        return rest if len(rest) > 1 else (*rest, 1)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"axes": self.axes, "normalize": False}


class Attention(Layer):
    """Attention (Luong et al. 2015): ``softmax(scores) value`` of query (batch, Tq, dim) and value (batch, Tv, dim).

    Scores are ``query key^T``, or with ``score_mode="concat"`` the sum of ``tanh(scale (query + key))``. Steps of value
    that its mask excludes are not looked at; steps of query that its mask excludes give zeros. The key is the value, or
    a third input.

    Args:
        use_scale: whether a trained number scales.
        score_mode: ``"dot"`` or ``"concat"``.
        dropout: of the distribution, in training.
        **kwargs: those of `Layer`.

    Raises:
        ArgumentError: an unknown ``score_mode``.
    """

    keras_class_name: ClassVar[str] = "Attention"
    auto_name_prefix: ClassVar[str] = "attention"
    input_count: ClassVar[int | None] = None
    uses_mask: ClassVar[bool] = True

    def __init__(self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(f"score_mode: got {score_mode!r}, expected 'dot' or 'concat'")
        self.use_scale, self.score_mode = bool(use_scale), score_mode
        self.dropout = clamped_rate(dropout, "dropout")

    def _specs_for(self, input_shape: Any) -> tuple[WeightSpec, ...]:
        names = ["scale"] if self.use_scale else []
        names += ["concat_score_weight"] if self.score_mode == "concat" else []
        return tuple(WeightSpec(name, (), self.variable_dtype, Ones()) for name in names)

    def build(self, input_shape: Any) -> None:
        """Create the weights for a list of shapes, see `Layer.build`."""
        super().build(shape_list(input_shape)[0])

    def code_weights(self) -> dict[str, Array]:
        """Numbers as tensors of one element."""
        return {name: value.reshape(-1) for name, value in super().code_weights().items()}

    @property
    def mask_rule(self) -> MaskRule:
        """The mask of the query goes on."""
        return "carry"

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(batch, Tq, length of value).

        Raises:
            ArgumentError: not two or three sequences that go together.
        """
        shapes = shape_list(input_shape)
        if len(shapes) not in (2, 3) or any(len(shape) != 3 for shape in shapes):
            raise ArgumentError(f"layer {self.name!r}: called on {shapes}, expected two or three sequences")
        query, value, key = shapes[0], shapes[1], shapes[-1]
        for what, mine, other in (("lengths", query[2], key[2]), ("steps", value[1], key[1])):
            if mine != other and None not in (mine, other):
                raise ArgumentError(f"layer {self.name!r}: inputs {shapes} have different {what}")
        return (query[0], query[1], value[2])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        own = {"use_scale": self.use_scale, "score_mode": self.score_mode, "dropout": self.dropout}
        return super().get_config() | own


class AdditiveAttention(Attention):
    """Attention (Bahdanau et al. 2015) whose scores are the sum of ``scale tanh(query + key)``, scale (dim,).

    Args:
        use_scale: whether there is a scale.
        dropout: of the distribution, in training.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "AdditiveAttention"
    auto_name_prefix: ClassVar[str] = "additive_attention"

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale, dropout=dropout, **kwargs)

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        length = input_shape[-1]
        if length is None:
            raise ArgumentError(f"input_shape: the last axis of {input_shape} must be known to build {self.name!r}")
        return (WeightSpec("scale", (length,), self.variable_dtype, GlorotUniform()),) if self.use_scale else ()

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return {key: value for key, value in super().get_config().items() if key != "score_mode"}
