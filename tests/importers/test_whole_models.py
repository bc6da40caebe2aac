"""Whole models of every kind, from files: reference and compiled module against what their framework predicted."""

from pathlib import Path

import numpy as np
import pytest

import lstm_ir
from lstm_ir.importers import read_model
from lstm_ir.reference import run_model

DATA = Path(__file__).parent / "data" / "whole"
SAMPLES = sorted(path.name for path in DATA.iterdir() if path.suffix in (".keras", ".h5"))


def recorded(name: str) -> tuple[dict[str, np.ndarray], list[np.ndarray], list[np.ndarray]]:
    with np.load(DATA / f"{name}.npz") as arrays:
        inputs = {key.removeprefix("x:"): arrays[key] for key in arrays if key.startswith("x:")}
        first, again = ([arrays[key] for key in sorted(arrays) if key[0] == letter] for letter in "yn")
    return inputs, first, again


def test_every_kind_is_there_from_both_frameworks():
    kinds = {name.split(".")[0] for name in SAMPLES}
    names = (
        "classifier",
        "documents",
        "forecast",
        "listener",
        "merges",
        "reader",
        "resets",
        "stream",
        "tagger",
        "translator",
    )
    assert kinds == {f"{keras}_{name}" for keras in ("k2", "k3") for name in names}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_reference_is_what_the_framework_predicted(name: str):
    inputs, expected, again = recorded(name)
    model = read_model(DATA / name)
    result = run_model(model, inputs)
    for mine, right in zip(result.outputs, expected, strict=True):
        np.testing.assert_allclose(mine, right, atol=2e-6)
    if again:
        result = run_model(model, inputs, initial_state=result.states)
        for mine, right in zip(result.outputs, again, strict=True):
            np.testing.assert_allclose(mine, right, atol=2e-6)


# The reference has agreed with both frameworks; compiling each kind once tells what the compiler makes of it.
COMPILED = [name for name in SAMPLES if name[:2] == ("k2" if name[3] in "cdmt" else "k3") and "stream" not in name]


@pytest.mark.parametrize("name", COMPILED)
def test_the_module_is_what_the_framework_predicted(name: str):
    inputs, expected, _ = recorded(name)
    # The form that compiles fastest; kernels of scans have tests of their own.
    found = lstm_ir.compile(DATA / name, form="loop")(inputs)
    for mine, right in zip(found if isinstance(found, list) else [found], expected, strict=True):
        np.testing.assert_allclose(mine, right, atol=5e-6)


def test_a_stream_goes_on_as_in_the_framework_and_in_pieces_too():
    name = next(name for name in SAMPLES if name.startswith("k2_stream"))
    module = lstm_ir.compile(DATA / name)
    inputs, *calls = recorded(name)
    state = module.make_state(2)
    for expected in calls:
        for mine, right in zip(module(inputs, state=state), expected, strict=True):
            np.testing.assert_allclose(mine, right, atol=5e-6)
    x = np.random.default_rng(8).standard_normal((2, 12, 3)).astype(np.float32)
    whole, pieces = module.make_state(2), module.make_state(2)
    at_once = module(x, state=whole)
    for piece in np.split(x, [1, 4, 9], axis=1):
        last = module(piece, state=pieces)
    for mine, right in zip(last, at_once, strict=True):
        np.testing.assert_allclose(mine, right, atol=1e-6)
    for key, value in whole.numpy().items():
        np.testing.assert_allclose(pieces.numpy()[key], value, atol=1e-6)


GRAPHS = DATA.parent / "graphs"


@pytest.mark.parametrize(
    ("name", "calls", "outputs"),
    [
        ("k2_add.keras", ["left", "right", "together"], ["together"]),
        ("k2_embedding.keras", ["words", "lstm_15"], ["lstm_15"]),
        ("k2_initial_state.h5", ["first", "second"], ["second"]),
        ("k3_initial_state.h5", ["first", "second"], ["second"]),
        ("k2_nested.keras", ["inside/lstm_16", "dense_6"], ["dense_6"]),
        ("k2_mask_input.h5", ["lstm_14/mask", "lstm_14"], ["lstm_14"]),
        ("k3_mask_input.keras", ["lstm_14/mask", "lstm_14"], ["lstm_14"]),
        ("k2_output_order.keras", ["first"], ["first/c", "first/h", "first"]),
        ("k3_inner_output.h5", ["first", "head"], ["first", "head"]),
        ("k3_states_dropped.h5", ["first"], ["first"]),
        ("k3_states_inside.h5", ["first", "dense_5"], ["dense_5"]),
        ("k2_shared.keras", ["shared", "shared:1"], ["shared:1"]),
        ("k3_fork.h5", ["wide", "lstm_13", "dense_4"], ["lstm_13", "dense_4"]),
    ],
)
def test_graphs_are_read_call_by_call(name: str, calls: list[str], outputs: list[str]):
    model = read_model(GRAPHS / name)
    assert [call.name for call in model.calls] == calls
    assert list(model.output_names) == outputs
    # Only the first call of each layer starts from the module's state, and none that starts from the graph.
    fed = {call.name for call in model.calls if call.initial_state}
    assert fed == ({"second"} if "initial_state" in name else set())
    assert {cell.path for cell in model.recurrences() if cell.state is None} == fed
