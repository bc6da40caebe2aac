"""Artifacts whose weights lie in a file beside them give what artifacts that hold them give."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import lstm_ir
from lstm_ir import weights_file as writing
from lstm_ir.errors import ArgumentError, ArgumentTypeError, ArtifactError
from lstm_ir.layers import LSTM, Dense, InputLayer, Sequential
from lstm_ir.runtime import unpack
from lstm_ir.runtime.weights_file import open_archive


def model():
    layers = [LSTM(24, return_sequences=True, name="a"), LSTM(9, name="b"), Dense(5, name="c")]
    made = Sequential([InputLayer((None, None, 7)), *layers], "model")
    made.build()
    rng = np.random.default_rng(2)
    made.set_weights([rng.uniform(-0.5, 0.5, weight.shape).astype(np.float32) for weight in made.weights])
    return made


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Two artifacts of one model that share a file, and a third that holds its weights."""
    folder = tmp_path_factory.mktemp("separate")
    for name, options in {"floats": {}, "halves": {"weights": "bf16"}}.items():
        lstm_ir.compile(model(), output=folder / f"{name}.vmfb", weights_file=folder / "shared.irpa", **options)
    lstm_ir.compile(model(), output=folder / "whole.vmfb")
    return folder


@pytest.fixture
def folder(compiled, tmp_path):
    """A copy to damage."""
    return Path(shutil.copytree(compiled, tmp_path / "copy"))


def description(path):
    return unpack(path.read_bytes())[1]


def test_the_results_are_the_same_bits(compiled):
    x = np.random.default_rng(3).standard_normal((5, 11, 7)).astype(np.float32)
    whole, separate = (lstm_ir.load(compiled / f"{name}.vmfb") for name in ("whole", "floats"))
    assert separate.forms == whole.forms
    np.testing.assert_array_equal(separate(x), whole(x))
    for threads in (1, 2):
        loaded = lstm_ir.load(compiled / "floats.vmfb", threads=threads)
        np.testing.assert_allclose(loaded(x), whole(x), atol=1e-6)


def test_the_artifact_is_smaller_by_the_weights(compiled):
    sizes = {name: (compiled / f"{name}.vmfb").stat().st_size for name in ("whole", "floats")}
    assert sizes["whole"] - sizes["floats"] > 0.8 * description(compiled / "whole.vmfb")["weights_bytes"]


def test_two_artifacts_share_a_file(compiled):
    entries = [set(description(compiled / f"{name}.vmfb")["weights_file"]["entries"]) for name in ("floats", "halves")]
    assert entries[0] & entries[1]  # what both read alike is there once
    assert entries[0] != entries[1]
    assert set(open_archive(compiled / "shared.irpa")) == entries[0] | entries[1]
    x = np.ones((1, 2, 7), np.float32)
    first, second = (lstm_ir.load(compiled / f"{name}.vmfb")(x) for name in ("floats", "halves"))
    np.testing.assert_allclose(first, second, atol=1e-2)
    assert (first != second).any()


def test_nothing_else_is_left_beside_them(compiled):
    assert sorted(path.name for path in compiled.iterdir()) == [
        "floats.vmfb", "halves.vmfb", "shared.irpa", "whole.vmfb"
    ]  # fmt: skip


def test_a_file_that_is_elsewhere_is_named(folder):
    moved = folder / "moved.bin"
    (folder / "shared.irpa").rename(moved)
    with pytest.raises(ArtifactError, match=r"weights '.*shared\.irpa': cannot be read: No such file"):
        lstm_ir.load(folder / "floats.vmfb")
    data = (folder / "floats.vmfb").read_bytes()
    with pytest.raises(ArtifactError, match=r"in the file 'shared\.irpa'.*weights=path"):
        lstm_ir.load(data)
    x = np.ones((1, 3, 7), np.float32)
    np.testing.assert_array_equal(lstm_ir.load(data, weights=moved)(x), lstm_ir.load(folder / "whole.vmfb")(x))
    with pytest.raises(ArgumentError, match="weights: the artifact holds its weights itself"):
        lstm_ir.load(folder / "whole.vmfb", weights=moved)
    with pytest.raises(ArgumentTypeError, match="weights: must be the path"):
        lstm_ir.load(data, weights=3)


def test_safetensors_do_as_well(compiled, tmp_path):
    entries = {key: np.frombuffer(e.file_view, np.uint8) for key, e in open_archive(compiled / "shared.irpa").items()}
    writing.write_weights(tmp_path / "w.safetensors", entries, keep=False)
    x = np.ones((1, 3, 7), np.float32)
    loaded = lstm_ir.load(compiled / "floats.vmfb", weights=tmp_path / "w.safetensors")
    np.testing.assert_array_equal(loaded(x), lstm_ir.load(compiled / "whole.vmfb")(x))


def test_another_files_weights_are_refused(folder):
    path = folder / "shared.irpa"
    writing.write_weights(path, {"0" * 64: np.arange(64, dtype=np.uint8)}, keep=False)
    with pytest.raises(ArtifactError, match=r"lacks (\d+) of the \1 that the artifact needs"):
        lstm_ir.load(folder / "floats.vmfb")
    for content in (b"", b"nonsense", b"IRPA" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(ArtifactError, match="the file is damaged, or neither"):
            lstm_ir.load(folder / "floats.vmfb")


def test_damage_is_found(folder):
    path = folder / "shared.irpa"
    whole = path.read_bytes()
    needed = description(folder / "floats.vmfb")["weights_file"]["entries"]
    entry = max((e for key, e in open_archive(path).items() if key in needed), key=lambda e: e.length)
    at = whole.index(bytes(entry.file_view))
    path.write_bytes(whole[: at + 5] + bytes([whole[at + 5] ^ 1]) + whole[at + 6 :])
    with pytest.raises(ArtifactError, match="a checksum does not match"):
        lstm_ir.load(folder / "floats.vmfb")
    for size in (at + entry.length - 1, at + 5, 100, 5):
        path.write_bytes(whole[:size])
        with pytest.raises(ArtifactError, match=r"the file is damaged|lacks"):
            lstm_ir.load(folder / "floats.vmfb")


@pytest.mark.parametrize("suffix", [".irpa", ".safetensors"])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"w{suffix}"
    writing.write_weights(path, {"a": np.arange(5, dtype=np.uint8)}, keep=True)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ArgumentError, match="No space left"):
        writing.write_weights(path, {"b": np.arange(6, dtype=np.uint8)}, keep=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    monkeypatch.undo()
    writing.write_weights(path, {"b": np.arange(6, dtype=np.uint8)}, keep=True)
    assert {key: bytes(entry.file_view) for key, entry in open_archive(path).items()} == {
        "a": bytes(range(5)), "b": bytes(range(6))
    }  # fmt: skip


def test_where_a_file_cannot_be_written_is_said_before_any_work(tmp_path):
    layer = model()
    (tmp_path / "other").mkdir()
    for given, said in {
        tmp_path / "w.bin": r"expected a name that ends in \.irpa or \.safetensors",
        tmp_path / "other" / "w.irpa": "does not lie beside",
        tmp_path / "none" / "w.irpa": "does not exist",
    }.items():
        with pytest.raises(ArgumentError, match=said):
            lstm_ir.compile(layer, output=tmp_path / "m.vmfb", weights_file=given)
    (tmp_path / "w.irpa").write_bytes(b"somebody's")
    with pytest.raises(ArgumentError, match="exists and is no file of weights"):
        writing.write_weights(tmp_path / "w.irpa", {}, keep=True)
    assert (tmp_path / "w.irpa").read_bytes() == b"somebody's"
