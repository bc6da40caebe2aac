"""TimeDistributed of a model: its layers are called on all steps of all samples at once, between two reshapes."""

from collections.abc import Mapping, Sequence
from typing import Any

from lstm_ir.errors import UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry, layer_entry
from lstm_ir.layers import FoldSteps, FunctionalBuilder, Layer, UnfoldSteps, ZeroStates

MODEL_CLASSES = ("Sequential", "Functional", "Model")


def distributed_entry(entry: LayerEntry, source: str) -> LayerEntry | None:
    """What is inside a TimeDistributed, if that is a model or a TimeDistributed of one; else None."""
    if entry.class_name != "TimeDistributed" or not isinstance(entry.config.get("layer"), Mapping):
        return None
    inner = layer_entry(entry.config["layer"], f"{source}: {entry}")
    if inner.class_name in MODEL_CLASSES or distributed_entry(inner, source) is not None:
        return inner
    return None


class Fold:
    """One TimeDistributed of a model, over all its calls.

    Args:
        builder: The graph that it is part of.
        path: Its name in the graph.
        options: Dtype and flavour of its layers.
        source: The TimeDistributed in its file or object, for messages.
    """

    def __init__(self, builder: FunctionalBuilder, path: str, options: Mapping[str, Any], source: str) -> None:
        self.builder, self.path, self.options, self.source = builder, path, options, source
        self.fold = FoldSteps(name=f"{path}/fold", **options)
        self.unfold = UnfoldSteps(name=path, **options)
        self._zeros: dict[str, ZeroStates] = {}
        self._reached: set[str] = set()
        """The tensors that a mask of the input would reach."""

    def open(self, x: str) -> str:
        """Begins a call; returns the samples."""
        (samples,) = self.builder.call(self.fold, [x], path=self.fold.name)
        self._reached.add(samples)
        return samples

    def close(self, x: str, results: Sequence[Any]) -> str:
        """Ends a call; returns what the TimeDistributed returns.

        Raises:
            UnsupportedError: The model inside returns several tensors.
        """
        if len(results) != 1:
            raise UnsupportedError(f"{self.source}: the model inside returns {len(results)} tensors; accepted: one")
        (result,) = self.builder.call(self.unfold, [x, results[0]], path=self.path)
        return result

    def initial_state(self, layer: Layer, path: str, x: str) -> tuple[str, ...]:
        """The states that a recurrent layer inside starts from, which are the module's nowhere: it is many samples'.

        Raises:
            UnsupportedError: The layer is stateful.
        """
        lengths = [cell.units for _, cell in layer.recurrent_cells() for _ in cell.state_names]
        if not lengths:
            return ()
        if getattr(layer, "stateful", False):
            raise UnsupportedError(f"{self.source}: layer {layer.name!r} inside is stateful; accepted: not stateful")
        name = f"{path}/zeros"
        zeros = self._zeros.setdefault(name, ZeroStates(lengths, name=name, **self.options))
        return self.builder.call(zeros, [x], path=name)

    def follow(self, layer: Layer, inputs: Sequence[str], outputs: Sequence[str], *, sees_mask: bool) -> None:
        """Follows a mask of the input through a call inside."""
        if not self._reached.intersection(inputs):
            return
        if layer.refuses_mask or (layer.uses_mask and sees_mask):
            self.fold.refuses_mask = True
        if layer.mask_rule in ("carry", "masks"):
            carried = zip(outputs, layer.masked_outputs(), strict=True)
            self._reached.update(tensor for tensor, carries in carried if carries)
