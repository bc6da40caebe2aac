"""``import lstm_ir``: which names it has, and what it leaves unloaded until they are used."""

import subprocess
import sys

import pytest

import lstm_ir

NAMES = [
    "Activation",
    "ArgumentError",
    "ArgumentTypeError",
    "ArtifactError",
    "Bidirectional",
    "CompileError",
    "Dense",
    "Dropout",
    "InputLayer",
    "LSTM",
    "LstmIrError",
    "Masking",
    "ModelFileError",
    "Module",
    "Sequential",
    "State",
    "TargetError",
    "TensorSpec",
    "UnsupportedError",
    "__version__",
    "compile",
    "from_keras",
    "from_torch",
    "load",
    "read_model",
]

HEAVY = ("numpy", "xdsl", "h5py", "iree", "typer", "rich", "tensorflow", "keras", "tf_keras")


def loaded_by(program: str) -> set[str]:
    """The heavy packages that a program has loaded when it ends, in a process of its own."""
    report = f"\nimport sys\nprint(*(name for name in {(*HEAVY, 'iree.compiler')} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program + report], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_names():
    assert sorted(lstm_ir.__all__) == sorted(NAMES)
    assert dir(lstm_ir) == sorted(lstm_ir.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_a_value(name):
    assert getattr(lstm_ir, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'lstm_ir' has no attribute 'lstm'"):
        lstm_ir.lstm  # noqa: B018  # reading it is what is tested


def test_importing_loads_nothing_heavy():
    assert loaded_by("import lstm_ir") == set()


def test_loading_a_module_needs_numpy_and_the_runtime_only():
    assert loaded_by("import lstm_ir; lstm_ir.load") == {"numpy", "iree"}


def test_describing_a_layer_loads_no_compiler():
    assert not loaded_by("import lstm_ir; lstm_ir.LSTM(4).build((None, None, 3))") & {"xdsl", "h5py", "iree.compiler"}


def test_errors_are_one_tree():
    errors = [getattr(lstm_ir, name) for name in NAMES if name.endswith("Error")]
    assert all(issubclass(error, lstm_ir.LstmIrError) for error in errors)
