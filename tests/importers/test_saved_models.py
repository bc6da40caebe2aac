"""SavedModel folders and CuDNNLSTM: what tf_keras predicted, and folders that are damaged or hold no layers."""

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lstm_ir
from lstm_ir.errors import LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers import read_model, sorted_table, tensorflow_messages
from lstm_ir.importers.crc32c import crc32c, masked_crc32c
from lstm_ir.layers import Model
from lstm_ir.reference import run_model

DATA = Path(__file__).parent / "data" / "saved"
KERNEL = b"variables/0/.ATTRIBUTES/VARIABLE_VALUE"


def recorded(name: str) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    with np.load(DATA / f"{name}.npz") as arrays:
        first, again = ([arrays[key] for key in sorted(arrays) if key[0] == letter] for letter in "yn")
        return arrays["x"], first, again


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    """Unpacks a sample."""

    def unpack(name: str) -> Path:
        target = tmp_path / name
        with zipfile.ZipFile(DATA / f"{name}.zip") as archive:
            archive.extractall(target)
        return target

    return unpack


def check(model: Model, name: str) -> None:
    x, expected, again = recorded(name)
    result = run_model(model, x)
    for mine, right in zip(result.outputs, expected, strict=True):
        np.testing.assert_allclose(mine, right, atol=2e-6)
    if again:
        for mine, right in zip(run_model(model, x, initial_state=result.states).outputs, again, strict=True):
            np.testing.assert_allclose(mine, right, atol=2e-6)


@pytest.mark.parametrize("name", ["classifier", "stream", "cudnn", "cudnn_gru"])
def test_the_reference_is_what_the_framework_predicted(folder: Callable[[str], Path], name: str):
    check(read_model(folder(name)), name)


@pytest.mark.parametrize("name", ["cudnn", "cudnn_gru"])
def test_cudnn_weights_in_hdf5(name: str):
    check(read_model(DATA / f"{name}.h5"), name)


def test_compiled(folder: Callable[[str], Path]):
    """The folder with the weights that the compiler lays out anew."""
    x, (expected,), _ = recorded("cudnn_gru")
    np.testing.assert_allclose(lstm_ir.compile(folder("cudnn_gru"), form="loop")(x), expected, atol=2e-6)


def test_metadata_within_saved_model(folder: Callable[[str], Path]):
    """As TensorFlow wrote it until 2.4."""
    path = folder("classifier")
    metadata = tensorflow_messages.parse("SavedMetadata", (path / "keras_metadata.pb").read_bytes(), "")
    saved = tensorflow_messages.parse("SavedModel", (path / "saved_model.pb").read_bytes(), "")
    nodes = saved.meta_graphs[0].object_graph_def.nodes
    for item in metadata.nodes:
        nodes[item.node_id].user_object.metadata = item.metadata
    (path / "saved_model.pb").write_bytes(saved.SerializeToString())
    (path / "keras_metadata.pb").unlink()
    check(read_model(path), "classifier")


def refusal(path: Path, kind: type[LstmIrError] = ModelFileError) -> str:
    with pytest.raises(kind) as caught:
        read_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_functions_without_layers(folder: Callable[[str], Path]):
    message = refusal(folder("functions"), UnsupportedError)
    assert "without the configs of Keras layers" in message
    assert "model.save('name.keras')" in message


def test_files_that_are_missing_or_cut(folder: Callable[[str], Path]):
    path = folder("classifier")
    index, data = path / "variables/variables.index", path / "variables/variables.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(content[: len(content) // 2])
    assert "truncated" in refusal(path)
    data.unlink()
    assert "does not exist" in refusal(path) or "cannot be read" in refusal(path)
    os.mkfifo(data)
    assert "not a regular file" in refusal(path)
    data.unlink()
    data.write_bytes(content)
    whole = index.read_bytes()
    for changed in (b"", whole[:-1], whole[:60] + whole[70:]):
        index.write_bytes(changed)
        assert "index" in refusal(path)
    index.unlink()
    assert "does not exist" in refusal(path)
    shutil.rmtree(path / "variables")
    (path / "keras_metadata.pb").write_bytes(b"\x0a\xff\xff\xff\xff\x0f{}")
    assert "is not a SavedMetadata" in refusal(path)


def test_every_byte_of_the_weights_counts(folder: Callable[[str], Path]):
    path = folder("classifier")
    data = path / "variables/variables.data-00000-of-00001"
    kernel = entries(path)[KERNEL]
    content = bytearray(data.read_bytes())
    content[kernel.offset + 17] ^= 1
    data.write_bytes(content)
    assert "damaged: its checksum is wrong" in refusal(path)


def entries(path: Path) -> dict:
    table = sorted_table.read_table((path / "variables/variables.index").read_bytes(), "")
    return {key: tensorflow_messages.parse("BundleEntryProto", value, "") for key, value in table.items() if key}


def varint(value: int) -> bytes:
    result = b""
    while value >= 0x80:
        result, value = result + bytes([value & 0x7F | 0x80]), value >> 7
    return result + bytes([value])


def table_of(values: dict[bytes, bytes], shared: int = 0) -> bytes:
    """A table of one block, whose keys all claim to share some bytes with the one before."""

    def block(content: bytes) -> bytes:
        whole = content + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0"
        return whole + masked_crc32c(whole).to_bytes(4, "little")

    def entry(key: bytes, value: bytes, shared: int = 0) -> bytes:
        return varint(shared) + varint(len(key)) + varint(len(value)) + key + value

    first = block(b"".join(entry(key, value, shared) for key, value in sorted(values.items())))
    handle = varint(0) + varint(len(first) - 5)
    index = block(entry(b"z", handle))
    footer = varint(0) + varint(0) + varint(len(first)) + varint(len(index) - 5)
    return first + index + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def change_entry(path: Path, **changes: int) -> None:
    """Rewrite what the index says of the first kernel."""
    index = path / "variables/variables.index"
    table = sorted_table.read_table(index.read_bytes(), "")
    entry = tensorflow_messages.parse("BundleEntryProto", table[KERNEL], "")
    for key, value in changes.items():
        if key == "rows":
            entry.shape.dim[0].size = value
        else:
            setattr(entry, key, value)
    index.write_bytes(table_of({**table, KERNEL: entry.SerializeToString()}))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rows": 10**12}, "has shape (1000000000000, 16) in the file"),
        ({"dtype": 2}, "has dtype float64 in the file"),
        ({"dtype": 99}, "has dtype number 99 in the file"),
        ({"size": 10**15}, "declares 1000000000000000 bytes"),
        ({"size": -1}, "declares -1 bytes"),
        ({"offset": 10**15}, "truncated"),
        ({"offset": -1}, "truncated"),
        ({"shard_id": 7}, "data file 7 of 1"),
        ({"shard_id": -1}, "data file -1 of 1"),
    ],
)
def test_hostile_entries(folder: Callable[[str], Path], change: dict[str, int], text: str):
    path = folder("classifier")
    change_entry(path, **change)
    assert text in refusal(path)


def test_hostile_tables():
    good = table_of({b"a": b"1", b"b": b"2"})
    assert sorted_table.read_table(good, "t") == {b"a": b"1", b"b": b"2"}
    cases = {
        "longer than its block": table_of({b"a": b"1"}, shared=5),
        "not the index": good[:-8] + bytes(8),
        "checksum": b"x" + good[1:],
        "ends at byte": good[:-48] + (varint(0) * 2 + varint(2**62) * 2).ljust(40, b"\0") + good[-8:],
        "does not end": good[:-48] + b"\xff" * 40 + good[-8:],
    }
    for text, data in cases.items():
        with pytest.raises(ModelFileError, match=text):
            sorted_table.read_table(data, "t")


def test_keys_that_fill_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sorted_table, "MAX_TEXT_BYTES", 1000)
    keys = {bytes([65 + k]) * 40: b"" for k in range(20)}
    assert len(sorted_table.read_table(table_of(keys), "t")) == 20
    with pytest.raises(ModelFileError, match="more than 1000 bytes"):
        sorted_table.read_table(table_of(keys | {b"z" * 300: b""}), "t")


def test_a_config_that_asks_for_more_than_there_is(folder: Callable[[str], Path]):
    path = folder("classifier")
    file = path / "keras_metadata.pb"
    metadata = tensorflow_messages.parse("SavedMetadata", file.read_bytes(), "")
    for node in metadata.nodes:
        node.metadata = node.metadata.replace('"units": 4', '"units": 400000')
    file.write_bytes(metadata.SerializeToString())
    assert "has room for" in refusal(path)


def test_configs_that_are_no_config(folder: Callable[[str], Path]):
    path = folder("classifier")
    file = path / "keras_metadata.pb"
    metadata = tensorflow_messages.parse("SavedMetadata", file.read_bytes(), "")
    whole = metadata.nodes[0].metadata
    cases = {
        '{"a": ' * 900 + "0" + "}" * 900: "nested too deep",
        "[" * 10**6: "is not JSON",
        "[]": "accepted: an object",
        '{"class_name": "Sequential"}': "without a config",
        '{"config": {}, "class_name": "Mine", "keras_version": "2.4.0"}': "is a Mine",
        whole.replace('"keras_version"', '"version"'): "has no keras_version",
        whole.replace('"name": "lstm"', '"name": "other"'): "layer 'other' of its config is not in its checkpoint",
        whole.replace('"use_bias": true', '"use_bias": false'): "holds the weight 'bias'",
    }
    for text, message in cases.items():
        metadata.nodes[0].metadata = text
        file.write_bytes(metadata.SerializeToString())
        assert message in refusal(path, LstmIrError)


def test_checksums():
    """Source: RFC 3720, appendix B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283
    data = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    state = crc32c(data)  # by lanes; the same one byte at a time
    plain = 0xFFFFFFFF
    for byte in data:
        plain ^= byte
        for _ in range(8):
            plain = plain >> 1 ^ (0x82F63B78 if plain & 1 else 0)
    assert state == plain ^ 0xFFFFFFFF
