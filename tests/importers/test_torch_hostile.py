"""Files of PyTorch that are damaged or hostile: refused with one line, nothing run, no memory filled."""

import contextlib
import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_ir import from_torch
from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers import read_model

DATA = Path(__file__).parent / "data"
STACK = DATA / "torch_stack.pt"


def refusal(path: Path, kind: type[Exception] = ModelFileError) -> str:
    tracemalloc.start()
    with pytest.raises(kind) as caught:
        from_torch(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


class Ref:
    """Pickles as a call, or as a name."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture
def archive(tmp_path) -> Callable[..., Path]:
    """Write an archive as torch.save does; a member given as None is left out."""

    def write(data: bytes, root: str = "m", compression: int = zipfile.ZIP_STORED, **members: bytes | None) -> Path:
        path = tmp_path / "m.pt"
        files = {"data.pkl": data, "byteorder": b"little", **{f"data/{k}": v for k, v in members.items()}}
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, content in files.items():
                if content is not None:
                    file.writestr(f"{root}/{name}", content)
        return path

    return write


def tensor(key: str, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, count: int = 24) -> bytes:
    """The pickle of a tensor, up to and without STOP, as torch.save writes it."""

    def number(value: int) -> bytes:
        return b"\x8a\x08" + struct.pack("<q", value)

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    text = b"X" + struct.pack("<I", len(key)) + key.encode()
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + text + b"X\x03\x00\x00\x00cpu" + number(count) + b"tQ"
    )
    rest = number(offset) + numbers(shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"tR"


def state_dict(**tensors: bytes) -> bytes:
    items = b"".join(b"X" + struct.pack("<I", len(name)) + name.encode() + value for name, value in tensors.items())
    return b"\x80\x02}(" + items + b"u."


def lstm(first: bytes) -> bytes:
    """An nn.LSTM of 1 unit without biases whose input weights are these."""
    return state_dict(weight_ih_l0=first, weight_hh_l0=tensor("1", (4, 1), (1, 1)))


def test_the_builder_of_these_tests_makes_what_is_read(archive):
    path = archive(lstm(tensor("0", (4, 2), (2, 1))), **{"0": bytes(32), "1": bytes(16)})
    assert from_torch(path).count_params() == 12
    column_major = archive(lstm(tensor("0", (4, 2), (1, 4))), **{"0": bytes(32), "1": bytes(16)})
    assert from_torch(column_major).count_params() == 12


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("hostile", "name"),
    [
        (Ref(os.system, "touch ran"), "posix.system"),
        (Ref(eval, "open('ran', 'w')"), "builtins.eval"),
        (Ref(getattr, "x", "y"), "builtins.getattr"),
        (os.system, "posix.system"),
        (Path("x"), "pathlib"),
    ],
)
def test_other_names_are_refused_and_not_run(archive, tmp_path, monkeypatch, hostile, name, protocol):
    monkeypatch.chdir(tmp_path)
    path = archive(pickle.dumps({"weight_ih_l0": hostile}, protocol))
    assert name.replace("builtins", "__builtin__" if protocol < 3 else "builtins") in refusal(path)
    assert not Path("ran").exists()
    with pytest.raises(ModelFileError):
        read_model(path)


def test_a_pickled_module_is_refused_by_its_class():
    assert "'torch.nn.modules.rnn.LSTM'" in refusal(DATA / "torch_module.pt")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x02ccollections\nOrderedDict\n(X\x01\x00\x00\x00atR.", "unexpected arguments"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", "unexpected arguments"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "unexpected arguments"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "NEWOBJ"),
        (b"\x80\x02(I1\nios\nsystem\n.", "INT"),
        (b"\x80\x02}X\x01\x00\x00\x00ab.", "attributes"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x0c\x00\x00\x00__defaults__)sb.", "attributes"),
        (b"\x80\x02NQ.", "damaged"),
        (b"\x80\x02K\x01K\x02R.", "damaged"),
        (b"\x80\x02h\x07.", "damaged"),
        (b"\x80\x02((.", "damaged"),
        (b"\x80\x02t.", "damaged"),
        (b"\x80\x02}(K\x01u.", "damaged"),
        (b"\x80\x02}]K\x01s.", "key of type"),
        (b"\x80\x02X\xff\xff\xff\x7fabc.", "damaged"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fa.", "damaged"),
        (b"\x80\x02}", "truncated|damaged"),
        (b"", "truncated|damaged"),
        (b"\xff\xff", "damaged"),
        (b"\x80\x02]q\x00h\x00a.", "holds a list"),
    ],
)
def test_pickles_that_do_something_else(archive, data, message):
    path = archive(data)
    with pytest.raises(ModelFileError, match=message):
        from_torch(path)


def test_a_dict_in_itself_ends(archive):
    assert "deep" in refusal(archive(b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."))


def test_dicts_that_multiply_are_refused(archive):
    """Each dict holds the one before many times: few bytes, more entries than any memory."""
    data = b"\x80\x02}(K\x00}q\x00"
    for level in range(1, 7):
        keys = b"".join(b"K" + bytes([k]) + b"h" + bytes([level - 1]) for k in range(100))
        data += b"K" + bytes([level]) + b"}q" + bytes([level]) + b"(" + keys + b"u"
    assert "more than 100000 entries" in refusal(archive(data + b"u."))


def test_names_that_multiply_are_refused(archive):
    """A long key in front of many."""
    key = b"X" + struct.pack("<I", 10_000_000) + b"a" * 10_000_000
    inner = b"}(" + b"".join(b"M" + struct.pack("<H", k) + b"}" for k in range(60_000)) + b"u"
    assert "names longer than 1000" in refusal(archive(b"\x80\x02}" + key + inner + b"s."))


def test_a_name_that_is_no_text_is_not_shown(archive):
    """A tuple of tuples that double: written out it would fill any memory."""
    doubling = b"K\x01q\x00" + b"".join(b"h\x00h\x00\x86r" + struct.pack("<I", 0) for _ in range(60))
    assert "no text" in refusal(archive(b"\x80\x04" + doubling + b"\x8c\x01a\x93."))
    long = b"c" + b"a" * 1_000_000 + b"\nb\n."
    assert len(refusal(archive(b"\x80\x02" + long))) < 1000


def test_a_projection_of_many_units_is_refused_before_it_is_multiplied(archive):
    """W_hh W_hr is units by units, however few numbers the file holds."""
    units = 20_000
    data = state_dict(
        weight_ih_l0=tensor("0", (4 * units, 1), (1, 1)),
        weight_hh_l0=tensor("0", (4 * units, 1), (1, 1)),
        weight_hr_l0=tensor("0", (1, units), (1, 1)),
    )
    assert "proj_size" in refusal(archive(data, **{"0": bytes(16 * units)}), UnsupportedError)


@pytest.mark.parametrize(
    "record",
    [
        tensor("0", (4, 3), (3, 1)),
        tensor("0", (4, 2), (2, 1), offset=1),
        tensor("0", (4, 2), (2**40, 1)),
        tensor("0", (4, 2**40), (0, 0)),
        tensor("0", (4, 2**40), (2**40, 1), count=2**42),
        tensor("0", (4, 3), (0, 0)),
    ],
)
def test_views_outside_their_storage(archive, record):
    assert "does not fit its storage of 8 elements" in refusal(
        archive(lstm(record), **{"0": bytes(32), "1": bytes(16)})
    )


@pytest.mark.parametrize(
    "record",
    [
        tensor("0", (4, -2), (2, 1)),
        tensor("0", (4, 2), (2, -1)),
        tensor("0", (4, 2), (2, 1), offset=-1),
        tensor("0", (4, 2), (2,)),
        tensor("0", (4, 2**60), (2, 1)),
        tensor("../../etc/passwd", (4, 2), (2, 1)),
        tensor("0\x00", (4, 2), (2, 1)),
    ],
)
def test_records_that_cannot_be(archive, record):
    assert "damaged" in refusal(archive(lstm(record), **{"0": bytes(32), "1": bytes(16)}))


def test_a_storage_that_is_missing(archive):
    assert "no member 'm/data/0'" in refusal(archive(lstm(tensor("0", (4, 2), (2, 1))), **{"1": bytes(16)}))


def test_a_huge_layer_is_refused_before_it_is_built(archive):
    data = state_dict(
        weight_ih_l0=tensor("0", (4 * 10**6, 2), (2, 1)), weight_hh_l0=tensor("1", (4 * 10**6, 10**6), (10**6, 1))
    )
    assert "does not fit its storage" in refusal(archive(data, **{"0": bytes(32), "1": bytes(16)}))


def test_zip_bombs(archive):
    path = archive(state_dict(weight_ih_l0=tensor("0", (4, 2), (2, 1))), compression=zipfile.ZIP_DEFLATED)
    assert "is compressed" in refusal(path)
    bomb = archive(lstm(tensor("0", (4, 2), (2, 1))), **{"1": bytes(16)})
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("m/data/0", bytes(200_000_000))
    assert "is compressed" in refusal(bomb)


def test_members_that_declare_more_than_the_file(archive):
    path = archive(lstm(tensor("0", (4, 2), (2, 1))), **{"0": bytes(32), "1": bytes(16)})
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"m/data/0") - 46  # the record of the central directory in front of the name
    data[entry + 20 : entry + 28] = struct.pack("<II", 2**31, 2**31)
    path.write_bytes(data)
    assert "declares 2147483648 bytes" in refusal(path)


def test_storages_that_share_their_bytes(archive):
    path = archive(lstm(tensor("0", (4, 2), (2, 1))), **{"0": bytes(3000), "1": bytes(16)})
    data = bytearray(path.read_bytes())
    first, second = (data.rfind(name) - 46 for name in (b"m/data/0", b"m/data/1"))
    data[second + 16 : second + 28] = data[first + 16 : first + 28]  # checksum and sizes
    data[second + 42 : second + 46] = data[first + 42 : first + 46]  # where it lies
    path.write_bytes(data)
    refusal(path)


def test_folders_that_lead_elsewhere(archive):
    for root in ("..", "a/b", "", "."):
        assert "in a folder of the archive" in refusal(archive(b"\x80\x02}.", root=root))


def test_two_members_of_one_name(archive):
    path = archive(lstm(tensor("0", (4, 2), (2, 1))), **{"0": bytes(32), "1": bytes(16)})
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("m/data/0", bytes(32))
    assert "two members" in refusal(path)


def test_torchscript_and_bare_pickles_are_refused_by_name(archive, tmp_path):
    path = archive(b"\x80\x02}.")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("m/constants.pkl", b"")
    assert "TorchScript" in refusal(path, UnsupportedError)
    bare = tmp_path / "old.pt"
    bare.write_bytes(pickle.dumps(OrderedDict(a=1), 2))
    assert "bare pickle" in refusal(bare, UnsupportedError)
    with pytest.raises(UnsupportedError, match="bare pickle"):
        read_model(bare)


def test_a_file_that_is_cut_anywhere(tmp_path):
    whole, path = STACK.read_bytes(), tmp_path / "cut.pt"
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        refusal(path)


def test_a_file_with_any_byte_changed_is_read_or_refused(tmp_path):
    whole, path = STACK.read_bytes(), tmp_path / "changed.pt"
    for place in range(0, len(whole), 41):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        path.write_bytes(changed)
        with contextlib.suppress(ModelFileError, UnsupportedError):
            from_torch(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.pt")
    assert "not a regular file" in refusal(tmp_path / "pipe.pt")


def test_damaged_safetensors(tmp_path):
    path = tmp_path / "w.safetensors"

    def written(header: Any, data: bytes = b"", length: int | None = None) -> Path:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
        return path

    entry = {"dtype": "F32", "shape": [4, 2], "data_offsets": [0, 32]}
    for bad in (
        written({"a": {**entry, "shape": [2**40, 2**40]}}, bytes(32)),
        written({"a": entry}, bytes(8)),
        written({"a": {**entry, "data_offsets": [-1, 31]}}, bytes(32)),
        written({"a": {**entry, "dtype": "X"}}, bytes(32)),
        written(b"{" * 100_000),
        written({"a": entry}, bytes(32), length=2**60),
        written(b""),
    ):
        assert "not a readable .safetensors file" in refusal(bad)
    path.write_bytes(b"x")
    assert "not a readable .safetensors file" in refusal(path)
    assert "holds no weights of an nn.LSTM" in refusal(written({"a": entry}, bytes(32)))
