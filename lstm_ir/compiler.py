"""``lstm_ir.compile``: a model in, an artifact and the loaded module out."""

import os
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_ir.description import describe, row_tile_of
from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.lowering import kernel_options, layer_level, lower
from lstm_ir.output_file import check_output, write_atomically
from lstm_ir.weights_file import check_weights_file, write_weights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from xdsl.dialects.builtin import ModuleOp

    from lstm_ir.layers import Model
    from lstm_ir.runtime import Module

FORMS = ("auto", "loop", "unrolled", "persistent", "cooperative")
"""What ``form=`` accepts; a form that cannot be had is refused with the reason."""

WEIGHTS = ("bf16",)
"""What ``weights=`` accepts beside None."""


@dataclass(frozen=True)
class Artifact:
    """A compiled model, not yet loaded.

    Attributes:
        data: The bytes of the ``.vmfb`` with description and checksum.
        description: What the artifact says about itself; of several targets what it says of the first.
        seconds: Time of each stage: import, passes, emission, iree.
        others: What it says of further targets.
        weights: What belongs into the file of weights, if it has one: bytes by their SHA-256.
    """

    data: bytes
    description: Mapping[str, Any]
    seconds: Mapping[str, float] = field(default_factory=dict)
    others: tuple[Mapping[str, Any], ...] = ()
    weights: Mapping[str, "npt.NDArray[np.uint8]"] = field(default_factory=dict, repr=False)


def compile(
    source: Any,
    target: str = "cpu",
    output: str | os.PathLike[str] | None = None,
    *,
    target_cpu: str = "host",
    target_gpu: str | None = None,
    batch: int | None = None,
    time: int | None = None,
    form: str = "auto",
    weights: str | None = None,
    weights_file: str | os.PathLike[str] | None = None,
    training: bool = False,
    costs: str | os.PathLike[str] | None = None,
) -> "Module":
    """Compile a model ahead of time, and load it.

    Args:
        source: A path to a ``.keras``, ``.h5`` or ``.onnx`` file, a layer or model of lstm_ir, or a live Keras layer or
            model (read through its own ``get_config`` and ``get_weights``); a live ``torch.nn.LSTM``, ``GRU`` or
            ``RNN``, or a path to its state_dict, see ``from_torch``.
        target: ``cpu``, ``cuda`` or ``vulkan``; or several in one artifact, ``cpu,vulkan``, each with its own copy of
            the weights (in a file of their own, what both read alike is there once): ``load(device=)`` chooses, and
            without a device the first is taken.
        output: Where to write the artifact; None writes none. Written beside it and renamed, so never half-written,
            and before it is loaded: for a target that cannot run here it is there although loading fails.
        target_cpu: ``host``, ``generic``, or one of LLVM's names such as ``x86-64-v3``.
        target_gpu: For ``cuda`` an architecture such as ``sm_80``, whose code runs on newer ones too; for ``vulkan``
            ``generic``, or an architecture such as ``ampere`` or ``rdna3``. None is ``sm_80``, or ``generic``.
        batch: Fix the batch to this size; None leaves it to each call.
        time: Fix the number of steps; None leaves it to each call.
        form: How the time loop runs: ``auto`` (the cost model decides), ``persistent``, ``cooperative``, ``unrolled``
            or ``loop``.
        weights: ``bf16`` stores the kernels and recurrent kernels of float32 LSTM layers in bfloat16, to be read
            faster; all arithmetic stays float32. None stores them as they are.
        weights_file: Where to write the weights, ``.irpa`` or ``.safetensors``, instead of into the artifact. What is
            in the file already stays, so that several artifacts share it. It lies beside ``output``, where ``load``
            looks for it. Written first, and renamed like the artifact.
        training: Compile with dropout active: calls take ``seed=``, and the same seed gives the same masks.
        costs: A file of ``lstm-ir bench --calibrate``: what the machine reaches, for the choice of forms.

    Returns:
        The loaded module: ``m(x)`` runs it.

    Raises:
        ModelFileError: If a file is no model, or is damaged.
        UnsupportedError: If something in the model cannot be compiled faithfully.
        ArgumentError: If an argument has a value that is not accepted.
        CompileError: If a pass or IREE fails.
        TargetError: If the module cannot run here.
    """
    from lstm_ir.runtime import load

    path = None if output is None else check_output(output)
    beside = None if weights_file is None else check_weights_file(weights_file, path)
    artifact = compile_artifact(
        source,
        target,
        target_cpu=target_cpu,
        target_gpu=target_gpu,
        batch=batch,
        time=time,
        form=form,
        weights=weights,
        weights_file=None if beside is None else beside.name,
        training=training,
        costs=costs,
    )
    if beside is not None:
        write_weights(beside, artifact.weights, keep=True)
    if path is not None:
        write_atomically(path, artifact.data)
    return load(artifact.data, weights=beside)


def compile_artifact(
    source: Any,
    target: str = "cpu",
    *,
    target_cpu: str = "host",
    target_gpu: str | None = None,
    batch: int | None = None,
    time: int | None = None,
    form: str = "auto",
    weights: str | None = None,
    weights_file: str | None = None,
    training: bool = False,
    costs: str | os.PathLike[str] | None = None,
    kernels: bool = True,
    on_stage: Callable[[str], None] = lambda _: None,
    after_pass: Callable[[str, "ModuleOp"], None] | None = None,
) -> Artifact:
    """Compile a model to an artifact, without loading it.

    Args:
        source: As in ``compile``.
        target: As in ``compile``.
        target_cpu: As in ``compile``.
        target_gpu: As in ``compile``.
        batch: As in ``compile``.
        time: As in ``compile``.
        form: As in ``compile``.
        weights: As in ``compile``.
        weights_file: The name of the file that is to hold the weights; None: the artifact. It is not written.
        training: As in ``compile``.
        costs: As in ``compile``.
        kernels: False builds none: IREE generates the code of every scan, in form ``loop`` or ``unrolled``. It is what
            runs where there is no kernel, and what kernels are checked against.
        on_stage: Called with what is about to happen: import, passes, emission, iree.
        after_pass: Called with the name of each pass and the module after it.
    """
    targets = [name.strip() for name in str(target).split(",")]
    for name in targets:
        _check_arguments(name, batch, time, form, weights)
    _check_installed()
    if len(targets) > 1:
        from lstm_ir.several_targets import compile_several

        return compile_several(
            source,
            targets,
            {"target_cpu": target_cpu, "target_gpu": target_gpu, "costs": costs},
            batch=batch,
            time=time,
            form=form,
            weights=weights,
            weights_file=weights_file,
            training=training,
            kernels=kernels,
            on_stage=on_stage,
            after_pass=after_pass,
        )
    from lstm_ir.passes.emission import emit_bytecode
    from lstm_ir.passes.external_weights import external_weights
    from lstm_ir.passes.in_place_entry import add_in_place_entries
    from lstm_ir.passes.iree_session import CpuTarget, compile_bytecode
    from lstm_ir.passes.kernels_alone import (
        SHORTCUTS,
        calls_no_library,
        executables_apart,
        runs_kernels_alone,
    )
    from lstm_ir.passes.targets import resolve_target
    from lstm_ir.runtime.artifact import pack

    watch = _Stopwatch(on_stage)
    watch.start("import")
    model = model_of(source)
    watch.start("passes")
    resolved = resolve_target(target, target_cpu, target_gpu)
    layer_module = layer_level(model, batch=batch, time=time, training=training)
    interface = layer_module.interface
    for dtype in sorted({port.dtype for port in (*interface.inputs, *interface.outputs, *interface.states)}):
        refusal = resolved.why_not(dtype)
        if refusal is not None:
            raise UnsupportedError(f"dtype: {refusal}")
    options = kernel_options(resolved, costs) if kernels else None
    scans = lower(layer_module, form=form, weights=weights, kernels=options, after_pass=after_pass)
    if isinstance(resolved, CpuTarget):
        add_in_place_entries(layer_module.module, interface)
    row_tile = row_tile_of(model, scans, options, training=training)
    description = describe(model, layer_module, scans, resolved, row_tile)
    watch.start("emission")
    external = None
    if weights_file is not None:
        external = external_weights(layer_module.module, layer_module.weights)
        description["weights_file"] = external.describe(weights_file)
    brief = {key: value for key, value in description.items() if key != "model"}
    device, alone, apart = resolved.attribute, False, frozenset[str]()
    if isinstance(resolved, CpuTarget) and runs_kernels_alone(layer_module.module):
        alone = True
        if calls_no_library(layer_module.module):
            device, apart = resolved.device, executables_apart(layer_module.module)
    source_bytes = emit_bytecode(
        layer_module.module,
        layer_module.weights,
        brief,
        device,
        None if external is None else external.attributes,
        keep_globals=alone,
    )
    watch.start("iree")
    vmfb = compile_bytecode(
        source_bytes,
        resolved.flags(),
        list(model.layers_by_path),
        verify=resolved.is_verified_by_iree,
        shortcuts=SHORTCUTS if alone else (),
        apart=apart,
    )
    watch.stop()
    stored = {} if external is None else external.arrays
    return Artifact(pack(vmfb, description), description, watch.seconds, weights=stored)


def model_of(source: Any) -> "Model":
    """Return the description of whatever ``compile`` accepts as a source, built.

    Raises:
        ArgumentTypeError: If the source is none of those.
        ArgumentError: If a layer or model of lstm_ir has no weights yet.
    """
    if isinstance(source, str | os.PathLike):
        from lstm_ir.importers import read_model

        return read_model(Path(source))
    from lstm_ir.layers import Layer, Model, Sequential

    if isinstance(source, Layer):
        if not source.built:
            raise ArgumentError(f"source: layer {source.name!r} has no weights yet; call build(input_shape) first")
        return Sequential([source], name=source.name)
    if isinstance(source, Model):
        if not source.built:
            raise ArgumentError(f"source: model {source.name!r} has no weights yet; call build(input_shape) first")
        return source
    if hasattr(source, "get_config") and hasattr(source, "get_weights"):
        from lstm_ir.importers import from_keras

        return from_keras(source)
    from lstm_ir.importers import from_torch, is_torch_module

    if is_torch_module(source):
        return from_torch(source)
    raise ArgumentTypeError(
        f"source: got {type(source).__name__}, expected a path to a .keras, .h5 or .onnx file, a layer or model of "
        "lstm_ir, or a live Keras layer or model, or a torch.nn.LSTM, GRU or RNN"
    )


def _check_installed() -> None:
    """Say which extra is missing, where only the runtime is installed.

    Raises:
        ModuleNotFoundError: Naming the package and the extra.
    """
    for package, module in (("xdsl", "xdsl"), ("iree-base-compiler", "iree.compiler")):
        if find_spec(module) is None:
            raise ModuleNotFoundError(
                f"compiling needs the package {package}; install the extra: lstm-ir[compiler]", name=module
            )


def _check_arguments(target: str, batch: Any, time: Any, form: str, weights: str | None) -> None:
    from lstm_ir.passes.targets import TARGETS

    if target not in TARGETS:
        raise UnsupportedError(f"target: got {target!r}, this version compiles for {', '.join(TARGETS)}")
    if form not in FORMS:
        raise ArgumentError(f"form: got {form!r}, expected one of {', '.join(FORMS)}")
    if weights is not None and weights not in WEIGHTS:
        raise ArgumentError(
            f"weights: got {weights!r}, expected {' or '.join(WEIGHTS)}, or None for each layer's own type"
        )
    for name, value in (("batch", batch), ("time", time)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise ArgumentTypeError(f"{name}: got {value!r}, expected a positive integer or None")
        if value is not None and value < 1:
            raise ArgumentError(f"{name}: got {value}, expected a positive integer or None")


class _Stopwatch:
    """Times stages that follow each other."""

    def __init__(self, on_stage: Callable[[str], None]) -> None:
        self.on_stage = on_stage
        self.seconds: dict[str, float] = {}
        self.current: tuple[str, float] | None = None

    def start(self, stage: str) -> None:
        self.stop()
        self.on_stage(stage)
        self.current = (stage, clock.perf_counter())

    def stop(self) -> None:
        if self.current is not None:
            stage, begun = self.current
            self.seconds[stage] = clock.perf_counter() - begun
            self.current = None
