"""The few protocol buffer messages of TensorFlow and Keras that a SavedModel's layers and weights are found by.

Only the fields that are read here are declared; all others are skipped. Source: `tensor_bundle.proto`,
`trackable_object_graph.proto`, `saved_object_graph.proto`, `meta_graph.proto` and `saved_model.proto` of TensorFlow,
`saved_metadata.proto` of tf_keras.
"""

from functools import cache
from typing import Any

from lstm_ir.errors import ModelFileError

_PACKAGE = "lstm_ir.tensorflow"  # a name of our own: a process may have loaded TensorFlow's messages too

# Message: field: (number, type), a type in brackets where the field is repeated.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "BundleHeaderProto": {"num_shards": (1, "int32"), "endianness": (2, "int32")},
    "BundleEntryProto": {
        "dtype": (1, "int32"),
        "shape": (2, "TensorShapeProto"),
        "shard_id": (3, "int32"),
        "offset": (4, "int64"),
        "size": (5, "int64"),
        "crc32c": (6, "fixed32"),
        "slices": (7, "[bytes]"),
    },
    "TensorShapeProto": {"dim": (2, "[Dim]")},
    "Dim": {"size": (1, "int64")},
    "TrackableObjectGraph": {"nodes": (1, "[TrackableObject]")},
    "TrackableObject": {"children": (1, "[ObjectReference]"), "attributes": (2, "[SerializedTensor]")},
    "ObjectReference": {"node_id": (1, "int32"), "local_name": (2, "string")},
    "SerializedTensor": {"name": (1, "string"), "checkpoint_key": (3, "string")},
    "SavedMetadata": {"nodes": (1, "[KerasObject]")},
    "KerasObject": {"node_id": (2, "int32"), "node_path": (3, "string"), "metadata": (5, "string")},
    "SavedModel": {"meta_graphs": (2, "[MetaGraphDef]")},
    "MetaGraphDef": {"object_graph_def": (7, "SavedObjectGraph")},
    "SavedObjectGraph": {"nodes": (1, "[SavedObject]")},
    "SavedObject": {"children": (1, "[ObjectReference]"), "user_object": (4, "SavedUserObject")},
    "SavedUserObject": {"identifier": (1, "string"), "metadata": (3, "string")},
}


@cache
def _classes() -> dict[str, Any]:
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError:
        raise ModelFileError(
            "reading a SavedModel folder needs protobuf, which is not installed: pip install 'lstm-ir[compiler]'"
        ) from None
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="lstm_ir_tensorflow.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            repeated, kind = kind.startswith("["), kind.strip("[]")
            added = message.field.add(
                name=field, number=number, label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            )
            if kind in _MESSAGES:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                added.type = getattr(kinds, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"{_PACKAGE}.{name}")) for name in _MESSAGES}


def parse(message: str, data: bytes, source: str) -> Any:
    """Parses a message.

    Args:
        message: Its name in TensorFlow.
        data: Its bytes.
        source: Where they are from, for errors.

    Raises:
        ModelFileError: They are not such a message, or protobuf is not installed.
    """
    cls = _classes()[message]
    from google.protobuf.message import DecodeError

    try:
        return cls.FromString(data)
    except DecodeError as error:
        reason = " ".join(str(error).split())
        raise ModelFileError(f"{source} is not a {message} message, or is damaged: {reason}") from None
