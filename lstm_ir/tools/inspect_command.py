"""``lstm-ir inspect``: what is in a model or an artifact, and which form its loops take and why."""

import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_ir.errors import ArtifactError
from lstm_ir.tools.options import AsJson, Batch, BatchFirst, Prefix, Time

if TYPE_CHECKING:
    from lstm_ir.layers import Model

_TRAILER_BYTES = 64
_TRAILER_MAGIC = b"LSTM-IR\0"
_DESCRIBED = ("inputs", "mask", "seed", "outputs", "states", "scans", "target", "entries")
_WHERE_GIVEN = ("masks", "mask_reason", "driver", "producer", "format")


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A model (.keras, .h5, .onnx, .pt, .pth, .safetensors) or an artifact (.vmfb)."
        ),
    ],
    batch: Batch = None,
    time: Time = None,
    prefix: Prefix = None,
    batch_first: BatchFirst = False,
    as_json: AsJson = False,
) -> int:
    """Show layers, inputs, outputs, states, mask, and the form of each time loop with the reason.

    For an artifact also its target and CPU features, entry points, sizes and the versions that made it.

    Nothing of an artifact runs, so one made for another machine can be looked at too.
    """
    from lstm_ir.tools.console import print_json, print_result
    from lstm_ir.tools.model_source import read_source

    is_artifact = _is_artifact(file)
    if is_artifact and (batch is not None or time is not None or prefix is not None or batch_first):
        from lstm_ir.tools.failures import CommandLineError

        raise CommandLineError(
            "--batch, --time, --prefix and --batch-first: only for a model; an artifact has what it was compiled with"
        )
    found = _artifact(file) if is_artifact else _model(file, read_source(file, prefix, batch_first), batch, time)
    if as_json:
        print_json(found)
    else:
        print_result(*_drawing(found))
    return 0


def _is_artifact(path: Path) -> bool:
    """Return whether a file is to be read as an artifact; one that is damaged still has to be told from a model."""
    if path.suffix == ".vmfb":
        return True
    try:
        with path.open("rb") as file:
            head = file.read(12)
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TRAILER_BYTES))
            # A flatbuffer's name stands at byte 4, or at 8 where its size comes first.
            return b"IREE" in (head[4:8], head[8:12]) or file.read(len(_TRAILER_MAGIC)) == _TRAILER_MAGIC
    except OSError:
        return False  # the model reader says what is wrong with it


def _model(path: Path, model: "Model", batch: int | None, time: int | None) -> dict[str, Any]:
    from lstm_ir.lowering import kernel_options, layer_level, lower
    from lstm_ir.passes.iree_session import resolve_cpu

    module = layer_level(model, batch=batch, time=time)
    weights = sum(array.nbytes for array in module.weights.values())
    return {
        "file": str(path),
        "kind": "model",
        "name": model.name,
        "source": model.source,
        "keras": None if model.foreign_source else model.flavour,
        "bytes": path.stat().st_size,
        "weights_bytes": weights,
        "layers": _layers(model),
        **module.interface.describe(),
        "scans": lower(module, kernels=kernel_options(resolve_cpu("host")), until="recurrence"),
    }


def _artifact(path: Path) -> dict[str, Any]:
    from lstm_ir.layers import Functional, Sequential
    from lstm_ir.runtime import unpack_all

    try:
        data = path.read_bytes()
        changed = clock.strftime("%Y-%m-%d %H:%M:%S", clock.localtime(path.stat().st_mtime))
    except OSError as error:
        raise ArtifactError(f"artifact {str(path)!r}: cannot be read: {error.strerror or error}") from error
    (vmfb, description), *others = unpack_all(data)
    layers: list[dict[str, Any]] = []
    described = description.get("model")
    if described is not None:
        model_class = Functional if described.get("class_name") == "Functional" else Sequential
        model = model_class.from_config(described["config"], flavour=described.get("flavour"))
        model.build()
        layers = _layers(model)
    source = description.get("source") or _source_of_old(described, layers)
    return {
        "file": str(path),
        "kind": "artifact",
        "name": description.get("name", ""),
        "source": source,
        "keras": None if source in ("onnx", "pytorch") else source,
        "written": changed,
        "bytes": len(data),
        "module_bytes": len(vmfb),
        "weights_bytes": description.get("weights_bytes"),
        "layers": layers,
        **{key: description.get(key) for key in _DESCRIBED},
        **{
            key: description[key]
            for key in ("masks", "mask_reason", "driver", "producer", "format", "weights_file")
            if key in description
        },
        "others": [
            {"module_bytes": len(code), **{key: other.get(key) for key in ("target", "scans", "driver")}}
            for code, other in others
        ],
    }


def _layers(model: "Model") -> list[dict[str, Any]]:
    from lstm_ir.tools.layer_rows import layer_rows

    return [
        {
            "name": row.name,
            "class": row.class_name,
            "output_shapes": row.output_shapes,
            "parameters": row.parameters,
            "settings": row.settings,
            "part": row.is_part,
        }
        for row in layer_rows(model)
    ]


def _drawing(found: dict[str, Any]) -> list[Any]:
    from lstm_ir.tools.console import fields, listing
    from lstm_ir.tools.description_text import form_lines, mask_text, mode_text, other_rows, size_text, target_text
    from lstm_ir.tools.layer_rows import settings_text

    layers = listing("layer", "class", "output", "parameters", "settings", right=("parameters",))
    for row in found["layers"]:
        layers.add_row(
            f"  {row['name']}" if row["part"] else row["name"],
            row["class"],
            _shapes_text(row["output_shapes"]),
            "" if row["parameters"] is None else f"{row['parameters']:,}",
            settings_text(row["settings"]),
        )
    rows = {
        found["kind"]: found["name"],
        "source": _SOURCES.get(found["source"], found["source"]),
        "inputs": _ports_text(found["inputs"]),
        "mask": mask_text(found),
        **mode_text(found),
        "outputs": _ports_text(found["outputs"]),
        "states": _ports_text(found["states"]) if found["states"] else "none",
        "forms": "\n".join(form_lines(found["scans"] or [])),
        "size": size_text(found),
    }
    if found["kind"] == "artifact":
        rows |= {
            "target": target_text(found["target"]),
            **other_rows(found["others"]),
            "entry points": ", ".join(found["entries"].values()),
            "driver": f"{found.get('driver', 'any')} where the size of a call leaves it open",
            "made by": ", ".join(f"{name} {version}" for name, version in found.get("producer", {}).items()),
            "written": found["written"],
        }
    return [layers, "", fields(rows)] if found["layers"] else [fields(rows)]


def _source_of_old(described: dict[str, Any] | None, layers: list[dict[str, Any]]) -> str:
    """Return where the model of an artifact that does not say it comes from.

    Only PyTorch's stack states, and ONNX's have no layers of Keras.
    """
    if described is None:
        return "onnx"
    if any(row["class"] == "StackStates" for row in layers):
        return "pytorch"
    return str(described.get("flavour"))


_SOURCES = {
    "keras3": "Keras 3",
    "keras2": "Keras 2",
    "compat.v1": "Keras 2 with tf.compat.v1 layers",
    "onnx": "ONNX",
    "pytorch": "PyTorch",
}


def _ports_text(ports: list[dict[str, Any]]) -> str:
    from lstm_ir.tools.description_text import port_text

    return "\n".join(map(port_text, ports))


def _shapes_text(shapes: Any) -> str:
    from lstm_ir.tools.console import shape_text

    return " ".join(shape_text(shape) for shape in shapes)
