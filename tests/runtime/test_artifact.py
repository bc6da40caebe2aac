"""The artifact file: what is packed comes back, IREE's tools run it, and no changed or cut file is ever loaded."""

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lstm_ir.runtime import ArgumentTypeError, ArtifactError, TargetError, join, load, pack, unpack, unpack_all
from lstm_ir.runtime.target import choose_target

TRAILER = 64


def test_what_is_packed_comes_back(scan_parts):
    vmfb, description = scan_parts()
    assert unpack(pack(vmfb, description)) == (vmfb, description)


@pytest.mark.parametrize("length", range(1, 18))
def test_every_alignment_of_the_code(length):
    description = {"target": {}, "inputs": [], "outputs": [], "states": [], "entries": {}, "name": "é"}
    vmfb = bytes(range(length))
    data = pack(vmfb, description)
    assert unpack(data) == (vmfb, description)
    assert unpack(memoryview(data))[0] == vmfb


def test_iree_run_module_runs_an_artifact(artifact, scan, tmp_path):
    path = tmp_path / "scan.vmfb"
    path.write_bytes(artifact)
    tool = Path(sys.executable).with_name("iree-run-module")
    out = tmp_path / "seq.npy"
    zeros = ["--input=1x3xf32=0"] * 4
    command = [tool, "--device=local-sync", f"--module={path}", "--function=call", "--input=1x4x3xf32=1", *zeros]
    done = subprocess.run([*command, f"--output=@{out}", "--output=", "--output=", "--output="], capture_output=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(out), scan(np.ones((1, 4, 3), np.float32))[0])


def test_every_changed_byte_is_refused(artifact):
    start = len(artifact) - TRAILER
    places = {*range(0, len(artifact), 97), *range(start - 200, len(artifact)), 0, 1}
    data = bytearray(artifact)
    for place in sorted(places):
        for change in (0x01, 0x80, 0xFF) if place >= start else (0x10,):
            data[place] ^= change
            with pytest.raises(ArtifactError):
                unpack(data)
            data[place] ^= change
    unpack(data)


def test_every_cut_is_refused(artifact):
    size = len(artifact)
    for length in {*range(0, size, 89), *range(size - 200, size)}:
        with pytest.raises(ArtifactError):
            unpack(artifact[:length])
    for cut in (1, 7, 64, 1000):  # from the front, and grown at the end
        with pytest.raises(ArtifactError):
            unpack(artifact[cut:])
        with pytest.raises(ArtifactError):
            unpack(artifact + bytes(cut))
    with pytest.raises(ArtifactError):
        unpack(artifact[:5000] + artifact[5100:])


def _resealed(artifact: bytes, place: int, value: bytes) -> bytes:
    """The artifact with bytes of its trailer replaced and the checksum made right again, as a writer would."""
    body = bytearray(artifact[:-32])
    at = len(artifact) - TRAILER + place
    body[at : at + len(value)] = value
    return bytes(body) + hashlib.sha256(body).digest()


def test_messages_tell_the_cases_apart(artifact, scan_parts):
    vmfb, description = scan_parts()
    cases = {
        b"": "the file is empty",
        b"not an artifact at all" * 10: "not an lstm-ir artifact",
        vmfb: "begins as an IREE module but has no lstm-ir trailer",
        artifact[:-1]: "it was cut or changed there",
        artifact[:3000] + b"\xaa" + artifact[3001:]: "checksum does not match: the file was altered",
        _resealed(artifact, 8, b"\x03"): "format 3 is newer than the newest that this lstm-ir reads",
        _resealed(artifact, 16, b"\x07"): "lengths in the trailer contradict",
        pack(vmfb, {**description, "format": 9}): "description format 9 is newer",
        pack(vmfb, {"target": {}}): "lacks inputs, outputs, states, entries",
    }
    for data, text in cases.items():
        with pytest.raises(ArtifactError, match=text) as caught:
            load(data)
        assert "\n" not in str(caught.value)


def test_code_that_iree_refuses(scan_parts):
    vmfb, description = scan_parts()
    with pytest.raises(ArtifactError, match=r"IREE refuses the module \(made by iree 3.13.0\)"):
        load(pack(vmfb[:4000], description))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"entries": {"call": "other"}}, "no entry function 'other'"),
        ({"entries": {}}, "no entry function None"),
        ({"states": []}, "does not take the 1 arguments of its description"),
        ({"inputs": [{"name": "x"}]}, "description of a tensor is malformed"),
        ({"outputs": [{"name": "y", "shape": [None], "dtype": "float8"}]}, "unknown dtype 'float8'"),
        ({"target": "cpu"}, "target is malformed"),
        ({"target": {"backend": "quantum"}}, "unknown backend 'quantum'"),
    ],
)
def test_descriptions_that_contradict_the_code(scan_parts, change, text):
    vmfb, description = scan_parts()
    with pytest.raises(ArtifactError, match=text):
        load(pack(vmfb, {**description, **change}))


def test_a_path_or_bytes(artifact, tmp_path):
    path = tmp_path / "scan.vmfb"
    path.write_bytes(artifact)
    os.chmod(path, 0o444)
    x = np.ones((1, 2, 3), np.float32)
    want = load(artifact)(x)[0]
    module = load(path)
    path.unlink()  # nothing of the file is needed any more
    np.testing.assert_array_equal(module(x)[0], want)
    with pytest.raises(ArtifactError, match="cannot be read: No such file"):
        load(str(path))
    with pytest.raises(ArtifactError, match="cannot be read: Is a directory"):
        load(tmp_path)
    with pytest.raises(ArtifactError, match=r"cannot be read: .*null"):
        load("a\0b")
    with pytest.raises(ArgumentTypeError, match="source: must be a path or an artifact's bytes; got int"):
        load(3)


def test_packing_refuses_what_is_no_module_or_no_json():
    with pytest.raises(ArtifactError, match="the compiled module is empty"):
        pack(b"", {})
    for bad in ({"a": np.float32(1)}, {"a": float("nan")}):
        with pytest.raises(ArtifactError, match="the description is not JSON"):
            pack(b"x", bad)


@pytest.fixture(scope="module")
def several(scan_parts, sum_parts):
    """An artifact of the scan for two targets, neither of which is of the other's drivers."""
    vmfb, description = scan_parts()
    other = {**description, "target": {"name": "cuda", "backend": "cuda"}, "driver": "cuda"}
    return join([pack(vmfb, description), pack(vmfb + b"\0", other), pack(*sum_parts)])


def test_what_is_joined_comes_back(several, scan_parts, sum_parts):
    vmfb, description = scan_parts()
    parts = unpack_all(several)
    assert [code for code, _ in parts] == [vmfb, vmfb + b"\0", sum_parts[0]]
    assert [described["target"]["name"] for _, described in parts] == ["cpu", "cuda", "cpu"]
    assert unpack(several) == (vmfb, description)
    assert unpack_all(pack(vmfb, description)) == [(vmfb, description)]


def test_the_device_chooses_among_targets(several, artifact):
    x = np.ones((1, 2, 3), np.float32)
    for options in ({}, {"threads": 1}, {"device": "local-sync"}, {"device": "local-task", "threads": 2}):
        np.testing.assert_array_equal(load(several, **options)(x)[0], load(artifact)(x)[0])
    assert choose_target([description for _, description in unpack_all(several)], "cuda:1", None) == 1
    with pytest.raises(TargetError, match=r"^device 'vulkan:0': the artifact has code for llvm-cpu, cuda, llvm-cpu"):
        load(several, device="vulkan:0")
    with pytest.raises(ArgumentTypeError, match="device: must be a str"):
        load(several, device=3)
    gpu_alone = join([pack(*part) for part in unpack_all(several)[1:2]] * 2)
    with pytest.raises(TargetError, match=r"^threads: the artifact has code for cuda, cuda alone$"):
        load(gpu_alone, threads=2)


def test_damage_to_an_artifact_for_several_targets_is_found(several, artifact):
    size = len(several)
    for place in {*range(0, size, 997), *range(size - 150, size)}:
        with pytest.raises(ArtifactError):
            load(several[:place] + bytes([several[place] ^ 0x10]) + several[place + 1 :])
        with pytest.raises(ArtifactError):
            load(several[:place])
    for sizes in ("", "8", '"8"', "-8", f"{len(artifact)}.0", "1e999"):
        index = f'{{"artifacts":[{sizes}]}}'.encode()
        body = artifact + bytes(-len(artifact) % 8) + index
        trailer = struct.pack("<8sIIQQ", b"LSTM-IR\0", 2, 0, len(body) - len(index), len(index))
        with pytest.raises(ArtifactError, match="the index of its targets"):
            load(body + trailer + hashlib.sha256(body + trailer).digest())
    with pytest.raises(ArtifactError, match="the index of its targets is malformed"):
        load(join([several]))
