"""The wheel as users install it: what is in it, and what it does where only the base dependencies are."""

import subprocess
import zipfile
from email.parser import Parser

import pytest

COMPILER_PACKAGES = ("h5py", "iree.compiler", "rich", "tensorflow", "typer", "xdsl")
EXTRA = "install the extra: lstm-ir[compiler]"


@pytest.fixture(scope="session")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_holds_one_package_and_nothing_beside_it(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"lstm_ir"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_holds_every_room_the_type_marker_and_the_licence(names):
    rooms = ("dialect", "importers", "layers", "passes", "reference", "runtime", "tools")
    missing = {f"lstm_ir/{room}/__init__.py" for room in rooms} - set(names)
    assert not missing
    assert "lstm_ir/py.typed" in names
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]


def test_asks_for_numpy_and_the_iree_runtime_only(wheel, names):
    (metadata_name,) = [name for name in names if name.endswith(".dist-info/METADATA")]
    with zipfile.ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    base = [item for item in metadata.get_all("Requires-Dist", []) if "extra ==" not in item]
    assert sorted(item.split("=")[0].split(">")[0].strip() for item in base) == ["iree-base-runtime", "numpy"]
    assert metadata["License-Expression"] == "Apache-2.0 WITH LLVM-exception"


def test_the_base_environment_has_no_compiler(in_base):
    probe = (
        "import importlib.util as u\n"
        f"for name in {COMPILER_PACKAGES}:\n"
        "    try: found = u.find_spec(name)\n"
        "    except ModuleNotFoundError: found = None\n"
        "    if found: print(name)\n"
    )
    done = in_base("-c", probe)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_loads_and_runs_an_artifact_there(in_base, artifact):
    program = (
        "import sys, numpy as np, lstm_ir\n"
        "m = lstm_ir.load(sys.argv[1])\n"
        "y = m(np.load(sys.argv[2]))\n"
        "np.testing.assert_array_equal(y, np.load(sys.argv[3]))\n"
        "s = m.make_state(2)\n"
        "m(np.load(sys.argv[2]), state=s)\n"
        "assert all(a.any() for a in s.numpy().values())\n"
        "print(lstm_ir.__file__)\n"
    )
    done = in_base("-c", program, *map(str, artifact))
    assert done.returncode == 0, done.stderr
    assert "site-packages" in done.stdout


@pytest.mark.parametrize(
    "call", ["lstm_ir.compile(model)", "lstm_ir.compile(layer)", "layer(x)", "lstm_ir.read_model(model)"]
)
def test_compiling_there_names_the_extra(in_base, root, call):
    program = (
        "import sys, numpy as np, lstm_ir\n"
        "model, x = sys.argv[1], np.zeros((1, 2, 3), np.float32)\n"
        "layer = lstm_ir.LSTM(2)\n"
        "layer.build((None, None, 3))\n"
        f"{call}\n"
    )
    done = in_base("-c", program, str(root / "examples" / "japanese_vowels" / "model.keras"))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "Error: " in last
    assert "lstm-ir[compiler]" in last


@pytest.mark.parametrize("arguments", [["--help"], ["run", "a.vmfb"], []])
def test_the_command_there_names_the_extra(in_base, arguments):
    done = in_base("-m", "lstm_ir.tools.main", *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("lstm-ir: error: ")
    assert EXTRA in line


def test_the_command_is_installed(base_python):
    script = base_python.with_name("lstm-ir")
    assert script.exists()
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert EXTRA in done.stderr
