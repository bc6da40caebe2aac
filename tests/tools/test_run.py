"""lstm-ir run."""

import numpy as np
import pytest

import lstm_ir
from lstm_ir.layers import LSTM, Add, FunctionalBuilder, InputLayer
from lstm_ir.runtime import host_features


@pytest.fixture
def x(inputs):
    return inputs(np.random.default_rng(0).standard_normal((2, 5, 12)).astype("f4"))


def test_summary_and_npy(command, classifier_artifact, x, tmp_path):
    target = tmp_path / "y.npy"
    outcome = command("run", classifier_artifact, "--input", x, "--output", target)
    assert (outcome.code, outcome.err) == (0, "")
    assert "speaker" in outcome.out
    assert "(2, 9)" in outcome.out
    np.testing.assert_array_equal(np.load(target), lstm_ir.load(classifier_artifact)(np.load(x)))


def test_npz_holds_outputs_and_states_and_a_run_goes_on_from_it(command, masked_artifact, inputs, tmp_path):
    whole = np.random.default_rng(0).standard_normal((2, 6, 3)).astype("f4")
    module = lstm_ir.load(masked_artifact)
    state = module.make_state(2)
    target = tmp_path / "all.npz"
    for part in (whole[:, :3], whole[:, 3:]):
        path = inputs(part)
        more = ["--initial-state", target] if target.exists() else []
        assert command("run", masked_artifact, "-i", path, "-o", target, *more).code == 0
        module(part, state=state)
    saved = np.load(target, allow_pickle=False)
    assert set(saved.files) == {spec.name for spec in (*module.outputs, *module.states)}
    for name, value in state.numpy().items():
        np.testing.assert_array_equal(saved[name], value)


def test_a_state_that_the_library_saved(command, masked_artifact, inputs, tmp_path):
    module = lstm_ir.load(masked_artifact)
    part = np.random.default_rng(0).standard_normal((2, 3, 3)).astype("f4")
    state = module.make_state(2)
    module(part, state=state)
    state.save(tmp_path / "s.npz")
    outcome = command("run", masked_artifact, "-i", inputs(part), "--initial-state", tmp_path / "s.npz", "-o",
                      tmp_path / "y.npz")  # fmt: skip
    assert outcome.code == 0
    module(part, state=state)
    for name, value in state.numpy().items():
        np.testing.assert_array_equal(np.load(tmp_path / "y.npz")[name], value)


def test_json_names_and_numbers_that_json_lacks(command, classifier_artifact, inputs):
    x = np.zeros((1, 2, 12), "f4")
    x[0, 0, 0] = np.nan
    outcome = command("run", classifier_artifact, "-i", f"coefficients={inputs(x)}", "--json", "--threads", "1")
    result = outcome.json
    assert result["device"] == "local-sync"
    (output,) = result["outputs"]
    assert (output["name"], output["shape"], output["max"]) == ("speaker", [1, 9], "nan")


def test_mask(command, masked_artifact, inputs, tmp_path):
    x = np.random.default_rng(0).standard_normal((2, 4, 3)).astype("f4")
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool)
    target = tmp_path / "y.npz"
    arguments = ["run", masked_artifact, "-i", inputs(x), "-o", target]
    assert command(*arguments, "--mask", inputs(mask, "m.npy")).code == 0
    module = lstm_ir.load(masked_artifact)
    result = module(x, mask=mask)
    first = result[0] if isinstance(result, list) else result
    np.testing.assert_array_equal(np.load(target)[module.outputs[0].name], first)
    outcome = command(*arguments, "--mask", inputs(np.ones((2, 5)), "m.npy"))
    assert outcome.code == 1
    assert "mask: must be (batch, time) = (2, 4)" in outcome.error


def test_inputs_and_masks_of_a_model_with_several(command, inputs, tmp_path):
    artifact, target = tmp_path / "m.vmfb", tmp_path / "y.npy"
    module = lstm_ir.compile(_with_masks_for_both(), output=artifact, form="loop")
    random = np.random.default_rng(0)
    x = {name: random.standard_normal((2, steps, 3)).astype("f4") for name, steps in (("left", 4), ("right", 6))}
    mask = {name: random.random(array.shape[:2]) < 0.6 for name, array in x.items()}
    files = {name: inputs(array, f"{name}.npy") for name, array in x.items()}
    masks = {name: inputs(array, f"{name}_mask.npy") for name, array in mask.items()}
    for kind, arrays in (("inputs", x), ("masks", mask)):
        np.savez(tmp_path / f"{kind}.npz", **arrays)
    named = ["--input", f"right={files['right']}", "--input", files["left"]]
    for options, wanted in (
        ([*named, "--mask", f"right={masks['right']}"], {"right": mask["right"]}),
        ([*named, "--mask", f"right={masks['right']}", "--mask", masks["left"]], mask),
        (["--input", tmp_path / "inputs.npz", "--mask", tmp_path / "masks.npz"], mask),
    ):
        outcome = command("run", artifact, *options, "-o", target)
        assert (outcome.code, outcome.err) == (0, "")
        np.testing.assert_array_equal(np.load(target), module(x, mask=wanted))
    for options, code, message in (
        (["--mask", f"up={masks['left']}"], 1, "--mask: none is taken for 'up', masks are taken for left, right"),
        (["--mask", f"left={masks['left']}", "--mask", f"left={masks['left']}"], 2, "'left' is given twice"),
        (["--mask", masks["left"]] * 3, 1, "got 3"),
        (["--mask", tmp_path / "inputs.npy"], 1, "cannot be read"),
    ):
        outcome = command("run", artifact, *named, *options)
        assert outcome.code == code
        assert message in outcome.error


def _with_masks_for_both():
    builder = FunctionalBuilder("both")
    last = []
    for name in ("left", "right"):
        x = builder.input(InputLayer((None, None, 3), name=name))
        last += builder.call(LSTM(2, name=f"of_{name}"), [x])
    return builder.model(builder.call(Add(name="sum"), last))


def test_a_mask_where_none_is_taken(command, classifier_artifact, x, inputs):
    outcome = command("run", classifier_artifact, "-i", x, "--mask", inputs(np.ones((2, 5)), "m.npy"))
    assert outcome.code == 1
    assert "layer 'masking' computes the mask" in outcome.error


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 12), "f4"), "must have 3 axes"),
        (np.zeros((2, 5, 12), "i4"), "must be floating"),
        (np.zeros((2, 5, 13), "f4"), "axis 2 must have size 12"),
        (np.array(["a"]), "got strings"),
        (np.array([1, None], object), "holds Python objects"),
        (np.zeros((2, 0, 12), "f4"), "at least 1 step"),
    ],
    ids=["rank", "dtype", "features", "strings", "objects", "steps"],
)
def test_arrays_that_do_not_fit(command, classifier_artifact, inputs, tmp_path, array, message):
    outcome = command("run", classifier_artifact, "-i", inputs(array), "-o", tmp_path / "y.npy")
    assert outcome.code == 1
    assert message in outcome.error
    assert not (tmp_path / "y.npy").exists()


def test_files_that_are_no_arrays(command, classifier_artifact, x, tmp_path):
    whole = x.read_bytes()
    for name, data, message in (
        ("cut.npy", whole[:300], "is damaged"),
        ("head.npy", whole[:20], "is damaged"),
        ("empty.npy", b"", "is empty"),
        ("text.npy", b"1 2 3", "is not a NumPy file"),
        ("pickle.npy", b"\x80\x04K\x01.", "is not a NumPy file"),
        ("zip.npy", b"PK\x03\x04", "is a zip archive"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        outcome = command("run", classifier_artifact, "-i", path)
        assert outcome.code == 1
        assert f"--input: {path} {message}" in outcome.error
    assert "cannot be read: No such file" in command("run", classifier_artifact, "-i", tmp_path / "no.npy").error


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-i", "y={x}"], 1, "no input 'y', its inputs are coefficients"),
        (["-i", "{x}", "-i", "{x}"], 1, "takes 1 (coefficients), got 2"),
        (["-i", "coefficients={x}", "-i", "coefficients={x}"], 2, "given twice"),
        (["-i", "{x}", "-o", "y.txt"], 2, "ends in .npy or .npz"),
        (["-i", "{x}", "-o", "/no/y.npy"], 1, "folder /no does not exist"),
        (["-i", "{x}", "--device", "abacus"], 1, "no such device"),
        (["-i", "{x}", "--threads", "0"], 1, "threads"),
        (["-i", "{x}", "--initial-state", "{x}"], 1, "is not an .npz file"),
    ],
)
def test_refusals(command, classifier_artifact, x, arguments, code, message):
    outcome = command("run", classifier_artifact, *(argument.format(x=x) for argument in arguments))
    assert outcome.code == code
    assert message in outcome.error


def test_initial_states_that_do_not_fit(command, masked_artifact, inputs, tmp_path):
    x = inputs(np.zeros((2, 4, 3), "f4"))
    spec = lstm_ir.load(masked_artifact).states[0]
    path = tmp_path / "s.npz"
    for states, message in (
        ({"nobody": np.zeros((2, 4), "f4")}, "unknown 'nobody'"),
        ({spec.name: np.zeros((3, spec.shape[1]), "f4")}, spec.name),
        ({spec.name: np.array([None], object)}, "holds Python objects"),
    ):
        np.savez(path, **states)
        outcome = command("run", masked_artifact, "-i", x, "--initial-state", path)
        assert outcome.code == 1
        assert message in outcome.error


def test_artifacts_cut_or_altered(command, classifier_artifact, x, tmp_path):
    whole = classifier_artifact.read_bytes()
    path = tmp_path / "bad.vmfb"
    altered = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in (0, 5000, len(whole) - 40)]
    for data in (whole[:-1], whole[:4000], b"", b"not a module", *altered):
        path.write_bytes(data)
        outcome = command("run", path, "-i", x)
        assert outcome.code == 1
        assert outcome.error.startswith("artifact")
    assert "cannot be read" in command("run", tmp_path / "no.vmfb", "-i", x).error


def test_artifacts_of_other_machines(command, redescribed, x):
    for target, message in (
        ({"arch": "riscv64"}, "made for riscv64"),
        ({"features": ["avx2", "avx512er"]}, "avx512er"),
        ({"backend": "cuda"}, "cuda"),
    ):
        outcome = command("run", redescribed(**target), "-i", x)
        assert outcome.code == 1
        assert message in outcome.error


@pytest.mark.skipif("avx" not in host_features() or "avx512f" in host_features(), reason="needs x86-64 without AVX-512")
def test_an_artifact_for_a_cpu_with_more(command, masked_model, inputs, tmp_path):
    target = tmp_path / "wide.vmfb"
    assert command("compile", masked_model, "-o", target, "--target-cpu", "x86-64-v4").code == 0
    outcome = command("run", target, "-i", inputs(np.zeros((1, 2, 3), "f4")))
    assert outcome.code == 1
    assert "avx512f" in outcome.error
