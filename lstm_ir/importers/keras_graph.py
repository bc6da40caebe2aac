"""A Keras model config as a graph: functional and Sequential models, nested in each other as deep as they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from lstm_ir.errors import LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry, accepted_classes, describe_layer, layer_entry
from lstm_ir.importers.keras_distributed import MODEL_CLASSES, Fold, distributed_entry
from lstm_ir.importers.keras_masks import MASK_OPERATIONS, carried, is_mask_operation, operation
from lstm_ir.importers.keras_nodes import NodeCall, TensorRef, calls_of, refs_in, tensors_in
from lstm_ir.importers.keras_operations import is_operation, read_operation
from lstm_ir.importers.keras_scope import Part, Scope
from lstm_ir.importers.keras_writer import KerasWriter
from lstm_ir.layers import LAYER_CLASSES, AttachMask, FunctionalBuilder, InputLayer

_DEEPEST = 32


class GraphReader:
    """Reads a model and the models in it into one graph.

    Args:
        writer: The Keras that wrote the config.
        source: The file or object, for messages.
        name: The model's name.
    """

    def __init__(self, writer: KerasWriter, source: str, name: str) -> None:
        self.writer, self.source = writer, source
        self.builder = FunctionalBuilder(name)
        self.masks: dict[str, Any] = {}
        """The mask of each tensor, as an expression."""
        self.mask_inputs: set[str] = set()
        """The inputs of bool: masks, and nothing else."""
        self._scopes: dict[str, Scope] = {}
        self._folds: dict[str, Fold] = {}
        self._attach: dict[str, AttachMask] = {}
        self._inside: list[Fold] = []
        """Those that the model which is being read is in."""

    def read(self, part: Part, config: Mapping[str, Any], inputs: list[str] | None, path: str = "") -> list[str]:
        """Reads one model, on the given tensors or on inputs of its own.

        Args:
            part: Takes the model's parts.
            config: The model's config.
            inputs: The tensors that it is called on; None makes its inputs those of the whole graph.
            path: What the names of its layers start with.

        Returns:
            The tensors that it returns.
        """
        scope = self._scope(part, config, path)
        if part.class_name == "Sequential":
            return self._sequential(scope, inputs)
        return self._functional(scope, inputs)

    def _scope(self, part: Part, config: Mapping[str, Any], path: str) -> Scope:
        known = self._scopes.get(path)
        if known is not None:  # a model that is called again
            known.results.clear()
            return known
        if path.count("/") > _DEEPEST:
            raise ModelFileError(f"{self.source}: its models are nested more than {_DEEPEST} deep")
        listed = config.get("layers")
        if not isinstance(listed, list) or not listed:
            raise ModelFileError(f"{self.source}: its model config lacks name or layers")
        entries = [layer_entry(item, self.source) for item in listed]
        names = [entry.name for entry in entries]
        for entry in entries:
            if names.count(entry.name) > 1:
                raise UnsupportedError(
                    f"{self.source}: {entry} is in the model {names.count(entry.name)} times; accepted: once"
                )
        scope = Scope(path, config, part.class_name, entries, self.writer, self.source)
        for entry in entries:
            if entry.class_name in MODEL_CLASSES or distributed_entry(entry, self.source) is not None:
                scope.parts[entry.name] = Part(entry.name, entry.class_name)
            elif entry.class_name in LAYER_CLASSES and not is_mask_operation(entry) and not is_operation(entry):
                layer = describe_layer(entry, self.writer, self.source)
                scope.parts[entry.name] = Part(entry.name, entry.class_name, layer)
            elif entry.class_name not in MASK_OPERATIONS and not is_operation(entry):
                raise UnsupportedError(f"{self.source}: {entry} is not supported; {accepted_classes()}")
        part.parts = [p for p in scope.parts.values() if not isinstance(p.layer, InputLayer)]
        self._scopes[path] = scope
        return scope

    def _sequential(self, scope: Scope, inputs: list[str] | None) -> list[str]:
        entries = list(scope.entries)
        first = scope.parts.get(entries[0].name)
        if first is not None and isinstance(first.layer, InputLayer):
            entries.pop(0)
            tensors = inputs if inputs is not None else [self._input(first.layer)]
        elif inputs is not None:
            tensors = inputs
        else:
            raise ModelFileError(f"{self.source}: the model has no input")
        for entry in entries:
            if len(tensors) > 1:
                raise UnsupportedError(
                    f"{self.source}: layer {entry.name!r} follows one that returns {len(tensors)} tensors; "
                    "accepted in a Sequential: return_state and merge_mode=None on the last layer alone"
                )
            tensors = self._apply(scope, entry, tensors, (), explicit=None)
        return tensors

    def _functional(self, scope: Scope, inputs: list[str] | None) -> list[str]:
        declared = refs_in(scope.config.get("input_layers"), self.source)
        if not declared:
            raise ModelFileError(f"{self.source}: the model has no input")
        if inputs is not None and len(inputs) != len(declared):
            raise ModelFileError(
                f"{self.source}: {scope.path!r} is called on {len(inputs)} tensors, not {len(declared)}"
            )
        for position, ref in enumerate(declared):
            part = scope.parts.get(ref.layer)
            if part is None or not isinstance(part.layer, InputLayer):
                raise ModelFileError(f"{self.source}: layer {ref.layer!r} is named in the graph and is no input")
            tensor = inputs[position] if inputs is not None else self._input(part.layer)
            scope.results[(ref.layer, 0)] = [tensor]
        outputs = refs_in(scope.config.get("output_layers"), self.source)
        waiting = {entry.name: calls_of(entry, self.source) for entry in scope.entries}
        counts = dict.fromkeys(waiting, 0)
        progress = True
        while progress:
            progress = False
            for entry in scope.entries:
                while waiting[entry.name] and scope.is_ready(waiting[entry.name][0]):
                    call = waiting[entry.name].pop(0)
                    scope.results[(entry.name, counts[entry.name])] = self._call(scope, entry, call)
                    counts[entry.name] += 1
                    progress = True
        left = [entry for entry in scope.entries if waiting[entry.name]]
        if left:
            scope.refuse_waiting(left[0], waiting[left[0].name][0])
        return [scope.tensor(ref, is_output=True) for ref in outputs]

    def _input(self, layer: InputLayer) -> str:
        tensor = self.builder.input(layer)
        self.masks[tensor] = None
        if layer.value_dtype == "bool":
            self.mask_inputs.add(tensor)
        return tensor

    def _call(self, scope: Scope, entry: LayerEntry, call: NodeCall) -> list[Any]:
        if is_mask_operation(entry):
            operands = self._operands(scope, call)
            if not (is_operation(entry) and all(isinstance(value, str) for value in operands)):
                return [operation(entry, call, operands, self.source)]
        if is_operation(entry):
            return self._operation(scope, entry, call)
        args, keywords = list(call.args), dict(call.kwargs)
        for key, value in list(keywords.items()):
            if value is None or (key == "training" and value is False):
                del keywords[key]
        states = keywords.pop("initial_state", None)
        explicit = keywords.pop("mask", None)
        if keywords:
            key = next(iter(keywords))
            raise UnsupportedError(
                f"{self.source}: {entry} is called with {key}=; accepted: tensors, mask= and initial_state="
            )
        part = scope.parts[entry.name]
        recurrent = part.layer is not None and bool(part.layer.recurrent_cells())
        if recurrent and states is None and len(args) > 1:  # LSTM(x, [h, c]), and Keras 2's list of all three
            args, states = args[:1], tuple(args[1:])
        elif recurrent and args and isinstance(args[0], tuple) and args[0]:
            args, states = [args[0][0]], tuple(args[0][1:]) or states
        refs = list(tensors_in(tuple(args)))
        if not refs or len(refs) != len(_flat(args)):
            raise UnsupportedError(f"{self.source}: {entry} is called on something that is no tensor")
        tensors = [scope.tensor(ref) for ref in refs]
        initial = [scope.tensor(ref) for ref in tensors_in(states)] if states is not None else []
        if states is not None and len(initial) != len(_flat([states])):
            raise UnsupportedError(f"{self.source}: {entry} is called with an initial_state that is no tensor")
        for tensor in (*tensors, *initial):
            if not isinstance(tensor, str):
                raise UnsupportedError(f"{self.source}: {entry} is called on a mask; accepted: tensors")
        tensors = self._with_mask(scope, entry, explicit, tensors)
        handed = self._handed(scope, entry, explicit, tensors)
        return list(self._apply(scope, entry, tensors, initial, explicit=handed))

    def _operation(self, scope: Scope, entry: LayerEntry, call: NodeCall) -> list[Any]:
        """One call of an operation on tensors, as that of a layer of its own."""

        def rank_of(ref: TensorRef) -> int:
            tensor = scope.tensor(ref)
            if not isinstance(tensor, str):
                raise UnsupportedError(f"{self.source}: {entry} is called on a mask; accepted: tensors")
            return len(self.builder.shape(tensor))

        layer, refs = read_operation(entry, call, self.writer, rank_of, self.source)
        tensors = [scope.tensor(ref) for ref in refs]
        if len(calls_of(entry, self.source)) > 1:
            raise UnsupportedError(f"{self.source}: {entry} is called several times; accepted: once")
        scope.parts.setdefault(entry.name, Part(entry.name, entry.class_name, layer))
        return list(self._apply(scope, entry, tensors, (), explicit=None))

    def _operands(self, scope: Scope, call: NodeCall) -> list[Any]:
        values = _flat(list(call.args))
        return [scope.tensor(value) if isinstance(value, TensorRef) else value for value in values]

    def _with_mask(self, scope: Scope, entry: LayerEntry, explicit: Any, tensors: list[str]) -> list[str]:
        """What a call is on: where it is handed an input of bool as its mask, the tensor with that mask."""
        given = [scope.tensor(ref) for ref in tensors_in(explicit)] if explicit is not None else []
        own = [self.masks[tensor] for tensor in tensors]
        if len(tensors) != 1 or len(given) != 1 or given == own or given[0] not in self.mask_inputs:
            return tensors
        if own != [None] or getattr(scope.parts[entry.name].layer, "time_major", False):
            raise UnsupportedError(
                f"{self.source}: {entry} takes the input {given[0]!r} as mask of a tensor that has one already, or "
                "that is time-major; accepted: (batch, time, ...) without a mask of its own"
            )
        name = f"{scope.path}{entry.name}/mask"
        layer = self._attach.setdefault(name, AttachMask(name=name, **self._options(entry)))
        (masked,) = self.builder.call(layer, [*tensors, given[0]], path=name)
        self.masks[masked] = given[0]
        return [masked]

    def _options(self, entry: LayerEntry) -> dict[str, Any]:
        """Of a layer that we put beside one of the model."""
        return {"dtype": entry.config.get("dtype"), "flavour": self.writer.flavour}

    def _handed(self, scope: Scope, entry: LayerEntry, explicit: Any, tensors: Sequence[str]) -> bool | None:
        """Whether a call hands a mask over; it must be the one that its input carries."""
        given = list(tensors_in(explicit)) if explicit is not None else []
        if not given:
            return None
        masks = [scope.tensor(ref) for ref in given]
        own = [self.masks[tensor] for tensor in tensors]
        wanted = [mask for mask in own if mask is not None]
        if masks != own and masks != wanted:
            raise UnsupportedError(
                f"{self.source}: {entry} takes a mask that is not the one of its input; accepted: those of layers"
            )
        return True

    def _apply(
        self,
        scope: Scope,
        entry: LayerEntry,
        tensors: Sequence[str],
        initial: Sequence[str],
        *,
        explicit: bool | None,
    ) -> list[str]:
        part = scope.parts[entry.name]
        path = f"{scope.path}{entry.name}"
        if part.layer is None:
            return self._apply_model(part, entry, list(tensors), path)
        # Keras 3 does not hand the mask of an input to a layer that is called with initial_state.
        for tensor in (*tensors, *initial):
            if tensor in self.mask_inputs:
                raise UnsupportedError(
                    f"{self.source}: {entry} is called on the input {tensor!r} of bool; accepted: as mask="
                )
        sees_mask = not (self.writer.flavour == "keras3" and initial and explicit is None)
        try:
            if self._inside and not initial:
                initial = self._inside[-1].initial_state(part.layer, path, tensors[0])
            outputs = self.builder.call(part.layer, tensors, path=path, initial_state=initial, sees_mask=sees_mask)
        except (LstmIrError, TypeError, ValueError) as error:
            refusal = UnsupportedError if isinstance(error, UnsupportedError) else ModelFileError
            raise refusal(f"{self.source}: {entry}: {' '.join(str(error).split())}") from None
        for fold in self._inside:
            fold.follow(part.layer, tensors, outputs, sees_mask=sees_mask)
        mask = carried(part.layer, tensors, [self.masks[tensor] for tensor in tensors])
        for tensor, has_mask in zip(outputs, part.layer.masked_outputs(), strict=True):
            self.masks[tensor] = mask if has_mask else None
        return list(outputs)

    def _apply_model(self, part: Part, entry: LayerEntry, tensors: list[str], path: str) -> list[str]:
        """One call of a nested model, or of a TimeDistributed of one."""
        inner = distributed_entry(entry, self.source)
        if inner is None:
            return self.read(part, entry.config, tensors, f"{path}/")
        if len(tensors) != 1:
            raise UnsupportedError(f"{self.source}: {entry} is called on {len(tensors)} tensors; accepted: one")
        if not part.parts:
            part.parts = [Part(inner.name, inner.class_name)]
        fold = self._folds.get(path)
        if fold is None:
            fold = self._folds[path] = Fold(self.builder, path, self._options(entry), f"{self.source}: {entry}")
        samples = fold.open(tensors[0])
        self.masks[samples] = None
        self._inside.append(fold)
        results = self._apply_model(part.parts[0], inner, [samples], f"{path}/{inner.name}")
        self._inside.pop()
        result = fold.close(tensors[0], results)
        self.masks[result] = self.masks[tensors[0]]
        return [result]


def _flat(values: Any) -> list[Any]:
    result: list[Any] = []
    for value in values:
        result += _flat(value) if isinstance(value, (tuple, list)) else [value]
    return result
