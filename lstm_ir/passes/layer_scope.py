"""How a layer becomes IR: what its build function is given, and how one is registered for a layer class.

A build function takes a `LayerScope`, the layer and the values that it is called on, and returns what it returns::

    @builds(Flatten)
    def build_flatten(b: LayerScope, layer: Flatten, call: Operands) -> list[SSAValue]:
        return [b.collapse(call.x, [[0], list(range(1, rank))])]

It may use ops of the layer level (dialect/layer_ops.py) or write linalg and tensor code with the scope, which is a
`TensorBuilder` (structured.py). Masks that only pass through are none of its business; a layer whose ``mask_rule`` is
``values`` or ``masks`` returns `Built` with the mask of its outputs.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xdsl.builder import InsertOpInvT
from xdsl.dialects.builtin import NameLoc, NoneAttr, StringAttr, TensorType
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.layer_ops import ActivateOp, WeightOp
from lstm_ir.errors import UnsupportedError
from lstm_ir.layers import Activation, Call, Layer
from lstm_ir.passes.structured import TensorBuilder


@dataclass(frozen=True)
class Operands:
    """What one call of a layer is given.

    Attributes:
        inputs: The tensors that it is called on.
        masks: The mask of each, i8, 0 where a step is to be ignored; None where there is none.
        initial_state: The tensors that a recurrent layer starts from; empty where it starts from the module's state.
    """

    inputs: list[SSAValue]
    masks: list[SSAValue | None]
    initial_state: list[SSAValue] = field(default_factory=list)

    @property
    def x(self) -> SSAValue:
        """The first input."""
        return self.inputs[0]

    @property
    def mask(self) -> SSAValue | None:
        """The first input's mask."""
        return self.masks[0]


@dataclass(frozen=True)
class Built:
    """Outputs of a call, with the masks that the layer made for them."""

    outputs: list[SSAValue]
    masks: list[SSAValue | None]


@dataclass
class EntryContext:
    """What all layers of one entry point share.

    Attributes:
        element: The type that the model computes in.
        states: The module's states so far, by name (``lstm/h``): those given, then those that layers left.
        seed: The seed of dropout, in training.
        streams: Numbers of what is drawn from the seed.
    """

    element: Attribute
    states: dict[str, SSAValue]
    seed: SSAValue | None = None
    streams: Iterator[int] = field(default_factory=itertools.count)


class LayerScope(TensorBuilder):
    """Builds the IR of one call at the end of an entry point; every op is marked with the layer's name.

    Attributes:
        block: The entry point's body.
        call: The call.
        context: What the entry point's layers share.
    """

    def __init__(self, block: Block, call: Call, context: EntryContext) -> None:
        super().__init__(InsertPoint.at_end(block))
        self.block = block
        self.call = call
        self.context = context
        self._location = NameLoc(StringAttr(call.path), NoneAttr())
        self._specs: Mapping[str, Any] = {spec.name: spec for spec in call.layer.weight_specs()}

    @property
    def element(self) -> Attribute:
        """The type that the model computes in."""
        return self.context.element

    def insert(self, op: InsertOpInvT, insertion_point: InsertPoint | None = None) -> InsertOpInvT:
        """Insert an op, or several, marked with the layer's name."""
        for one in (op,) if isinstance(op, Operation) else op:
            one.location = self._location
        return super().insert(op, insertion_point)

    def weight(self, name: str, shape: Sequence[int] | None = None) -> SSAValue:
        """Return a weight of the layer by its name in `Layer.code_weights`, such as ``kernel`` or ``forward/kernel``.

        Args:
            name: Its name.
            shape: Its shape, where that is not its spec's.
        """
        path = f"{self.call.path}/{name}"
        value = self.do(WeightOp(path, TensorType(self.element, self._specs[name].shape if shape is None else shape)))
        value.name_hint = name_hint(path.rsplit("/", maxsplit=1)[-1])
        return value

    def activate(self, activation: Activation, x: SSAValue) -> SSAValue:
        """Apply an activation; linear is the tensor itself."""
        if activation.name == "linear":
            return x
        return self.do(ActivateOp(activation_attr(activation), x))


Build = Callable[[LayerScope, Any, Operands], "list[SSAValue] | Built"]

_BUILDERS: dict[type[Layer], Build] = {}


def builds(*classes: type[Layer]) -> Callable[[Build], Build]:
    """Register a build function for layer classes; a class derived from one of them is built alike."""

    def register(function: Build) -> Build:
        for cls in classes:
            _BUILDERS[cls] = function
        return function

    return register


def build_call(scope: LayerScope, operands: Operands) -> Built:
    """Build one call on its operands; returns its outputs and their masks.

    Raises:
        UnsupportedError: If there is no build function for the layer.
    """
    layer = scope.call.layer
    function = next((_BUILDERS[cls] for cls in type(layer).__mro__ if cls in _BUILDERS), None)
    if function is None:
        raise UnsupportedError(f"layer {layer.name!r}: class {type(layer).__name__} cannot be compiled")
    seen = operands
    if not scope.call.sees_mask:
        seen = replace(operands, masks=[None for _ in operands.masks])
    built = function(scope, layer, seen)
    if isinstance(built, Built):
        return built
    carried = operands.mask if layer.mask_rule == "carry" else None
    return Built(built, [carried if carries else None for carries in layer.masked_outputs()])


def activation_attr(activation: Activation) -> ActivationAttr:
    """Return a description's activation as an attribute."""
    return ActivationAttr.get(activation.name, activation.alpha)


def name_hint(name: str) -> str:
    """Return a name as an SSA name hint, which has letters and digits of ASCII only."""
    text = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
    return text if not text[:1].isdigit() else f"_{text}"
