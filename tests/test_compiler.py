"""lstm_ir.compile: sources, arguments, the artifact and its description, and where it is written."""

import json
import os
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
import pytest
from iree.runtime import VmInstance, VmModule

import lstm_ir
from lstm_ir import compiler, output_file
from lstm_ir.errors import ArgumentError, ArgumentTypeError, CompileError, ModelFileError, UnsupportedError
from lstm_ir.layers import LSTM, Bidirectional, Dense, Dropout, InputLayer, Masking, Sequential
from lstm_ir.passes import cost_model, emission, iree_session
from lstm_ir.passes.choose_form import ChooseFormPass
from lstm_ir.passes.kernels.vector_target import vector_target
from lstm_ir.reference import run_model
from lstm_ir.runtime import unpack

SAMPLES = Path(__file__).parent / "importers" / "data"
ENTRIES = {"call", "call_masked", "call_in_place", "call_masked_in_place", "set_workers"}


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(layer, shape=(None, None, 3)):
    layer.build(shape)
    layer.set_weights([0.5 * draw(*w.shape, seed=seed) for seed, w in enumerate(layer.get_weights())])
    return layer


def agrees(module, source, x, mask=None):
    outputs = module(x, mask=mask)
    wants = run_model(compiler.model_of(source), x, mask=mask).outputs
    for got, want in zip(outputs if isinstance(outputs, list) else [outputs], wants, strict=True):
        assert got.shape == want.shape
        assert np.abs(got - want).max() <= 1e-5


@pytest.fixture(scope="module")
def encoder():
    return built(LSTM(8, return_sequences=True, name="encoder"))


@pytest.fixture(scope="module")
def compiled(encoder, tmp_path_factory):
    """The module of one LSTM layer, and the artifact that was written with it."""
    path = tmp_path_factory.mktemp("compiled") / "encoder.vmfb"
    return lstm_ir.compile(encoder, output=path), path


@pytest.fixture
def nothing_compiles(monkeypatch):
    """Fail if anything comes as far as compiling."""

    def refuse(*_, **__):
        pytest.fail("compiled before the arguments were checked")

    monkeypatch.setattr(compiler, "compile_artifact", refuse)


@pytest.fixture
def already_compiled(monkeypatch, compiled):
    """Let every compilation give the artifact that is there already."""
    data = compiled[1].read_bytes()
    artifact = compiler.Artifact(data, unpack(data)[1])
    monkeypatch.setattr(compiler, "compile_artifact", lambda *_, **__: artifact)
    return data


# Sources.


def test_a_layer(compiled, encoder):
    agrees(compiled[0], encoder, draw(4, 6, 3))
    agrees(compiled[0], encoder, draw(1, 1, 3), mask=np.ones((1, 1)))


def test_a_path():
    path = SAMPLES / "k2_stacked.keras"
    module = lstm_ir.compile(str(path))
    shape = [size or 4 for size in module.inputs[0].shape]
    agrees(module, path, draw(*shape))


@pytest.mark.parametrize(("form", "chosen"), [("auto", "persistent"), ("loop", "loop")])
def test_a_model_with_every_layer(form, chosen):
    layers = [
        InputLayer((None, None, 3), name="signal"),
        Bidirectional(LSTM(5, return_sequences=True), name="both"),
        Dropout(0.5),
        LSTM(4, name="last"),
        Dense(2, activation="softmax", name="labels"),
    ]
    model = built(Sequential(layers, name="tagger"))
    module = lstm_ir.compile(model, form=form)
    agrees(module, model, draw(3, 5, 3), mask=draw(3, 5) > 0)
    assert module.name == "tagger"
    assert [spec.name for spec in module.inputs] == ["signal"]
    assert [spec.name for spec in module.outputs] == ["labels"]
    names = ["both/forward/h", "both/forward/c", "both/backward/h", "both/backward/c", "last/h", "last/c"]
    assert [spec.name for spec in module.states] == names
    assert module.forms == {"both/forward": chosen, "both/backward": chosen, "last": chosen}


@pytest.mark.tensorflow
@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_a_live_keras_layer_or_model(package):
    keras = pytest.importorskip(package)
    layer = keras.layers.LSTM(4, name="live")
    x = draw(2, 5, 3)
    want = np.asarray(layer(x))
    module = lstm_ir.compile(layer)
    assert np.abs(module(x) - want).max() <= 1e-5
    assert module.states[0].name == "live/h"
    model = keras.Sequential([keras.layers.Input((None, 3)), layer])
    described = compiler.model_of(model)
    assert np.abs(run_model(described, x).outputs[0] - want).max() <= 1e-5


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        (None, ArgumentTypeError, "source: got NoneType, expected a path"),
        (np.zeros(3), ArgumentTypeError, "source: got ndarray"),
        (b"x.keras", ArgumentTypeError, "source: got bytes"),
        (LSTM(4, name="new"), ArgumentError, "layer 'new' has no weights yet"),
        (Sequential([LSTM(4)], name="new"), ArgumentError, "model 'new' has no weights yet"),
        ("absent.keras", ModelFileError, "absent.keras"),
        (str(SAMPLES), ModelFileError, "data"),
    ],
)
def test_what_is_no_source(source, error, text):
    with pytest.raises(error, match=text):
        lstm_ir.compile(source)


# Arguments.


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"target": "tpu"}, UnsupportedError, "target: got 'tpu', this version compiles for cpu, cuda, vulkan"),
        ({"target": "cuda", "target_gpu": "h100"}, ArgumentError, "target_gpu: got 'h100', target cuda has sm_60,"),
        ({"target": "cuda", "target_cpu": "znver4"}, ArgumentError, "target cuda runs no code on CPUs"),
        ({"target": "vulkan", "costs": "costs.json"}, ArgumentError, "costs: they are of CPUs, the target is vulkan"),
        ({"target_gpu": "sm_80"}, ArgumentError, "target_gpu: got 'sm_80', but target cpu has none"),
        ({"target_cpu": "z80"}, ArgumentError, "target_cpu: got 'z80', expected one of host, generic, .*znver4"),
        ({"form": "rolled"}, ArgumentError, "form: got 'rolled', expected one of auto, loop, unrolled"),
        ({"form": "unrolled"}, UnsupportedError, "steps is dynamic; fix it with time="),
        ({"weights": "int4"}, ArgumentError, "weights: got 'int4', expected bf16, or None for each layer's own type"),
        ({"batch": 0}, ArgumentError, "batch: got 0, expected a positive integer or None"),
        ({"time": -3}, ArgumentError, "time: got -3, expected a positive integer or None"),
        ({"batch": 2.0}, ArgumentTypeError, "batch: got 2.0, expected a positive integer or None"),
        ({"time": True}, ArgumentTypeError, "time: got True, expected a positive integer or None"),
        ({"output": 3}, ArgumentTypeError, "output: got int, expected a file path"),
    ],
)
def test_bad_arguments(encoder, options, error, text):
    with pytest.raises(error, match=text):
        lstm_ir.compile(encoder, **options)


@pytest.mark.parametrize("form", ["persistent", "cooperative"])
def test_scans_without_a_kernel_are_refused(form):
    layer = built(LSTM(4, name="odd", activation="softmax"))
    why = "softmax needs a whole row of units at once"
    with pytest.raises(UnsupportedError, match=f"'odd': form '{form}': {why}; possible here: auto, loop$"):
        lstm_ir.compile(layer, form=form)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"dtype": "float64"}, "only for float32 layers, this one computes in f64"),
        ({"activation": "softmax"}, "only kernels read them, and softmax needs a whole row of units at once"),
    ],
)
def test_scans_without_bf16_weights_are_refused(options, why):
    layer = built(LSTM(4, name="odd", **options))
    with pytest.raises(UnsupportedError, match=f"'odd': weights 'bf16': {why}$"):
        lstm_ir.compile(layer, weights="bf16")


def test_scans_without_a_kernel_loop():
    layer = built(LSTM(4, name="odd", activation="softmax"))
    module = lstm_ir.compile(layer)
    assert module.forms == {"odd": "loop"}
    assert "persistent: softmax needs a whole row of units at once" in module.description["scans"][0]["reason"]
    # Nothing is there for kernels that are not, nor for short calls.
    assert set(module.description["entries"]) == {"call", "call_masked"}
    agrees(module, layer, draw(2, 4, 3))


def test_layouts_that_differ_are_refused():
    layers = [LSTM(4, return_sequences=True, time_major=True), LSTM(4, name="second")]
    with pytest.raises(UnsupportedError, match="time_major differs"):
        lstm_ir.compile(built(Sequential(layers)))


def test_dtypes_that_differ_are_refused():
    model = built(Sequential([LSTM(4), Dense(2, dtype="float64")]))
    with pytest.raises(UnsupportedError, match="layers compute in float32, float64"):
        lstm_ir.compile(model)


def test_fixed_sizes(encoder):
    module = lstm_ir.compile(encoder, batch=2, time=5)
    assert module.inputs[0].shape == (2, 5, 3)
    assert module.mask.shape == (2, 5)
    assert module.outputs[0].shape == (2, 5, 8)
    assert [spec.shape for spec in module.states] == [(2, 8), (2, 8)]
    agrees(module, encoder, draw(2, 5, 3), mask=draw(2, 5) > 0)
    with pytest.raises(ArgumentError, match="axis 1 must have size 5; got 4"):
        module(draw(2, 4, 3))
    with pytest.raises(ArgumentError, match="axis 0 must have size 2; got 3"):
        module(draw(3, 5, 3))
    with pytest.raises(ArgumentError, match="batch"):
        module.make_state(3)


def test_unroll_takes_the_declared_steps():
    layer = built(LSTM(4, unroll=True, input_shape=(3, 2), name="short"), (None, 3, 2))
    module = lstm_ir.compile(layer)
    assert module.forms == {"short": "unrolled"}
    assert module.inputs[0].shape == (None, 3, 2)
    assert module.description["scans"][0]["reason"] == "the layer says unroll=True"
    agrees(module, layer, draw(2, 3, 2))


def test_unroll_needs_the_steps():
    with pytest.raises(ArgumentError, match="'endless' has unroll=True, which needs a fixed number of steps"):
        lstm_ir.compile(built(LSTM(4, unroll=True, name="endless")))


def test_a_mask_of_its_own_excludes_another():
    model = built(Sequential([Masking(-1.0, name="skip"), LSTM(4)]))
    module = lstm_ir.compile(model)
    assert module.mask is None
    assert set(module.description["entries"]) == {"call", "call_in_place", "set_workers"}
    x = draw(2, 4, 3)
    x[0, 2:] = -1
    agrees(module, model, x)
    with pytest.raises(ArgumentError, match="accepts no mask: layer 'skip' computes the mask from the input itself"):
        module(x, mask=np.ones((2, 4)))


# The artifact and its description.


def test_description(compiled, encoder):
    module, path = compiled
    description = module.description
    assert unpack(path.read_bytes())[1] == json.loads(json.dumps(description)) == description
    reason = description["scans"][0].pop("reason")
    assert "us/step" in reason
    cpu = iree_session.resolve_cpu("host")
    sequence = {"batch_axis": 0, "time_axis": 1}
    state = {"shape": [None, 8], "dtype": "float32", "batch_axis": 0}
    model = description["model"]
    assert description == {
        "format": 1,
        "producer": {
            "lstm_ir": lstm_ir.__version__,
            "iree": version("iree-base-compiler"),
            "xdsl": version("xdsl"),
        },
        "name": "encoder",
        "source": "compat.v1",
        "target": {
            "name": "cpu",
            "backend": "llvm-cpu",
            "arch": cpu.arch,
            "cpu": cpu.cpu,
            "features": sorted(cpu.features),
        },
        "inputs": [{"name": "x", "shape": [None, None, 3], "dtype": "float32", **sequence}],
        "mask": {"name": "mask", "shape": [None, None], "dtype": "int8", **sequence},
        "seed": None,
        "outputs": [{"name": "encoder", "shape": [None, None, 8], "dtype": "float32", **sequence}],
        "states": [{"name": "encoder/h", **state}, {"name": "encoder/c", **state}],
        "entries": {name: name for name in ENTRIES},
        "scans": [
            {
                "name": "encoder",
                "form": "persistent",
                "code": "kernel",
                "features": 3,
                "units": 8,
                "batch": None,
                "time": None,
                "direction": "forward",
                "layout": "batch-major",
            }
        ],
        "row_tile": vector_target(cpu.arch, cpu.features).rows,
        "driver": "local-sync",
        "weights_bytes": 4 * (3 + 8 + 1) * 4 * 8,
        "model": model,
    }
    description["scans"][0]["reason"] = reason
    # The model can be built again from it.
    again = Sequential.from_config(model["config"], flavour=model["flavour"])
    again.build()
    assert again.layers[0].get_config() == encoder.get_config()
    assert again.weights[0].shape == (3, 32)


def test_plain_iree_tools_find_the_description(compiled):
    vmfb, description = unpack(compiled[1].read_bytes())
    code = VmModule.copy_buffer(VmInstance(), vmfb)
    assert code.name == "lstm_ir"
    for entry in ("call", "call_masked"):
        attached = json.loads(code.lookup_function(entry).reflection["description"])
        assert attached == {key: value for key, value in description.items() if key != "model"}


def test_functions_of_the_user_need_no_config():
    """What only training or building uses does not stand in the way of compiling."""
    layer = built(LSTM(4, kernel_regularizer=np.sum, kernel_initializer=lambda shape, dtype: np.ones(shape, dtype)))
    module = lstm_ir.compile(layer)
    assert "model" not in module.description
    agrees(module, layer, draw(2, 3, 3))


def test_the_artifact_is_the_module(compiled):
    module, path = compiled
    x, mask = draw(3, 7, 3), draw(3, 7) > 0
    loaded = lstm_ir.load(path)
    np.testing.assert_array_equal(loaded(x), module(x))
    np.testing.assert_array_equal(loaded(x, mask=mask), module(x, mask=mask))


def test_size_beyond_the_weights(compiled):
    module, path = compiled
    assert path.stat().st_size - module.description["weights_bytes"] < 100_000


def test_both_entries_share_one_copy_of_the_weights():
    artifact = compiler.compile_artifact(built(LSTM(128), (None, None, 64)))
    weights = 4 * (64 + 128 + 1) * 4 * 128
    assert artifact.description["weights_bytes"] == weights
    assert set(artifact.description["entries"]) == ENTRIES
    assert weights < len(artifact.data) < weights + 100_000


def test_compiling_twice_gives_the_same_numbers(compiled, encoder):
    x, mask = draw(5, 9, 3), draw(5, 9) > 0
    again = lstm_ir.compile(encoder)
    np.testing.assert_array_equal(again(x), compiled[0](x))
    np.testing.assert_array_equal(again(x, mask=mask), compiled[0](x, mask=mask))


@pytest.mark.parametrize("target_cpu", ["generic", "x86-64-v3"])
def test_other_cpus(encoder, target_cpu):
    cpu = iree_session.resolve_cpu("host")
    if cpu.arch != "x86_64" or (target_cpu == "x86-64-v3" and not {"avx2", "fma"} <= cpu.features):
        pytest.skip(f"this machine cannot run code for {target_cpu}")
    module = lstm_ir.compile(encoder, target_cpu=target_cpu)
    features = set(module.description["target"]["features"])
    assert features == iree_session.resolve_cpu(target_cpu).features
    assert ("avx2" in features) == (target_cpu == "x86-64-v3")
    agrees(module, encoder, draw(3, 6, 3), mask=draw(3, 6) > 0)


# Writing.


@pytest.mark.usefixtures("nothing_compiles")
class TestOutputsAreCheckedFirst:
    def test_a_folder(self, encoder, tmp_path):
        with pytest.raises(ArgumentError, match=r"output: .* is a folder, expected a file path"):
            lstm_ir.compile(encoder, output=tmp_path)

    def test_a_folder_that_is_absent(self, encoder, tmp_path):
        with pytest.raises(ArgumentError, match=r"output: folder .*nowhere does not exist"):
            lstm_ir.compile(encoder, output=tmp_path / "nowhere" / "m.vmfb")

    def test_a_file_in_the_place_of_a_folder(self, encoder, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(ArgumentError, match=r"output: folder .*file does not exist"):
            lstm_ir.compile(encoder, output=tmp_path / "file" / "m.vmfb")

    def test_a_folder_that_cannot_be_written(self, encoder, tmp_path, monkeypatch):
        # Permissions do not bind root, who runs the tests in containers.
        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(output_file.tempfile, "NamedTemporaryFile", refuse)
        with pytest.raises(ArgumentError, match=r"output: cannot write .*m\.vmfb: Permission denied"):
            lstm_ir.compile(encoder, output=tmp_path / "m.vmfb")


@pytest.mark.parametrize("kind", [str, Path])
def test_an_existing_file_is_replaced(already_compiled, tmp_path, kind):
    path = tmp_path / "m.vmfb"
    path.write_bytes(b"old")
    os.chmod(path, 0o600)
    lstm_ir.compile("unused", output=kind(path))
    assert path.read_bytes() == already_compiled
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.vmfb"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("failing", ["fsync", "replace", "chmod"])
@pytest.mark.usefixtures("already_compiled")
def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch, failing):
    path = tmp_path / "m.vmfb"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output_file.os, failing, fail)
    with pytest.raises(ArgumentError, match=r"output: cannot write .*m\.vmfb: No space left on device"):
        lstm_ir.compile("unused", output=path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.vmfb"]


def test_a_failing_compile_leaves_the_old_file(encoder, tmp_path):
    path = tmp_path / "m.vmfb"
    path.write_bytes(b"old")
    with pytest.raises(UnsupportedError):
        lstm_ir.compile(encoder, output=path, form="unrolled")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.vmfb"]


# Failures of the compiler.

REFUSED = b"""module @lstm_ir {
  func.func @call(%a: tensor<4xf32>) -> tensor<4xcomplex<f32>> {
    %b = builtin.unrealized_conversion_cast %a : tensor<4xf32> to tensor<4xcomplex<f32>> loc("encoder")
    return %b : tensor<4xcomplex<f32>>
  }
}
\0"""


def test_iree_blames_a_layer(encoder, monkeypatch):
    monkeypatch.setattr(emission, "emit_bytecode", lambda *_, **__: REFUSED)
    with pytest.raises(CompileError, match=r"^layer 'encoder': IREE could not compile the module: .*") as error:
        lstm_ir.compile(encoder)
    assert "\n" not in str(error.value)


def test_ir_that_does_not_verify_is_an_error_of_ours(encoder, monkeypatch):
    from xdsl.utils.exceptions import VerifyException

    def spoil(self, ctx, op):
        raise VerifyException("operand 2 is wrong")

    monkeypatch.setattr(ChooseFormPass, "apply", spoil)
    with pytest.raises(CompileError, match=r"operand 2 is wrong"):
        lstm_ir.compile(encoder)


def test_stages_and_passes_are_reported_in_order(encoder, monkeypatch):
    monkeypatch.setattr(iree_session, "compile_bytecode", lambda *_, **__: b"code")
    stages, passes = [], []
    artifact = compiler.compile_artifact(
        encoder, on_stage=stages.append, after_pass=lambda name, module: passes.append(name)
    )
    assert stages == list(artifact.seconds) == ["import", "passes", "emission", "iree"]
    assert all(seconds >= 0 for seconds in artifact.seconds.values())
    names = [name.split("{")[0] for name in passes]
    assert names[:4] == ["lstm-normalize", "lstm-fuse-gates", "lstm-choose-form", "lstm-hoist-projection"]
    for form in ("persistent", "cooperative", "loop"):
        assert names.index(f"lstm-lower-scan-{form}") < names.index("lstm-materialize-weights")


def test_wide_layers_are_advised_to_share_their_work():
    assert cost_model.advised_driver([("loop", 8)]) == "local-sync"
    assert cost_model.advised_driver([("loop", 512)]) == "local-task"
