"""What an artifact says about itself (docs/artifact.md has the format)."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lstm_ir.errors import UnsupportedError
from lstm_ir.version import __version__

if TYPE_CHECKING:
    from lstm_ir.layers import Model
    from lstm_ir.passes.build_module import LayerModule
    from lstm_ir.passes.iree_session import CpuTarget
    from lstm_ir.passes.kernels.gpu.gpu_target import GpuTarget
    from lstm_ir.passes.model_interface import Interface
    from lstm_ir.passes.pipelines import GpuKernelOptions, KernelOptions


def describe(
    model: "Model",
    layer_module: "LayerModule",
    scans: list[dict[str, Any]],
    target: "CpuTarget | GpuTarget",
    row_tile: int | None = None,
) -> dict[str, Any]:
    """Return an artifact's description of itself.

    Args:
        model: The model.
        layer_module: What it was compiled from.
        scans: The report of its scans.
        target: The target.
        row_tile: What ``row_tile_of`` found.
    """
    from xdsl.dialects.func import FuncOp

    interface = layer_module.interface
    functions = [op.sym_name.data for op in layer_module.module.body.block.ops if isinstance(op, FuncOp)]
    entries = {name: name for name in functions}
    return {
        "format": 1,
        "producer": {
            "lstm_ir": __version__,
            "iree": version("iree-base-compiler"),
            "xdsl": version("xdsl"),
        },
        "name": model.name,
        "source": model.source,
        "target": target.describe(),
        **interface.describe(),
        "entries": entries,
        "scans": scans,
        **({} if row_tile is None else {"row_tile": row_tile}),
        "driver": target.advised_driver([(scan["form"], scan["units"]) for scan in scans]),
        "weights_bytes": _weights_bytes(layer_module, scans),
        **_describe_model(model, interface),
    }


def row_tile_of(
    model: "Model", scans: list[dict[str, Any]], options: "KernelOptions | GpuKernelOptions | None", *, training: bool
) -> int | None:
    """Return how many rows of a batch the kernels compute together, where calls may be split between two tiles.

    None where a row may depend on others, or where a scan does not give its rows to workgroups as they come: the parts
    of a call then are not what the whole is, or not to the last bit.

    Args:
        model: The model.
        scans: The report of its scans.
        options: What kernels are built for.
        training: Whether it is compiled for training.
    """
    from lstm_ir.passes.kernels.vector_target import VECTOR_TARGETS
    from lstm_ir.passes.pipelines import KernelOptions

    if not isinstance(options, KernelOptions) or not scans or training:
        return None
    if any(layer.mixes_rows for layer in model.layers):
        return None
    if any((scan["form"], scan["code"]) != ("persistent", "kernel") for scan in scans):
        return None
    return VECTOR_TARGETS[options.vector].rows


def _describe_model(model: "Model", interface: "Interface") -> dict[str, Any]:
    """Return the layers' configs, with which the model can be built again.

    Nothing where a regularizer, constraint or initializer is a function of the user's: it has no config, and the
    compiled module does not need it.
    """
    from lstm_ir.layers import InputLayer, Sequential

    if isinstance(model, Sequential) and model.input_layer is None:
        # A stateful layer cannot be built without its batch; for others that of the build means nothing.
        is_stateful = any(getattr(layer, "stateful", False) for layer in model.layers)
        shape = model.input_shape if is_stateful else interface.inputs[0].shape
        given = InputLayer(shape, model.input_dtype, model.input_name, flavour=model.flavour)
        model = Sequential([given, *model.layers], model.name)
    try:
        config = model.get_config()
    except UnsupportedError:
        return {}
    return {"model": {"class_name": model.keras_class_name, "flavour": model.flavour, "config": config}}


def _weights_bytes(layer_module: "LayerModule", scans: list[dict[str, Any]]) -> int:
    """Return the size of the weights as the artifact stores them."""
    itemsize = {"float64": 8, "float32": 4}.get(layer_module.dtype, 2)
    halved = {
        f"{scan['name']}/{what}" for scan in scans if "weights" in scan for what in ("kernel", "recurrent_kernel")
    }
    return sum(value.size * (2 if name in halved else itemsize) for name, value in layer_module.weights.items())
