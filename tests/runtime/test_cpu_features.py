"""Feature names: LLVM's against Linux's and NumPy's."""

import subprocess
import sys
from pathlib import Path

import pytest

from lstm_ir.runtime import cpu_features, host_arch, host_features

CPUINFO = """processor\t: 0
flags\t\t: fpu cx8 sse4_2 pni abm bmi1 avx avx2 fma f16c avx512f avx512_vnni sha_ni lm popcnt
processor\t: 1
flags\t\t: fpu cx8 sse4_2 pni abm bmi1 avx avx2 fma f16c sha_ni lm popcnt
"""


def test_linux_flags_become_llvm_names_and_every_core_must_have_them():
    found = cpu_features.features_from_flags(cpu_features._cpuinfo_flags(CPUINFO), "x86_64")
    assert found == {
        "x87", "cx8", "sse4.2", "crc32", "sse3", "lzcnt", "bmi", "avx", "avx2", "fma", "f16c", "sha", "64bit", "popcnt"
    }  # fmt: skip


def test_arm_names():
    found = cpu_features.features_from_flags(["fp", "asimd", "atomics", "asimddp", "asimdhp", "sve", "i8mm"], "aarch64")
    assert found == {"fp-armv8", "neon", "lse", "dotprod", "fullfp16", "sve", "i8mm"}


def test_missing_features():
    present = frozenset({"avx2"})
    assert cpu_features.missing_features(["avx2", "fast-gather", "shstk", "xsavec"], present) == []
    assert cpu_features.missing_features(["gfni", "avx2", "avx512f"], present) == ["avx512f", "gfni"]
    assert cpu_features.missing_features(["some-new-extension"], present) == ["some-new-extension"]


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists() or host_arch() != "x86_64", reason="needs Linux on x86-64")
def test_numpy_agrees_with_linux():
    from_numpy = cpu_features._features_from_numpy()
    assert "sse2" in from_numpy
    assert from_numpy <= host_features()


def test_systems_without_cpuinfo_ask_numpy(monkeypatch):
    def absent(*_args, **_kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    assert cpu_features.host_features.__wrapped__() == cpu_features._features_from_numpy()


def test_what_llvm_finds_on_this_machine_is_satisfied_by_it(tmp_path):
    source = tmp_path / "f.mlir"
    source.write_text(
        "func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {\n"
        "  %y = arith.addf %x, %x : tensor<4xf32>\n  return %y : tensor<4xf32>\n}\n"
    )
    flags = ["--iree-hal-target-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host"]
    tool = Path(sys.executable).with_name("iree-compile")
    command = [tool, source, *flags, "--compile-to=executable-targets", "-o", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    signed = text.partition('cpu_features = "')[2].partition('"')[0].split(",")
    features = {item[1:]: item[0] for item in signed}  # the last sign of a name wins, as in LLVM
    required = [name for name, sign in features.items() if sign == "+"]
    assert "sse2" in required or "neon" in required
    assert cpu_features.missing_features(required, host_features()) == []
