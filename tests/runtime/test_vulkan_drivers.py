"""Vulkan drivers that are built on LLVM, in a process where another library shows its own LLVM to everybody."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_ir.compiler import compile_artifact
from lstm_ir.layers import LSTM
from lstm_ir.runtime import pack
from lstm_ir.runtime.vulkan_drivers import driver_libraries

# TensorFlow loads this with RTLD_GLOBAL; so does this script, which takes a tenth of the time.
SCRIPT = """
import ctypes, os, sys
import numpy as np
from lstm_ir.runtime import available_devices, load
library, artifact, order = sys.argv[1:]
if order == "before":
    ctypes.CDLL(library, os.RTLD_GLOBAL)
else:
    available_devices()  # has the drivers loaded
    ctypes.CDLL(library, os.RTLD_GLOBAL)
module = load(artifact)
print(module(np.ones((2, 3, 3), np.float32)).shape)
"""


def tensorflow_library():
    spec = importlib.util.find_spec("tensorflow")
    folder = Path(spec.submodule_search_locations[0]) if spec is not None else Path("nowhere")
    return next(folder.glob("libtensorflow_framework.so*"), None)


@pytest.mark.skipif(tensorflow_library() is None, reason="needs TensorFlow's libraries")
@pytest.mark.parametrize("order", ["before", "after"])
def test_another_llvm_does_no_harm(vulkan, artifact_of_vulkan, order):
    command = [sys.executable, "-c", SCRIPT, str(tensorflow_library()), str(artifact_of_vulkan), order]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)  # without the remedy the end may hang
    assert (done.returncode, done.stdout) == (0, "(2, 3, 5)\n"), done.stderr


@pytest.fixture(scope="module")
def artifact_of_vulkan(tmp_path_factory):
    layer = LSTM(5, return_sequences=True)
    layer.build((None, None, 3))
    path = tmp_path_factory.mktemp("vulkan") / "layer.vmfb"
    path.write_bytes(compile_artifact(layer, "vulkan").data)
    return path


@pytest.fixture
def manifest(tmp_path):
    """Writes a driver's manifest; returns its path."""

    def write(name, library):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"ICD": {"library_path": library, "api_version": "1.3.0"}}))
        return path

    return write


@pytest.mark.parametrize("variable", ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
def test_drivers_that_are_named_are_the_only_ones(manifest, monkeypatch, tmp_path, variable):
    absolute = manifest("absolute.json", "/opt/driver/libvulkan_one.so")
    beside = manifest("some/relative.json", "./libvulkan_two.so")
    manifest("folder/there.json", "libvulkan_three.so")
    (tmp_path / "broken.json").write_text("{")
    named = [absolute, tmp_path / "absent.json", beside, tmp_path / "broken.json", tmp_path / "folder", absolute]
    for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES", "LD_LIBRARY_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, os.pathsep.join(map(str, named)))
    want = [Path("/opt/driver/libvulkan_one.so"), tmp_path / "some/libvulkan_two.so", Path("libvulkan_three.so")]
    assert driver_libraries() == want


def test_drivers_are_found_where_the_loader_finds_them(manifest, monkeypatch, tmp_path):
    for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    manifest("added.json", "/a.so")
    manifest("home/.config/vulkan/icd.d/b.json", "/b.so")
    manifest("data/vulkan/icd.d/c.json", "libc.so")
    (tmp_path / "libc.so").touch()
    monkeypatch.setenv("VK_ADD_DRIVER_FILES", str(tmp_path / "added.json"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "data"))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    found = [library for library in driver_libraries() if library.parts[:2] != ("/", "usr")]  # this machine's own
    assert found == [Path("/a.so"), Path("/b.so"), tmp_path / "libc.so"]


def test_where_no_driver_has_a_device(scan_parts, tmp_path):
    vmfb, description = scan_parts()
    path = tmp_path / "scan.vmfb"
    path.write_bytes(pack(vmfb, {**description, "target": {"backend": "vulkan-spirv"}, "driver": "vulkan"}))
    absent = str(tmp_path / "absent.json")
    script = "import sys, lstm_ir.runtime as r\ntry: r.load(sys.argv[1])\nexcept r.TargetError as error: print(error)"
    environment = {**os.environ, "VK_DRIVER_FILES": absent, "VK_ICD_FILENAMES": absent}
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("the module is made for vulkan-spirv and device 'vulkan' cannot be opened here (")
    assert "); this machine has local-sync, local-task" in done.stdout
