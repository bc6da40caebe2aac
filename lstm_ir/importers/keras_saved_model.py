"""SavedModel folders of tf.keras: the model's config in keras_metadata.pb, the weights in a TensorFlow checkpoint.

`model.save(folder)` of Keras 2 writes the config of every layer beside TensorFlow's own files (TensorFlow until 2.4
into saved_model.pb). The checkpoint holds a graph of Python objects, in which each layer's weights are found by the
names of its attributes. The functions in saved_model.pb are not looked at, and nothing in the folder is run.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.keras_model import describe_model, parse_json
from lstm_ir.importers.keras_scope import Part
from lstm_ir.importers.keras_writer import keras_writer
from lstm_ir.importers.tensor_bundle import TensorBundle, read_small_file
from lstm_ir.importers.tensorflow_messages import parse
from lstm_ir.layers import RNN, Bidirectional, CuDNNLayer, Layer, Model, RecurrentLayer, TimeDistributed

SAVED_MODEL = "saved_model.pb"
CHECKPOINT = Path("variables") / "variables"
_METADATA = "keras_metadata.pb"
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_ROOT = "root"

Metadata = dict[str, Mapping[str, Any]]
"""What Keras recorded of each of its objects, by the object's path from the model ("root.layer-0")."""


def read_saved_model(folder: Path) -> Model:
    """Reads a whole model saved as a SavedModel folder by tf.keras.

    Raises:
        ModelFileError: The folder is damaged, or contradicts itself.
        UnsupportedError: It holds no Keras model, or something in it that we do not compile.
    """
    source = str(folder)
    metadata = _metadata(folder)
    root, model = _model_config(metadata, source)
    writer = keras_writer(root.get("keras_version"), f"{source}: {_METADATA}")
    bundle = TensorBundle(folder / CHECKPOINT)
    described = describe_model(model, writer, source, max_weight_bytes=bundle.data_bytes())
    graph = _ObjectGraph(bundle)
    _set_part(described.whole, graph, 0, graph.metadata_by_object(metadata), source)
    return described.model


def saved_model_config(folder: Path) -> Mapping[str, Any]:
    """Reads the config of the model in a folder, as `describe_model` takes it.

    Raises:
        ModelFileError: The folder is damaged.
        UnsupportedError: It holds no config of a model.
    """
    return _model_config(_metadata(folder), str(folder))[1]


def _model_config(metadata: Metadata, source: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What Keras recorded of the model, and the model's config in it."""
    root = metadata.get(_ROOT)
    if root is None:
        raise UnsupportedError(
            f"{source} is a SavedModel without the configs of Keras layers, as model.export() of Keras 3 and "
            "tf.saved_model.save write it: it holds functions of TensorFlow and no layers; accepted: the model saved "
            "with model.save('name.keras') or '.h5', or as a SavedModel with model.save() of tf.keras"
        )
    config = root.get("model_config")
    model = config if isinstance(config, Mapping) else root
    if not isinstance(model.get("config"), Mapping):
        raise UnsupportedError(
            f"{source} holds a {root.get('class_name') or 'model'} without a config, as of a subclass of Model; "
            "accepted: a Sequential or functional model"
        )
    return root, model


def _metadata(folder: Path) -> Metadata:
    path = folder / _METADATA
    if path.exists():
        saved = parse("SavedMetadata", read_small_file(path), str(path))
        texts = [(node.node_path, node.metadata) for node in saved.nodes]
    else:
        path = folder / SAVED_MODEL
        texts = list(_metadata_of_old(path))
    try:
        return {where: _plain(parse_json(text, f"{path}: {where:.200}")) for where, text in texts}
    except RecursionError:
        raise ModelFileError(f"{path}: a config is nested too deep") from None


def _metadata_of_old(path: Path) -> Iterator[tuple[str, str]]:
    """The same from a SavedModel of TensorFlow before 2.5, which keeps it in its own graph of objects."""
    graphs = parse("SavedModel", read_small_file(path), str(path)).meta_graphs
    nodes = graphs[0].object_graph_def.nodes if graphs else []
    paths = {0: _ROOT}
    waiting = [0] if nodes else []
    while waiting:
        number = waiting.pop(0)
        node = nodes[number]
        if node.user_object.identifier.startswith("_tf_keras_") and node.user_object.metadata:
            yield paths[number], node.user_object.metadata
        for child in node.children:
            if child.node_id not in paths and 0 <= child.node_id < len(nodes):
                paths[child.node_id] = f"{paths[number]}.{child.local_name}"
                waiting.append(child.node_id)


def _plain(value: Any) -> Any:
    """JSON as other files have it: Keras marks tuples and shapes here, which are lists there."""
    if isinstance(value, Mapping):
        if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
            return _plain(value["items"])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class _ObjectGraph:
    """The graph of Python objects in a checkpoint.

    Args:
        bundle: The checkpoint.

    Raises:
        ModelFileError: It has none.
    """

    def __init__(self, bundle: TensorBundle) -> None:
        self.bundle, self.source = bundle, bundle.source
        text = bundle.text(_GRAPH)
        if text is None:
            raise ModelFileError(f"{bundle.source} has no {_GRAPH}; accepted: a checkpoint of TensorFlow 2")
        self._nodes = parse("TrackableObjectGraph", text, f"{bundle.source}: {_GRAPH}").nodes
        self._children: dict[int, dict[str, int]] = {}
        if not self._nodes:
            raise ModelFileError(f"{bundle.source}: its {_GRAPH} is empty")

    def children(self, number: int) -> dict[str, int]:
        """The objects that one has, by the names of its attributes."""
        found = self._children.get(number)
        if found is None:
            found = {child.local_name: int(child.node_id) for child in self._nodes[number].children}
            for name, child in found.items():
                if not 0 <= child < len(self._nodes):
                    raise ModelFileError(f"{self.source}: object {name!r:.200} is not in its {_GRAPH}")
            self._children[number] = found
        return found

    def find(self, number: int, path: str, separator: str = "/") -> int | None:
        """The object at a path of attributes from another; None where there is none."""
        for name in path.split(separator):
            child = self.children(number).get(name)
            if child is None:
                return None
            number = child
        return number

    def key(self, number: int) -> str | None:
        """Where a variable's value is in the checkpoint; None where the object is no variable."""
        keys = [item.checkpoint_key for item in self._nodes[number].attributes if item.name == "VARIABLE_VALUE"]
        return str(keys[0]) if keys else None

    def metadata_by_object(self, metadata: Metadata) -> dict[int, Mapping[str, Any]]:
        """What Keras recorded, by the objects' numbers."""
        found: dict[int, Mapping[str, Any]] = {}
        for path, recorded in metadata.items():
            number = 0 if path == _ROOT else self.find(0, path.removeprefix(f"{_ROOT}."), ".")
            if number is not None:
                found[number] = recorded
        return found


def _set_part(part: Part, graph: _ObjectGraph, model: int, recorded: Mapping[int, Any], source: str) -> None:
    """Sets the weights of the layers of a model, and of the models in it."""
    own = {
        recorded[number].get("name"): number
        for name, number in graph.children(model).items()
        if name.startswith(("layer-", "layer_with_weights-")) and number in recorded
    }
    for inner in part.parts:
        if inner.layer is not None and not inner.layer.weight_specs():
            continue
        number = own.get(inner.name)
        if number is None:
            raise ModelFileError(f"{source}: layer {inner.name!r} of its config is not in its checkpoint")
        if inner.layer is None:
            _set_model(inner, graph, number, recorded, source)
        else:
            _set_layer(inner.layer, graph, number, f"{source}: layer {inner.name!r}")


def _set_model(part: Part, graph: _ObjectGraph, number: int, recorded: Mapping[int, Any], source: str) -> None:
    """Sets the weights of a nested model, or of the one in a TimeDistributed."""
    if part.class_name != "TimeDistributed":
        _set_part(part, graph, number, recorded, source)
        return
    inside = graph.find(number, "layer")
    if inside is None:
        raise ModelFileError(f"{source}: layer {part.name!r}: the checkpoint has no object 'layer' in it")
    _set_model(part.parts[0], graph, inside, recorded, source)


def _set_layer(layer: Layer, graph: _ObjectGraph, number: int, where: str) -> None:
    for path, owner in _owners(layer):
        found = graph.find(number, path) if path else number
        if found is None:
            raise ModelFileError(f"{where}: the checkpoint has no object {path!r} in it")
        variables = {name: graph.key(child) for name, child in graph.children(found).items()}
        names = [spec.name for spec in owner.weight_specs()]
        for name in sorted(name for name, key in variables.items() if key is not None and name not in names):
            raise ModelFileError(
                f"{where}: the checkpoint holds the weight {name!r:.200}, which its config does not have"
            )
        for weight in owner.weights:
            key = variables.get(weight.spec.name)
            if key is None:
                raise ModelFileError(f"{where}: weight {weight.spec.name!r} is not in the checkpoint")
            what = f"{where}: weight {weight.spec.name!r} ({key:.200})"
            weight.assign(graph.bundle.array(key, tuple(weight.spec.shape), weight.spec.dtype, what))


def _owners(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """The objects in a layer that have its weights, each with its path of attributes, "" for the layer itself."""

    def below(name: str, inner: Layer) -> Iterator[tuple[str, Layer]]:
        return ((f"{name}/{path}" if path else name, owner) for path, owner in _owners(inner))

    if isinstance(layer, Bidirectional):
        yield from below("forward_layer", layer.forward_layer)
        yield from below("backward_layer", layer.backward_layer)
    elif isinstance(layer, TimeDistributed):
        yield from below("layer", layer.layer)
    elif isinstance(layer, RNN) and layer.is_stack:
        yield from ((f"cell/cells/{position}", cell) for position, cell in enumerate(layer.cells))
    elif isinstance(layer, RNN):
        yield "cell", layer.cells[0]
    elif isinstance(layer, RecurrentLayer) and not isinstance(layer, CuDNNLayer):
        yield "cell", layer
    else:
        yield "", layer
