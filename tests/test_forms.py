"""Every form against the float64 reference, over drawn layers, shapes, masks and states."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ir
from lstm_ir.compiler import compile_artifact, model_of
from lstm_ir.layers import LSTM, Bidirectional, InputLayer, Sequential
from lstm_ir.passes.iree_session import resolve_cpu
from lstm_ir.passes.kernels.unrolled import CHAIN_STEPS
from lstm_ir.passes.kernels.vector_target import vector_target
from lstm_ir.reference import run_model
from lstm_ir.reference.rounding import round_to

TOLERANCE = {"float16": 8e-3, "mixed_bfloat16": 6e-2, "float32": 1e-5, "float64": 1e-11}
"""Largest difference accepted, relative to the largest value of the reference where that is above 1."""

TENSOR_DTYPES = ["float32", "float32", "float64", "float16"]
KERNEL_DTYPES = [*TENSOR_DTYPES, *(["mixed_bfloat16"] if find_spec("ml_dtypes") else [])]
"""Of the forms on code that IREE generates, and on ours."""

ACTIVATIONS = ["tanh", "sigmoid", "hard_sigmoid", "relu", "linear", "softsign", "softplus", "elu", "selu", "swish"]
ACTIVATIONS += ["gelu", "mish", "softmax", "leaky_relu", "relu6", "log_softmax", "hard_sigmoid_keras3"]
"""Not exponential: a recurrence of it overflows within a few steps (tests/passes has its numerics)."""
ELEMENT_WISE = [name for name in ACTIVATIONS if name not in ("softmax", "log_softmax")]
MASKS = ["none", "right", "left", "holes", "all false", "some rows false"]
STEPS = 6


@dataclass(frozen=True)
class Drawn:
    layer: dict[str, Any]
    wrapper: str | None
    features: int
    form: str
    code: str
    seed: int


KERNEL_CALLS = [(1, 1, "none"), (3, 4, "right"), (13, 7, "holes"), (8, 3, "left"), (5, 90, "none")]
"""Batches with every number of rows in the last row tile, and more steps than one chunk."""


@st.composite
def drawn_layers(draw, form, code="kernel"):
    is_kernel = code == "kernel"
    wrapper = draw(st.sampled_from([None, None, None, "concat", "sum", "mul", "ave"]))
    layer = {
        "units": draw(st.sampled_from([1, 3, 8, 17, 33, 48] if is_kernel else [1, 2, 3, 5, 8, 17])),
        "activation": draw(st.sampled_from(ELEMENT_WISE if is_kernel else ACTIVATIONS)),
        "recurrent_activation": draw(st.sampled_from(ELEMENT_WISE if is_kernel else ACTIVATIONS)),
        "use_bias": draw(st.booleans()),
        "go_backwards": draw(st.booleans()),
        "unroll": False if is_kernel and form != "unrolled" else draw(st.booleans()),
        "time_major": draw(st.booleans()),
        "return_sequences": draw(st.booleans()),
        "return_state": draw(st.booleans()),
        "zero_output_for_mask": draw(st.booleans()),
        "dtype": draw(st.sampled_from(KERNEL_DTYPES if is_kernel else TENSOR_DTYPES)),
    }
    return Drawn(layer, wrapper, draw(st.integers(1, 7)), form, code, draw(st.integers(0, 2**31)))


def build(drawn, rng):
    layer = LSTM(**drawn.layer)
    if drawn.wrapper is not None:
        layer = Bidirectional(layer, merge_mode=drawn.wrapper, dtype=drawn.layer["dtype"])
    layer.build((None, None, drawn.features))
    # Small weights: relu and its like must stay finite over a sequence.
    layer.set_weights([rng.normal(size=w.shape, scale=0.3 / np.sqrt(w.shape[0])) for w in layer.get_weights()])
    return layer


def make_mask(kind, batch, time, rng):
    mask = np.ones((batch, time), bool)
    match kind:
        case "right" | "left":
            for row, length in zip(mask, rng.integers(0, time + 1, batch), strict=True):
                row[length:] = False
            if kind == "left":
                mask = mask[:, ::-1]
        case "holes":
            mask = rng.random((batch, time)) > 0.4
        case "all false":
            mask[:] = False
        case "some rows false":
            mask[::2] = False
    return mask


def assert_close(got, want, dtype):
    want = np.asarray(want)
    assert got.shape == want.shape
    if got.size:
        limit = TOLERANCE[dtype] * max(1.0, float(np.abs(want).max()))
        assert float(np.abs(got.astype(np.float64) - want).max()) <= limit


def check_against_reference(drawn, *, target="cpu", target_cpu="host", threads=None, calls=None):
    rng = np.random.default_rng(drawn.seed)
    layer = build(drawn, rng)
    fixed = drawn.form == "unrolled" or drawn.layer["unroll"]
    time, kernels = STEPS if fixed else None, drawn.code == "kernel"
    artifact = compile_artifact(layer, target, form=drawn.form, time=time, target_cpu=target_cpu, kernels=kernels)
    module = lstm_ir.load(artifact.data, threads=threads)
    assert {(scan["form"], scan["code"]) for scan in module.description["scans"]} == {(drawn.form, drawn.code)}
    calls = calls or [(1, 1, "none"), (3, 4, "right"), (2, 7, "holes"), (5, 3, rng.choice(MASKS))]
    check_calls(module, layer, drawn, rng, [(batch, STEPS if fixed else time, kind) for batch, time, kind in calls])


def check_calls(module, layer, drawn, rng, calls):
    dtype = drawn.layer["dtype"]
    given = dtype if dtype in ("float16", "float64") else "float32"  # the runtime rounds it as Keras does
    model = model_of(layer)
    for batch, time, kind in calls:
        order = (1, 0, 2) if drawn.layer["time_major"] else (0, 1, 2)
        x = rng.normal(size=(batch, time, drawn.features)).astype(given).transpose(order)
        mask = None if kind == "none" else make_mask(kind, batch, time, rng)
        if mask is not None and drawn.layer["time_major"]:
            mask = mask.T
        states = [rng.normal(size=(batch, drawn.layer["units"]), scale=0.5).astype(given) for _ in module.states]
        before = [array.copy() for array in (x, *states)]
        outputs = module(x, mask=mask, initial_state=states)
        state = module.make_state(batch)
        state.set(states)
        again = module(x, mask=mask, state=state)

        names = [spec.name for spec in module.states]
        want = run_model(model, x, mask=mask, initial_state=dict(zip(names, states, strict=True)))
        if not all(np.abs(value).max(initial=0) < 1e3 for value in (*want.outputs, *want.states.values())):
            continue  # two unbounded activations that feed each other: rounding grows as fast as the result
        outputs, again = (value if isinstance(value, list) else [value] for value in (outputs, again))
        assert len(outputs) == len(want.outputs)
        for got, in_place, expected in zip(outputs, again, want.outputs, strict=True):
            assert_close(got, expected, dtype)
            np.testing.assert_array_equal(got, in_place)
        for name, value in state.numpy().items():
            assert_close(value, want.states[name], dtype)
        for array, original in zip((x, *states), before, strict=True):
            np.testing.assert_array_equal(array, original)


@given(drawn_layers("loop", "tensor"))
@settings(max_examples=8)
def test_a_loop_of_generated_code_is_the_reference(drawn):
    check_against_reference(drawn)


@given(drawn_layers("unrolled", "tensor"))
@settings(max_examples=3)  # each compiles every step apart
def test_unrolled_generated_code_is_the_reference(drawn):
    check_against_reference(drawn)


@given(drawn_layers("loop"), st.sampled_from([1, 2, 5]))
@settings(max_examples=9)
def test_loop_is_the_reference(drawn, threads):
    check_against_reference(drawn, threads=threads, calls=KERNEL_CALLS)


@given(drawn_layers("unrolled"), st.sampled_from([1, 2, 5]))
@settings(max_examples=6)
def test_unrolled_is_the_reference(drawn, threads):
    check_against_reference(
        drawn, threads=threads, calls=[(1, STEPS, "none"), (13, STEPS, "holes"), (5, STEPS, "left")]
    )


@pytest.mark.parametrize("steps", [CHAIN_STEPS, 2 * CHAIN_STEPS + 3])
def test_long_unrolled_sequences_are_the_reference(steps):
    """One chain, and a loop of chains with some steps left over."""
    rng = np.random.default_rng(3)
    layer = LSTM(9, return_sequences=True, return_state=True)
    layer.build((None, None, 5))
    module = lstm_ir.compile(layer, form="unrolled", time=steps)
    drawn = Drawn(layer.get_config() | {"dtype": "float32"}, None, 5, "unrolled", "kernel", 3)
    check_calls(module, layer, drawn, rng, [(2, steps, "none"), (3, steps, "holes")])


@given(drawn_layers("persistent"), st.sampled_from([1, 2, 5]))
@settings(max_examples=9)
def test_persistent_is_the_reference(drawn, threads):
    check_against_reference(drawn, threads=threads, calls=KERNEL_CALLS)


@given(drawn_layers("cooperative"), st.sampled_from([1, 2, 5]))
@settings(max_examples=9)
def test_cooperative_is_the_reference(drawn, threads):
    check_against_reference(drawn, threads=threads, calls=KERNEL_CALLS)


@given(drawn_layers("persistent"))
@settings(max_examples=4)
def test_kernels_without_fused_multiply_add_are_the_reference(drawn):
    check_against_reference(drawn, target_cpu="x86-64", calls=KERNEL_CALLS)


@given(drawn_layers("persistent"), st.sampled_from(["float32", "float16"]))
@settings(max_examples=3)
def test_the_kernel_of_gpus_is_the_reference(vulkan, drawn, dtype):
    drawn.layer["dtype"] = dtype
    check_against_reference(drawn, target="vulkan", calls=[(1, 1, "none"), (3, 4, "right"), (5, 7, "holes")])


@given(st.data())
@settings(max_examples=6)
def test_chunks_are_the_whole(data):
    """A sequence cut anywhere, with the state carried on the device, gives what the whole sequence gives."""
    form = data.draw(st.sampled_from(["loop", "persistent", "cooperative"]))
    drawn = data.draw(drawn_layers(form))
    drawn.layer.update(unroll=False, go_backwards=False, return_sequences=True, return_state=False, time_major=False)
    rng = np.random.default_rng(drawn.seed)
    layer = build(Drawn(drawn.layer, None, drawn.features, form, "kernel", drawn.seed), rng)
    module = lstm_ir.compile(layer, form=form)
    x = rng.normal(size=(3, 12, drawn.features))
    whole_state, state = module.make_state(3), module.make_state(3)
    whole = module(x, state=whole_state)
    for cuts in ([1], [5], [11], [3, 4, 9], list(range(1, 12))):
        state.reset()
        chunks = [module(chunk, state=state) for chunk in np.split(x, cuts, axis=1)]
        assert_close(np.concatenate(chunks, axis=1), whole.astype(np.float64), drawn.layer["dtype"])
        for name, value in state.numpy().items():
            assert_close(value, whole_state.numpy()[name].astype(np.float64), drawn.layer["dtype"])


@pytest.mark.parametrize("form", ["loop", "unrolled", "persistent", "cooperative"])
def test_nan_passes_where_it_is_valid_and_nowhere_else(form):
    layer = LSTM(4, return_sequences=True)
    layer.build((None, 3, 2))
    module = lstm_ir.compile(layer, form=form, time=3)
    x = np.zeros((2, 3, 2), np.float32)
    x[0, 1] = np.nan
    y = module(x)
    assert np.isfinite(y[0, 0]).all()
    assert np.isnan(y[0, 1:]).all()
    assert np.isfinite(y[1]).all()
    mask = np.ones((2, 3), bool)
    mask[0, 1] = False
    assert np.isfinite(module(x, mask=mask)).all()


@pytest.mark.parametrize("form", ["persistent", "cooperative", "loop"])
def test_large_inputs_in_the_callers_memory_are_only_read(form):
    """The runtime hands aligned arrays to the kernel where they lie."""
    layer = LSTM(20, return_sequences=True)
    layer.build((None, None, 33))
    module = lstm_ir.compile(layer, form=form)
    memory = np.zeros(4 * 200 * 33 + 64, np.float32)
    start = (-memory.ctypes.data % 64) // 4
    x = memory[start : start + 4 * 200 * 33].reshape(4, 200, 33)
    x[:] = np.random.default_rng(0).normal(size=x.shape)
    before = memory.copy()
    first, second = module(x), module(x)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(memory, before)
    assert_close(first, run_model(model_of(layer), x).outputs[0], "float32")


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_open_batch_decides_between_sharing_units_and_splitting_rows(threads):
    """Both branches, on both sides of the border, a row tile a worker."""
    rng = np.random.default_rng(1)
    layer = LSTM(328, return_sequences=True, return_state=True)
    layer.build((None, None, 5))
    artifact = compile_artifact(layer)
    assert [(scan["form"], scan["large_batch_form"]) for scan in artifact.description["scans"]] == [
        ("cooperative", "persistent")
    ]
    assert artifact.data.count(b"\x7fELF") == 2  # Each kernel's code, generated in parallel.
    module = lstm_ir.load(artifact.data, threads=threads)
    drawn = Drawn(layer.get_config() | {"dtype": "float32"}, None, 5, "cooperative", "kernel", 1)
    cpu = resolve_cpu("host")
    target = vector_target(cpu.arch, cpu.features)
    border = target.rows * threads
    assert artifact.description["scans"][0]["reason"].endswith(f"persistent from {target.rows} rows a core on")
    check_calls(module, layer, drawn, rng, [(1, 3, "none"), (border - 1, 4, "holes"), (border, 4, "right")])


@pytest.mark.parametrize("form", ["persistent", "cooperative"])
def test_layers_and_directions_that_share_a_kernel_are_the_reference(form):
    """One kernel runs both directions of two layers, with and without a mask, each with weights of its own."""
    rng = np.random.default_rng(2)
    layers = [Bidirectional(LSTM(6, return_sequences=True), name=name) for name in ("one", "two")]
    model = Sequential([InputLayer((None, None, 12)), *layers], name="stack")
    model.build((None, None, 12))
    artifact = compile_artifact(model, form=form)
    module = lstm_ir.load(artifact.data, threads=2)
    x = rng.normal(size=(5, 9, 12)).astype(np.float32)
    for mask in (None, make_mask("holes", 5, 9, rng)):
        assert_close(module(x, mask=mask), run_model(model, x, mask=mask).outputs[0], "float32")


@pytest.mark.parametrize("form", ["persistent", "cooperative", "loop"])
def test_bf16_weights_are_those_of_the_rounded_model(form):
    """Kernels and recurrent kernels are rounded, nothing else is: against the rounded model f32's tolerance holds."""
    rng = np.random.default_rng(3)
    options = {"units": 21, "return_sequences": True, "time_major": form == "loop", "dtype": "float32"}
    drawn = Drawn(options, None, 6, form, "kernel", 3)
    layer = build(drawn, rng)
    module = lstm_ir.load(compile_artifact(layer, form=form, weights="bf16").data)
    assert [(scan["form"], scan["weights"]) for scan in module.description["scans"]] == [(form, "bf16")]
    kernel, recurrent_kernel, bias = layer.get_weights()
    layer.set_weights([round_to(kernel, "bfloat16"), round_to(recurrent_kernel, "bfloat16"), bias])
    check_calls(module, layer, drawn, rng, [(1, 5, "none"), (13, 4, "holes")])


def test_a_fixed_batch_or_a_form_asked_for_has_one_kernel():
    layer = LSTM(328)
    layer.build((None, None, 5))
    for options in ({"batch": 1}, {"form": "cooperative"}, {"form": "persistent"}):
        artifact = compile_artifact(layer, **options)
        assert "large_batch_form" not in artifact.description["scans"][0]
        assert artifact.data.count(b"\x7fELF") == 1
