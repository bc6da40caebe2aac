"""What the kernels compute, op by op in Python: whichever workgroups and threads run first, and however few at once."""

from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
from xdsl.dialects import func

from lstm_ir.compiler import model_of
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.layers import LSTM
from lstm_ir.lowering import layer_level, lower
from lstm_ir.passes.kernels.gpu import census
from lstm_ir.passes.kernels.gpu.cooperative import GpuCooperativeKernel
from lstm_ir.passes.kernels.gpu.gpu_forms import slice_of, tile_of
from lstm_ir.passes.kernels.gpu.tensor_persistent import persistent_kernel
from lstm_ir.passes.kernels.gpu.tensor_tile import TensorRows, TensorTile
from lstm_ir.passes.kernels.gpu.thread_tile import GpuLimits
from lstm_ir.passes.pipelines import GpuKernelOptions
from lstm_ir.passes.structured import TensorBuilder
from lstm_ir.reference import run_model

FEATURES = 2
NUMPY = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def _build(layer, options, form, *, training=False, tile=None):
    """The kernel of a layer, of the entry point with a mask where there is one; with another tile if one is given."""
    module = layer_level(model_of(layer), training=training)
    lower(module, form=form, kernels=options, until="recurrence")
    scans = {
        entry.sym_name.data: op
        for entry in module.module.body.block.ops
        if isinstance(entry, func.FuncOp)
        for op in entry.walk()
        if isinstance(op, ScanOp)
    }
    scan = scans.get("call_masked", scans["call"])
    limits = GpuLimits(**vars(options))
    host = TensorBuilder.before(scan)
    may_have_mask = scan.mask is not None
    if form == "cooperative":
        share = slice_of(scan, limits)
        kernel = GpuCooperativeKernel("scan", scan, share, host, may_have_mask=may_have_mask, pointers=options.pointers)
        workgroups = share.slices
    else:
        kernel = persistent_kernel("scan", scan, tile or tile_of(scan, limits), host, may_have_mask=may_have_mask)
        workgroups = None
    kernel.lower()
    executable = kernel.build()
    return SimpleNamespace(layer=layer, kernel=kernel, executable=executable, workgroups=workgroups)


def _run(run_on_gpu, built, x, *, mask=None, drops=None, init=None, at_once=100, seed=0):
    """The output, and the states after the last step."""
    layer, kernel = built.layer, built.kernel
    dtype = NUMPY[layer.dtype_policy.compute_dtype]
    batch, time, units = len(x), x.shape[1], layer.units
    weights = [np.asarray(weight, np.float64) for weight in layer.get_weights()]
    tensors = {
        "input": (x @ weights[0] + weights[2]).astype(dtype),
        "recurrent_kernel": kernel.tile.panels.pack(weights[1].astype(dtype)),
        "recurrent_dropout": None if drops is None else drops.astype(dtype),
        "mask": (np.zeros((batch, time)) if mask is None else mask).astype(np.int8),
        **{f"init{n}": np.zeros((batch, units), dtype) if init is None else init[n].astype(dtype) for n in range(2)},
    }
    read = [tensors[name].reshape(-1) for name in kernel.names]
    sizes = [0, batch, time, *([int(mask is not None)] if "mask" in kernel.names else [])]
    # The census, two h, and whether rows have begun.
    scratch = [] if built.workgroups is None else [np.zeros(64 + 5 * batch * units, np.int32)]
    steps = time if layer.return_sequences else 1
    y = np.full(batch * steps * units, np.nan, dtype)
    states = [np.full(batch * units, np.nan, dtype) for _ in range(2)]
    arguments = [*read, *scratch, *sizes, y, *states]
    assert len(arguments) == len(kernel.kernel.block.args)
    run_on_gpu(built.executable, built.workgroups or batch, arguments, at_once, seed)
    return y.reshape(batch, steps, units) if layer.return_sequences else y.reshape(batch, units), *states


def _layer(units, **options):
    layer = LSTM(units, **options)
    layer.build((None, None, FEATURES))
    rng = np.random.default_rng(units)
    layer.set_weights([rng.normal(size=weight.shape, scale=0.4) for weight in layer.get_weights()])
    return layer


def _inputs(batch, time):
    rng = np.random.default_rng(batch)
    return rng.normal(size=(batch, time, FEATURES)).astype(np.float32), rng.random((batch, time)) > 0.4


SMALL = GpuKernelOptions(256, 16384, 8)
"""A GPU as Vulkan describes any, if it said how many workgroups run at once."""
CUDA = GpuKernelOptions(1024, 166912, 3, pointers=True, tensor_cores=("f16", "bf16"))
"""An NVIDIA GPU that has few multiprocessors, so that a workgroup has a few units."""


def _check(got, layer, x, mask, tolerance, init=None):
    names = [f"{layer.name}/{state}" for state in "hc"]
    given = None if init is None else dict(zip(names, init, strict=True))
    want = run_model(model_of(layer), x, mask=mask, initial_state=given)
    for value, expected in zip(got, [want.outputs[0], *want.states.values()], strict=True):
        np.testing.assert_allclose(value.reshape(expected.shape), expected, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def small():
    return _build(_layer(6, return_sequences=True), SMALL, "cooperative")


@pytest.mark.parametrize("seed", range(2))
def test_workgroups_hand_h_to_each_other(run_on_gpu, small, seed):
    """Rows in one tile and in several; an odd number of steps and an even one."""
    for batch, time in ((1, 2), (5, 3)):
        x, mask = _inputs(batch, time)
        for given in (None, mask):
            _check(_run(run_on_gpu, small, x, mask=given, seed=seed), small.layer, x, given, 1e-5)


@pytest.mark.parametrize(("at_once", "patience"), [(1, 0), (2, 0), (1, 5)])
def test_those_that_have_begun_finish_the_work_alone(run_on_gpu, monkeypatch, at_once, patience):
    """Three slices for one workgroup or two; those that begin later find the census closed."""
    monkeypatch.setattr(census, "PATIENCE", patience)
    built = _build(_layer(10, return_sequences=True), SMALL, "cooperative")
    assert built.workgroups == 3
    x, mask = _inputs(2, 3)
    _check(_run(run_on_gpu, built, x, mask=mask, at_once=at_once), built.layer, x, mask, 1e-5)


def test_weights_beyond_the_registers_are_in_workgroup_memory(run_on_gpu):
    """Each thread has all terms of a unit, 72, of which 32 stay with it."""
    built = _build(_layer(70, return_sequences=True), GpuKernelOptions(64, 65536, 2), "cooperative")
    tile = built.kernel.tile
    assert (tile.split, tile.kept, tile.weights_size) == (1, 32, 40 * 35 * 4)
    x, mask = _inputs(1, 2)
    _check(_run(run_on_gpu, built, x, mask=mask), built.layer, x, mask, 1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
        {"return_sequences": True, "go_backwards": True, "zero_output_for_mask": True},
    ],
    ids=["last", "backwards"],
)
def test_semantics_of_layers(run_on_gpu, options):
    """From initial states; with LLVM's loads and stores in the place of atomic changes."""
    built = _build(_layer(6, **options), CUDA, "cooperative")
    x, mask = _inputs(2, 3)
    init = np.random.default_rng(3).normal(size=(2, 2, 6)).astype(np.float32)
    _check(_run(run_on_gpu, built, x, mask=mask, init=init), built.layer, x, mask, 1e-5, init)


def test_dropout_masks_are_applied_as_in_the_persistent_kernel(run_on_gpu):
    layer = _layer(5, return_sequences=True, recurrent_dropout=0.5)
    both = [_build(layer, SMALL, form, training=True) for form in ("cooperative", "persistent")]
    assert all("recurrent_dropout" in built.kernel.names for built in both)
    x, _ = _inputs(2, 3)
    drops = np.random.default_rng(0).random((4, 2, 5)) * 2
    one, other = (_run(run_on_gpu, built, x, drops=drops) for built in both)
    for value, expected in zip(one, other, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-3), ("mixed_bfloat16", 1.5e-2)])
def test_tensor_cores_multiply_what_threads_would(run_on_gpu, dtype, tolerance):
    """16 rows at once, of which three are there; two slices, whose last one is padded."""
    built = _build(_layer(48, return_sequences=True, dtype=dtype), CUDA, "cooperative")
    assert isinstance(built.kernel.tile, TensorTile)
    x, mask = _inputs(3, 2)
    _check(_run(run_on_gpu, built, x, mask=mask), built.layer, x, mask, tolerance)


@pytest.mark.parametrize(
    ("units", "options", "places"),
    [
        (6, SMALL, (True, False)),
        (40, GpuKernelOptions(64, 40000), (True, True)),
        (40, GpuKernelOptions(64, 4000), (False, False)),
    ],
    ids=["registers", "workgroup memory", "each step"],
)
def test_the_persistent_kernel_reads_weights_from_where_they_are(run_on_gpu, units, options, places):
    built = _build(_layer(units, return_sequences=True), options, "persistent")
    tile = built.kernel.tile
    assert (tile.kept > 0, tile.weights_size > 0) == places
    x, mask = _inputs(2, 3)
    _check(_run(run_on_gpu, built, x, mask=mask), built.layer, x, mask, 1e-5)


@pytest.mark.parametrize("dtype", ["float16", "mixed_bfloat16"])
def test_persistent_workgroups_multiply_sixteen_rows_on_tensor_cores(run_on_gpu, dtype):
    """Weights in workgroup memory; a whole tile of rows and one of which three are there; each thread has two units."""
    limits = GpuLimits(**vars(CUDA))
    tile = TensorRows.of_units(limits, 4, 16, 2)
    built = _build(_layer(16, return_sequences=True, dtype=dtype), CUDA, "persistent", tile=tile)
    assert tile.pairs == 2
    x, mask = _inputs(19, 2)
    _check(_run(run_on_gpu, built, x, mask=mask), built.layer, x, mask, 2e-3 if dtype == "float16" else 1.5e-2)
