"""What plain ``xdsl-opt`` and ``lstm-ir opt`` know of us: the dialects and every pass, loaded when asked for."""

from collections.abc import Callable
from importlib import import_module

from xdsl.context import Context
from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.universe import Universe

_PASSES = {
    "lstm-normalize": ("normalize_layers", "NormalizeLayersPass"),
    "lstm-fuse-gates": ("fuse_gates", "FuseGatesPass"),
    "lstm-hoist-projection": ("hoist_projection", "HoistProjectionPass"),
    "lstm-choose-form": ("choose_form", "ChooseFormPass"),
    "lstm-lower-activations": ("lower_activations", "LowerActivationsPass"),
    "lstm-lower-scan-loop-tensor": ("lower_scan_loop_tensor", "LowerScanLoopTensorPass"),
    "lstm-lower-scan-unrolled-tensor": ("lower_scan_unrolled_tensor", "LowerScanUnrolledTensorPass"),
    "lstm-lower-scan-loop": ("lower_scan_kernel", "LowerScanLoopPass"),
    "lstm-lower-scan-unrolled": ("lower_scan_kernel", "LowerScanUnrolledPass"),
    "lstm-lower-scan-persistent": ("lower_scan_kernel", "LowerScanPersistentPass"),
    "lstm-lower-scan-cooperative": ("lower_scan_kernel", "LowerScanCooperativePass"),
    "lstm-lower-scan-gpu": ("lower_scan_gpu", "LowerScanGpuPass"),
    "lstm-lower-layers": ("lower_layers", "LowerLayersPass"),
    "lstm-lower-dropout": ("lower_dropout", "LowerDropoutPass"),
    "lstm-expand-math": ("expand_math", "ExpandMathPass"),
    "lstm-materialize-weights": ("materialize_weights", "MaterializeWeightsPass"),
    "lstm-check-stage": ("check_stage", "CheckStagePass"),
}


def _pass(module: str, name: str) -> Callable[[], type[ModulePass]]:
    def load() -> type[ModulePass]:
        loaded: type[ModulePass] = getattr(import_module(f"lstm_ir.passes.{module}"), name)
        return loaded

    return load


def _dialect(name: str) -> Callable[[], Dialect]:
    def load() -> Dialect:
        loaded: Dialect = getattr(import_module("lstm_ir.dialect"), name)
        return loaded

    return load


LSTM_UNIVERSE = Universe(
    all_dialects={name.lower(): _dialect(name) for name in ("Lstm", "Util", "Flow", "Stream", "Hal")},
    all_passes={name: _pass(*where) for name, where in _PASSES.items()},
)
"""Found by xDSL through the entry point ``xdsl.universe``."""


def available_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """Return every pass that a pipeline may name: ours and xDSL's."""
    from xdsl.transforms import get_all_passes

    return {**get_all_passes(), **LSTM_UNIVERSE.all_passes}


def make_context() -> Context:
    """Return a context that knows our dialects and xDSL's."""
    from xdsl.dialects import get_all_dialects

    context = Context()
    for name, factory in {**get_all_dialects(), **LSTM_UNIVERSE.all_dialects}.items():
        context.register_dialect(name, factory)
    return context
