"""Files that are missing, cut, damaged, contradictory or hostile: one clear line, nothing read that is not theirs."""

import io
import os
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from lstm_ir.errors import ArgumentTypeError, LstmIrError, ModelFileError, UnsupportedError
from lstm_ir.importers import hdf5_access, keras_archive, read_model

DATA = Path(__file__).parent / "data"
H5, ARCHIVE = DATA / "k2_masked_classifier.h5", DATA / "k3_hard_sigmoid.keras"
KERNEL = "model_weights/encoder/encoder/lstm_cell/kernel:0"
RECURRENT = "model_weights/encoder/encoder/lstm_cell/recurrent_kernel:0"


def refusal(path, kind=ModelFileError):
    with pytest.raises(kind) as caught:
        read_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def written(path, content):
    path.write_bytes(content)
    return path


def test_missing(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.keras")


def test_a_folder(tmp_path):
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    assert "SavedModel" in refusal(tmp_path, UnsupportedError)


def test_empty(tmp_path):
    assert "is empty" in refusal(written(tmp_path / "m.h5", b""))


def test_not_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")


def test_not_a_path():
    with pytest.raises(ArgumentTypeError, match="path is int"):
        read_model(3)


def test_a_null_in_the_name():
    with pytest.raises(ModelFileError, match=r"cannot be read|does not exist"):
        read_model("model\0.h5")


@pytest.mark.parametrize("content", [b"\x89HDF", b"PK", b"not a model at all", b"\0" * 4096])
def test_neither_zip_nor_hdf5(tmp_path, content):
    assert "neither a zip archive nor HDF5" in refusal(written(tmp_path / "m.keras", content))


@pytest.mark.parametrize("sample", [H5, ARCHIVE], ids=lambda p: p.name)
@pytest.mark.parametrize("share", [0.001, 0.01, 0.3, 0.6, 0.9, 0.999])
def test_truncated(tmp_path, sample, share):
    content = sample.read_bytes()
    path = written(tmp_path / sample.name, content[: max(10, int(len(content) * share))])
    assert "truncated" in refusal(path)


@pytest.mark.parametrize("sample", [H5, ARCHIVE], ids=lambda p: p.name)
def test_no_damage_escapes_as_another_error(tmp_path, sample):
    """Whatever byte is altered, the model is read or refused; no other exception comes out."""
    rng = np.random.default_rng(7)
    content = bytearray(sample.read_bytes())
    messages = []
    for position in rng.integers(0, len(content), 150):
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(rng.integers(0, 8))
        try:
            read_model(written(tmp_path / "m", damaged))
        except LstmIrError as error:
            messages.append(str(error))
    assert len(messages) > 10
    assert not any("\n" in message for message in messages)


def test_zip_without_the_members(tmp_path):
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "0 members 'metadata.json'" in refusal(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
    assert "0 members 'config.json'" in refusal(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    assert "0 members 'model.weights.h5'" in refusal(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.weights.json", "{}")
    assert "shards" in refusal(path, UnsupportedError)
    zipfile.ZipFile(path, "w").close()
    assert "0 members" in refusal(path)


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe{}", b"[1]", b"null", b"[" * 100_000])
def test_broken_json(tmp_path, text):
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", b"")
    assert "config.json is" in refusal(path)


def test_broken_json_in_hdf5(changed_h5):
    def edit(file):
        file.attrs["model_config"] = file.attrs["model_config"][:-20]

    assert "model_config is not JSON" in refusal(changed_h5(H5.name, edit))


def test_texts_that_the_hdf5_library_would_not_survive(tmp_path):
    """It allocates what a text claims to have, and loops for ever in a heap of zeros: neither is left to it."""
    sample = DATA / "k3_zero_output.h5"
    content = bytearray(sample.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 4096] = bytes(4080)
    assert f"heap of texts at byte {heap} is damaged" in refusal(written(tmp_path / "zeros.h5", content))

    content = bytearray(sample.read_bytes())
    reference = content.index(struct.pack("<QI", heap, 1)) - 4  # where the first text of the heap is referred to
    content[reference + 3] = 0xFF
    assert "declares 4278190" in refusal(written(tmp_path / "long.h5", content))


def test_a_member_given_twice(tmp_path, changed_keras):
    path = changed_keras(ARCHIVE.name)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    assert "2 members 'config.json'" in refusal(path)


def test_weights_that_are_not_hdf5(tmp_path):
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(ARCHIVE) as archive, zipfile.ZipFile(path, "w") as target:
        for name in ("metadata.json", "config.json"):
            target.writestr(name, archive.read(name))
        target.writestr("model.weights.h5", b"nothing" * 1000)
    assert "model.weights.h5 is not readable HDF5" in refusal(path)


# What the file says must agree with its config.


def replace(name, array):
    def edit(file):
        del file[name]
        file[name] = array

    return edit


def remove(name):
    return lambda file: file.__delitem__(name)


def test_wrong_shape(changed_h5, changed_keras):
    message = refusal(changed_h5(H5.name, replace(KERNEL, np.zeros((3, 20), "f4"))))
    assert "layer 'encoder': weight 'encoder/lstm_cell/kernel:0' has shape (3, 20)" in message
    assert "says (8, 20)" in message
    path = changed_keras(ARCHIVE.name, weights=replace("layers/lstm/cell/vars/1", np.zeros((4, 4), "f4")))
    message = refusal(path)
    assert "layer 'lstm' (layers/lstm): weight 'recurrent_kernel'" in message
    assert "(4, 4)" in message
    assert "(4, 16)" in message


def test_wrong_dtype(changed_h5):
    assert "has dtype float64" in refusal(changed_h5(H5.name, replace(KERNEL, np.zeros((8, 20), "f8"))))


def test_a_group_where_a_weight_should_be(changed_h5):
    def edit(file):
        del file[KERNEL]
        file.create_group(KERNEL)

    assert "is not a dataset" in refusal(changed_h5(H5.name, edit))


def test_missing_weights(changed_h5, changed_keras):
    assert "is listed and not in the file" in refusal(changed_h5(H5.name, remove(KERNEL)))
    assert "has no group" in refusal(changed_h5(H5.name, remove("model_weights/encoder")))
    assert "no group model_weights" in refusal(changed_h5(H5.name, remove("model_weights")))
    path = changed_keras(ARCHIVE.name, weights=remove("layers/lstm/cell/vars/2"))
    assert "weight 'bias' (cell/vars/2) is not in the file" in refusal(path)
    assert "has no weights in the file" in refusal(changed_keras(ARCHIVE.name, weights=remove("layers/dense")))
    assert "no group 'layers'" in refusal(changed_keras(ARCHIVE.name, weights=remove("layers")))


def test_a_layer_that_is_not_listed(changed_h5):
    def edit(file):
        names = [n for n in file["model_weights"].attrs["layer_names"] if n != "encoder"]
        file["model_weights"].attrs["layer_names"] = names

    assert "no weights of layer 'encoder'" in refusal(changed_h5(H5.name, edit))


def test_half_written(changed_h5):
    """A writer that died leaves groups without attributes, or datasets never written."""

    def no_names(file):
        del file["model_weights/encoder"].attrs["weight_names"]

    def unwritten(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, (8, 20), "f4")

    assert "lacks the attribute weight_names" in refusal(changed_h5(H5.name, no_names))
    assert "needs 640 bytes and the file holds 0" in refusal(changed_h5(H5.name, unwritten))


def test_extra_weights(changed_h5, changed_keras):
    def more(file):
        group = file["model_weights/encoder"]
        group.attrs["weight_names"] = [*group.attrs["weight_names"], "encoder/lstm_cell/bias:0"]

    def other_layer(file):
        group = file["model_weights/padding"]
        group.attrs["weight_names"] = ["padding/scale:0"]

    def top(file):
        file["model_weights/top_level_model_weights"].attrs["weight_names"] = ["scale:0"]

    assert "has 4 weights in the file" in refusal(changed_h5(H5.name, more))
    assert "layer 'padding', which the config says has none" in refusal(changed_h5(H5.name, other_layer))
    assert "of the model itself" in refusal(changed_h5(H5.name, top))

    def third(file):
        file["layers/dense/vars/2"] = np.zeros(3, "f4")

    def stranger(file):
        file["layers/dense_1/vars/0"] = np.zeros(3, "f4")

    assert "holds the weight vars/2" in refusal(changed_keras(ARCHIVE.name, weights=third))
    assert "layers/dense_1/vars/0" in refusal(changed_keras(ARCHIVE.name, weights=stranger))


def test_random_generators_are_not_weights(changed_keras):
    """Some versions of Keras 3 save the generators of dropout beside the weights."""

    def edit(file):
        file["layers/lstm/seed_generator/vars/0"] = np.zeros(2, "u4")
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, "u4")

    path = changed_keras("k3_masked_classifier.keras", weights=edit)
    assert read_model(path).name == "classifier"


def test_the_order_is_that_of_weight_names(changed_h5):
    """Two weights of one shape: the list decides which is which, as in Keras."""
    sample = "k2_stateful.h5"
    (kernel, recurrent, _), *_ = (layer.get_weights() for layer in read_model(DATA / sample).layers[1:])
    names = ["a", "b", "bias"]

    def config(model):
        model["config"]["layers"][2]["config"]["units"] = 4

    def edit(file):
        group = file["model_weights"][file["model_weights"].attrs["layer_names"][1]]
        for name, shape in zip(names, ((4, 16), (4, 16), (16,)), strict=True):
            group[name] = np.full(shape, len(name) + ord(name[0]), "f4")
        group.attrs["weight_names"] = ["b", "a", "bias"]

    assert kernel.shape != recurrent.shape  # not of the sample itself
    weights = read_model(changed_h5(sample, edit, config)).layers[1].get_weights()
    assert [int(w.flat[0]) for w in weights] == [1 + ord("b"), 1 + ord("a"), 4 + ord("b")]


def test_texts_as_bytes_and_long_lists_in_pieces(changed_h5):
    """Older writers kept bytes, and lists too long for one attribute in name0, name1, ..."""

    def edit(file):
        group = file["model_weights"]
        names = [n.encode() for n in group.attrs["layer_names"]]
        del group.attrs["layer_names"]
        group.attrs["layer_names0"], group.attrs["layer_names1"] = np.array(names[:2]), np.array(names[2:])
        encoder = group["encoder"]
        encoder.attrs["weight_names"] = np.array([n.encode() for n in encoder.attrs["weight_names"]])
        file.attrs["keras_version"] = np.bytes_(b"2.4.0")
        file.attrs["model_config"] = np.bytes_(file.attrs["model_config"].encode())

    expected = read_model(H5).get_weights()
    for a, b in zip(read_model(changed_h5(H5.name, edit)).get_weights(), expected, strict=True):
        np.testing.assert_array_equal(a, b)


# Hostile files: nothing outside the file is read, and nothing large is allocated on the file's word.


def test_links_are_not_followed(changed_h5, changed_keras, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.ones((8, 20), "f4")

    def external(file):
        del file[KERNEL]
        file[KERNEL] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/kernel")

    def external_group(file):
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(H5), "/model_weights")

    def soft(file):
        file["elsewhere"] = np.ones((8, 20), "f4")
        del file[KERNEL]
        file[KERNEL] = h5py.SoftLink("/elsewhere")

    def beside(file):
        file["layers/lstm/cell/vars/9"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/kernel")

    assert "is of type ExternalLink" in refusal(changed_h5(H5.name, external))
    assert "is of type ExternalLink" in refusal(changed_h5(H5.name, external_group))
    assert "is of type SoftLink" in refusal(changed_h5(H5.name, soft))
    assert "is of type ExternalLink" in refusal(changed_keras(ARCHIVE.name, weights=beside))


def test_data_in_other_files_is_not_read(changed_h5, tmp_path):
    written(tmp_path / "secret.bin", b"\1" * 640)

    def external_storage(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, (8, 20), "f4", external=[(str(tmp_path / "secret.bin"), 0, 640)])

    def virtual(file):
        with h5py.File(tmp_path / "secret.h5", "w") as other:
            other["kernel"] = np.ones((8, 20), "f4")
        layout = h5py.VirtualLayout((8, 20), "f4")
        layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "kernel", (8, 20))
        del file[KERNEL]
        file.create_virtual_dataset(KERNEL, layout)

    assert "lies in another file" in refusal(changed_h5(H5.name, external_storage))
    assert "lies in another file" in refusal(changed_h5(H5.name, virtual))


def test_names_do_not_leave_the_group(changed_h5):
    def edit(file):
        file["model_weights/encoder"].attrs["weight_names"] = ["../head/head/kernel:0", "/x", "y"]

    assert "not a path that Keras writes" in refusal(changed_h5(H5.name, edit))


def test_a_group_that_contains_itself(changed_keras):
    def edit(file):
        file["layers/lstm/again"] = file["layers"]

    assert "contains itself" in refusal(changed_keras(ARCHIVE.name, weights=edit))


def test_huge_declared_shapes(changed_h5):
    def wrong(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, (2**20, 2**20), "f4", chunks=(1024, 1024), compression="gzip")

    assert "has shape (1048576, 1048576)" in refusal(changed_h5(H5.name, wrong))

    def compressed(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, data=np.zeros((8, 20), "f4"), compression="gzip")

    assert "the file holds" in refusal(changed_h5(H5.name, compressed))


def test_config_asking_for_more_than_the_file_holds(changed_keras):
    def config(model):
        model["config"]["layers"][1]["config"]["units"] = 10**9

    assert "bytes of weights" in refusal(changed_keras(ARCHIVE.name, config=config))


def declare(path, member, size):
    """Changes a member's declared (uncompressed) size in the archive's directory."""
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(member.encode()))
    struct.pack_into("<I", content, entry + 24, size)
    path.write_bytes(content)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_absurd_declared_sizes(changed_keras, member):
    path = changed_keras(ARCHIVE.name)
    declare(path, member, 0xF0000000)
    assert f"{member!r} declares 4026531840 bytes" in refusal(path)


def test_a_member_that_expands_too_far(changed_keras, monkeypatch, tmp_path):
    """What is read is bounded, also where the archive's own figures agree with each other."""
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", b" " * 3_000_000)
    monkeypatch.setattr(keras_archive, "MAX_TEXT_BYTES", 1_000_000)
    assert "'metadata.json' is larger than 1000000 bytes" in refusal(path)

    weights = io.BytesIO()
    monkeypatch.setattr(keras_archive, "_WEIGHTS_MARGIN", 10_000)
    with zipfile.ZipFile(ARCHIVE) as archive:
        weights.write(archive.read("model.weights.h5") + b"\0" * 5_000_000)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name in ("metadata.json", "config.json"):
                target.writestr(name, archive.read(name))
            target.writestr("model.weights.h5", weights.getvalue())
    assert "'model.weights.h5' is larger than" in refusal(path)


def test_an_encrypted_member(changed_keras):
    path = changed_keras(ARCHIVE.name)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 8] |= 1
    path.write_bytes(content)
    assert "encrypted" in refusal(path)


def test_a_large_attribute(changed_h5, monkeypatch):
    monkeypatch.setattr(hdf5_access, "MAX_TEXT_BYTES", 1000)

    def edit(file):
        file.attrs["model_config"] = np.bytes_(b" " * 4000)

    assert "declares 4000 bytes" in refusal(changed_h5(H5.name, edit))


@pytest.mark.parametrize("value", [3, np.zeros(4), np.bytes_(b"\xff\xfe")])
def test_an_attribute_that_is_not_text(changed_h5, value):
    def edit(file):
        file.attrs["model_config"] = value

    assert "model_config" in refusal(changed_h5(H5.name, edit))


def test_without_h5py(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModelFileError, match=r"h5py.*lstm-ir\[compiler\]"):
        read_model(H5)


def test_importing_the_importers_loads_no_h5py():
    import subprocess
    import sys

    code = (
        "import sys, lstm_ir.importers; print(sorted({'h5py', 'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
