"""lstm-ir bench: what is timed is checked, peers say what the model says, and the tables say what was found."""

import subprocess
import sys
import time

import numpy as np
import pytest

import lstm_ir
from lstm_ir.errors import ArgumentError
from lstm_ir.layers import GRU, LSTM, Bidirectional, CuDNNLSTM, Dense, Masking, Sequential
from lstm_ir.reference import run_model
from lstm_ir.tools.bench import contest, machine
from lstm_ir.tools.bench.contest import Rules, run_case
from lstm_ir.tools.bench.disturbance import watch_others
from lstm_ir.tools.bench.network import InexpressibleError, network_of, reorder_gates
from lstm_ir.tools.bench.own_programs import Compilation, compile_case
from lstm_ir.tools.bench.peer import Peer, Program
from lstm_ir.tools.bench.peers import PEERS, peers_named
from lstm_ir.tools.bench.picture import ratio_picture
from lstm_ir.tools.bench.results import Report, geometric_mean
from lstm_ir.tools.bench.suite import ALL_SHAPES, QUICK_SHAPES, Shape, shapes_named, suite_case
from lstm_ir.tools.bench.tables import report_tables
from lstm_ir.tools.bench.timing import MIN_TURNS, Contestant, Timing, time_in_turns
from lstm_ir.tools.console import print_result

TINY = Shape(2, 3, 4, 5)
FAST = ("--peers", "none", "--seconds", "0", "--no-peaks")


@pytest.fixture
def suite(command):
    """Run the suite on a tiny shape without peers."""
    return lambda *options, shapes="2,3,4,5": command("bench", "--suite", "--shapes", shapes, *FAST, *options)


class Stub(Peer):
    """A peer that answers what it is told to."""

    name = "stub"
    packages = ("numpy",)
    distribution = "numpy"

    def __init__(self, answer):
        self.answer = answer

    def prepare(self, network, x, mask, threads):
        if isinstance(self.answer, Exception):
            raise self.answer
        model = suite_case(TINY).model
        outputs = run_model(model, x).outputs
        return Program(lambda: [output + self.answer for output in outputs], list)


@pytest.fixture(scope="module")
def tiny_module():
    return compile_case(suite_case(TINY), Compilation())


@pytest.fixture
def against(tiny_module):
    """The result of a tiny case beside a stub."""
    return lambda answer: run_case(suite_case(TINY), Rules((Stub(answer),), Compilation(), seconds=0.0), tiny_module)


# the command


def test_the_suite_as_json(suite):
    outcome = suite("--json", shapes="2,3,4,5 1,2,3,4")
    assert outcome.code == 0
    found = outcome.json
    assert found["is_right"] is True
    assert found["machine"] is None
    assert found["geometric_mean"] is None
    assert [case["case"]["sizes"] for case in found["cases"]] == [
        {"B": 2, "T": 3, "I": 4, "U": 5},
        {"B": 1, "T": 2, "I": 3, "U": 4},
    ]
    own = found["cases"][0]["own"]
    assert own["status"] == "timed"
    assert own["forms"].keys() == {"lstm_0"}
    assert own["calls"] >= MIN_TURNS
    assert 0 < own["best_us"] <= own["median_us"] <= own["p99_us"]
    assert own["step_us"] == pytest.approx(own["median_us"] / 3)
    assert own["check"]["is_right"] is True
    assert "float64" in own["check"]["against"]
    assert 0 < own["check"]["largest_difference"] < 1e-5
    assert found["cases"][0]["others_cpus"] is None or found["cases"][0]["others_cpus"] >= 0
    assert found["cases"][0]["flop"] == 3 * 8 * 2 * (4 + 5) * 5


def test_the_suite_as_a_table(suite):
    outcome = suite()
    assert outcome.code == 0
    assert "2,3,4,5" in outcome.out
    assert "every number timed; ours at most" in outcome.out


def test_wrong_numbers_of_ours_are_exit_code_1(suite, monkeypatch):
    from lstm_ir.tools.bench import case

    right = case.run_model

    def shifted(*arguments):
        result = right(*arguments)
        return type(result)([output + 1 for output in result.outputs], result.states)

    monkeypatch.setattr(case, "run_model", shifted)
    outcome = suite()
    assert outcome.code == 1
    assert "WRONG" in outcome.out
    found = suite("--json").json
    assert found["is_right"] is False
    assert found["cases"][0]["own"]["status"] == "wrong"
    assert "median_us" not in found["cases"][0]["own"]


def test_every_form(suite):
    case = suite("--forms", "all", "--json").json["cases"][0]
    forms = {form["name"]: form for form in case["forms"]}
    assert "loop" in forms
    assert all(form["check"]["is_right"] for form in forms.values())
    assert case["best_form"] in forms
    assert case["choice_over_best_form"] > 0
    assert {name.partition(",")[0] for name in forms} | set(case["refused_forms"]) == {
        *("loop", "unrolled", "persistent", "cooperative")
    }


def test_variants(suite, monkeypatch):
    kept = ("plain", "masked", "batch-major", "training")
    monkeypatch.setattr(contest, "VARIANTS", {name: contest.VARIANTS[name] for name in kept})
    (result,) = suite("--variants", "--json").json["variants"]
    assert tuple(entry["name"] for entry in result["variants"]) == kept
    for entry in result["variants"]:
        assert entry["check"]["is_right"] is True
        assert "float64" in entry["check"]["against"]
        assert entry["over_plain"] > 0


def test_one_step_per_call(suite):
    (result,) = suite("--step", "--json", shapes="1,6,3,4").json["steps"]
    assert result["own"]["calls"] % 6 == 0
    assert result["own"]["check"]["is_right"] is True
    assert "float64" in result["own"]["check"]["against"]
    assert "one step" in suite("--step", shapes="1,6,3,4").out


def test_a_model_and_its_artifact(command, classifier, classifier_artifact):
    found = command("bench", classifier, "--batch", "2", "--time", "4", "--json", *FAST).json["cases"][0]
    assert found["case"]["input_shape"] == [2, 4, 12]
    assert "float64" in found["own"]["check"]["against"]
    with_model = command("bench", classifier_artifact, "--model", classifier, "--time", "4", "--json", *FAST)
    assert "float64" in with_model.json["cases"][0]["own"]["check"]["against"]
    alone = command("bench", classifier_artifact, "--time", "4", "--json", *FAST).json["cases"][0]
    assert alone["own"]["check"]["against"] == "its own first call"
    assert alone["own"]["check"]["largest_difference"] == 0
    assert alone["fma_fraction"] is None


def test_refused_artifacts(command, classifier, masked_artifact, training_artifact):
    other = command("bench", masked_artifact, "--model", classifier, *FAST)
    assert other.code == 1
    assert "made from another model" in other.error
    training = command("bench", training_artifact, *FAST)
    assert training.code == 3
    assert "compiled with --training" in training.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either a model or an artifact, or --suite"),
        (["m.keras", "--suite"], "either a model or an artifact, or --suite"),
        (["m.keras", "--variants"], "--variants and --step: only together with --suite"),
        (["m.keras", "--shapes", "quick"], "only together with --suite"),
        (["m.keras", "--model", "m.keras"], "--model: only together with an artifact"),
        (["m.vmfb", "--form", "loop"], "an artifact, which is compiled already"),
        (["m.vmfb", "--forms", "all"], "an artifact, which is compiled already"),
        (["--suite", "--forms", "some"], "--forms: got 'some', expected all"),
        (["--suite", "--batch", "2"], "only without --suite"),
        (["--suite", "--peers", "torch,cudnn"], "--peers: got 'torch,cudnn', expected all, none, or some of torch"),
        (["--suite", "--shapes", "1,2,3"], "--shapes: got '1,2,3'"),
        (["--suite", "--shapes", "1,2,3,0"], "--shapes: got '1,2,3,0'"),
        (["--suite", "--picture", "a.pdf"], "--picture: got a.pdf, expected a name ending in .svg or .png"),
        (["--suite", "--step", "--picture", "a.svg"], "--picture: draws the ratios of shapes"),
    ],
)
def test_usage(command, arguments, message):
    outcome = command("bench", *arguments)
    assert outcome.code == 2
    assert message in outcome.error


def test_a_file_that_is_not_there(command, tmp_path):
    for name in ("missing.keras", "missing.vmfb"):
        outcome = command("bench", tmp_path / name, *FAST)
        assert outcome.code == 1
        assert name in outcome.error


# peers


def test_a_peer_that_agrees_is_timed(against):
    result = against(0.0)
    (peer,) = result.peers
    assert peer.status == "timed"
    assert peer.check.against == "lstm-ir"
    assert result.best_peer is peer
    assert result.ratio == pytest.approx(peer.timing.median_us / result.own.timing.median_us)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (0.1, "wrong", "wrong: 1.0e-01 from lstm-ir"),
        (np.nan, "wrong", "wrong: inf from lstm-ir"),
        (InexpressibleError("masks: none"), "left out", "masks: none"),
        (ValueError("no such\noperator"), "left out", "it failed: ValueError: no such"),
    ],
)
def test_a_peer_that_does_not(against, answer, status, reason, capsys):
    result = against(answer)
    (peer,) = result.peers
    assert (peer.status, peer.timing) == (status, None)
    assert peer.reason.startswith(reason)
    assert (result.best_peer, result.ratio) == (None, None)
    print_result(*report_tables(Report(None, {"stub": {"version": "1", "missing": None}}, {}, [result])))
    assert f"stub: {reason}" in capsys.readouterr().out


def test_a_peer_that_is_not_installed(against, monkeypatch):
    monkeypatch.setattr(Stub, "packages", ("numpy", "lstm_peer_of_nobody"))
    result = against(0.0)
    assert result.peers[0].reason == "not installed: lstm_peer_of_nobody"


def _layer(**options):
    return LSTM(5, **({"recurrent_activation": "sigmoid", "return_sequences": True} | options))


NETWORKS = {
    "time-major": [_layer(time_major=True)],
    "batch-major, last output": [_layer(return_sequences=False)],
    "backwards": [_layer(go_backwards=True, time_major=True)],
    "backwards, last output": [_layer(go_backwards=True, return_sequences=False)],
    "states": [_layer(return_state=True, use_bias=False)],
    "two layers and Dense": [_layer(), Bidirectional(_layer()), Dense(3, "softmax")],
    "sum": [Bidirectional(_layer(), merge_mode="sum")],
    "both": [Bidirectional(_layer(return_state=True), merge_mode=None)],
    "last of both": [Bidirectional(_layer(return_sequences=False), merge_mode="ave")],
    "hard_sigmoid": [_layer(recurrent_activation="hard_sigmoid")],
    "relu": [_layer(activation="relu")],
    "mask": [_layer()],
    "mask, backwards, zeroes": [_layer(go_backwards=True, zero_output_for_mask=True, time_major=True)],
    "Masking": [Masking(0.0), Bidirectional(_layer())],
}
EXPRESSIBLE = set(NETWORKS) - {"mask", "mask, backwards, zeroes", "Masking"}
CAN_SAY = {
    "torch": EXPRESSIBLE - {"hard_sigmoid", "relu"},
    "onnxruntime": EXPRESSIBLE,
    "openvino": EXPRESSIBLE - {"hard_sigmoid"},
    "tensorflow": set(NETWORKS),
    "tensorflow-xla": set(NETWORKS),
    "jax": set(NETWORKS),
}


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_what_a_peer_can_say_it_says_right(peer):
    if peer.missing() is not None:
        pytest.skip(peer.missing())
    random = np.random.default_rng(0)
    for name, layers in NETWORKS.items():
        model = Sequential([type(layer).from_config(layer.get_config()) for layer in layers])
        model.build((None, None, 4))
        model.set_weights([random.normal(size=weight.shape) / 2 for weight in model.get_weights()])
        x = random.normal(size=(6, 3, 4)).astype(np.float32)
        x[2] = 0
        mask = random.random((6, 3)) < 0.6 if name.startswith("mask") else None
        if name not in CAN_SAY[peer.name]:
            with pytest.raises(InexpressibleError, match=r"mask|activation"):
                peer.prepare(network_of(model), x, mask, None)
            continue
        program = peer.prepare(network_of(model), x, mask, None)
        expected = run_model(model, x, mask).outputs
        outputs = program.fetch(program.call())
        assert len(outputs) == len(expected)
        for mine, right in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(mine, right, atol=1e-5, err_msg=f"{peer.name}: {name}")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_steps_of_a_peer(peer):
    if peer.missing() is not None:
        pytest.skip(peer.missing())
    case = suite_case(Shape(2, 5, 3, 4))
    if peer.name.startswith("tensorflow"):
        with pytest.raises(InexpressibleError):
            peer.prepare_step(case.network, case.x, None)
        return
    stepper = peer.prepare_step(case.network, case.x, None)
    for _ in range(2):  # the second time from zeros again
        stepper.reset()
        steps = np.stack([stepper.fetch(stepper.step()) for _ in range(5)])
        np.testing.assert_allclose(steps, case.expected[0], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("onnx_torch_tagger.onnx", "onnxruntime"),
        ("torch_stack.pt", "torch"),
        ("whole/k2_translator.keras", "tensorflow"),
    ],
)
def test_files_that_a_peer_reads_itself(samples, name, peer):
    (peer,) = peers_named(peer)
    if peer.missing() is not None:
        pytest.skip(peer.missing())
    random = np.random.default_rng(0)
    model = lstm_ir.read_model(samples / name)
    inputs = {
        x.name: random.integers(0, 5, (2, 5)).astype(np.int32)
        if x.value_dtype == "int32"
        else random.standard_normal((2, 7, x.shape[-1])).astype(np.float32)
        for x in model.inputs
    }
    program = peer.prepare_file(samples / name, model.source, inputs, None)
    expected = run_model(model, inputs).outputs
    outputs = program.fetch(program.call())
    assert len(outputs) == len(expected)
    for mine, right in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(mine, right, atol=1e-5)
    for other in PEERS:
        if other.missing() is None and other is not peer and not other.name.startswith("tensorflow"):
            with pytest.raises(InexpressibleError, match="a graph; it is given chains of layers"):
                other.prepare_file(samples / name, model.source, inputs, None)


def test_an_onnx_model_beside_its_runtime(command, samples):
    model = samples / "onnx_torch_tagger.onnx"
    options = ("--peers", "ort", "--time", "6", *FAST[2:])
    case = command("bench", model, *options, "--json").json["cases"][0]
    assert case["own"]["check"]["is_right"] is True
    assert "float64" in case["own"]["check"]["against"]
    if peers_named("ort")[0].missing() is None:
        assert case["peers"][0]["status"] == "timed"
        assert case["ratio"] > 0


def test_a_graph_of_several_inputs(command, samples):
    found = command("bench", samples / "whole" / "k2_merges.h5", "--form", "loop", *FAST, "--json").json["cases"][0]
    assert found["own"]["check"]["is_right"] is True
    assert found["case"]["input_shapes"] == {"left": [1, 6, 2], "right": [1, 6, 2]}


def test_networks_that_are_refused():
    layer = LSTM(3, dtype="float64")
    layer.build((None, None, 2))
    with pytest.raises(InexpressibleError, match="float64"):
        network_of(Sequential([layer]))
    for other in (GRU(3), CuDNNLSTM(3), Bidirectional(GRU(3))):
        other.build((None, None, 2))
        with pytest.raises(InexpressibleError, match="is not given to peers"):
            network_of(Sequential([other]))
    artifact = suite_case(TINY)
    with pytest.raises(InexpressibleError, match="--model"):
        _ = type(artifact)("a", None, artifact.x, 2, 3).network


def test_gates_change_places():
    columns = np.arange(8).reshape(1, 8)  # i i f f c c o o
    np.testing.assert_array_equal(reorder_gates(columns, "iofc"), [[0, 1, 6, 7, 2, 3, 4, 5]])


def test_peers_by_name():
    assert peers_named("all") == PEERS
    assert peers_named("none") == ()
    assert [peer.name for peer in peers_named("ORT, torch,pytorch")] == ["torch", "onnxruntime"]


# the suite, the clock, the machine


def test_the_suite_has_the_shapes_that_goals_are_about():
    assert set(QUICK_SHAPES) <= set(ALL_SHAPES)
    assert shapes_named("8,60,30,75 1,2,3,4")[0] in ALL_SHAPES
    texts = {str(shape) for shape in ALL_SHAPES}
    assert {"32,60,128,128 2 layers bidirectional", "1,300,512,512", "1,63,96,32 bidirectional"} <= texts
    with pytest.raises(ArgumentError, match="got nothing"):
        shapes_named(" ")


def test_figures():
    timing = Timing.of([1000 * k for k in range(1, 102)])
    assert (timing.calls, timing.median_us, timing.p99_us, timing.best_us) == (101, 51.0, 100.0, 1.0)
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)
    assert geometric_mean([]) is None


def test_everybody_has_turns():
    calls = []
    free = Contestant("free", lambda: calls.append("free"))
    counted = Contestant("counted", lambda: len(calls), before_turn=lambda: calls.append("reset"), calls=4)
    time_in_turns([free, counted], 0.0)
    assert len(counted.nanoseconds) == 4 * MIN_TURNS
    assert len(counted.results) == 4
    assert calls.count("reset") == 2 * MIN_TURNS
    assert len(free.nanoseconds) % MIN_TURNS == 0
    assert free.results == [None]


def test_what_other_programs_do():
    with watch_others() as alone:
        time.sleep(0.2)
    spin = "import time\nend = time.perf_counter() + 5\nwhile time.perf_counter() < end: pass"
    with subprocess.Popen([sys.executable, "-c", spin]) as other:
        with watch_others() as beside:
            time.sleep(0.5)
        other.kill()
    if alone.cpus is None:
        pytest.skip("the system does not tell")
    assert beside.cpus > 0.2


def test_the_machine(monkeypatch):
    monkeypatch.setattr(machine, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(machine, "_ROUND_FMAS", 10_000)
    monkeypatch.setattr(machine, "_ROUND_BYTES", 1 << 20)
    monkeypatch.setattr(machine, "_MEMORY_BYTES", 1 << 20)
    found = machine.measure_machine(threads=1)
    assert found.workers == 1
    assert found.cpu
    assert found.lanes in (4, 8, 16)
    assert found.fma_one_core > 1e8
    assert [level.name for level in found.bandwidths][-1] == "memory"
    assert all(level.one_core > 1e7 for level in found.bandwidths)
    assert found.holding(1) is found.bandwidths[0]
    assert found.holding(1 << 60).name == "memory"


def test_the_picture(against):
    pytest.importorskip("matplotlib")
    report = Report(None, {}, {}, [against(0.0)])
    picture = ratio_picture(report, ".svg")
    assert b"2,3,4,5" in picture
    assert f"{report.cases[0].ratio:.2f}  stub".encode() in picture
    assert picture == ratio_picture(report, ".svg")
    assert ratio_picture(report, ".png").startswith(b"\x89PNG")
    with pytest.raises(ArgumentError, match="nothing to draw"):
        ratio_picture(Report(None, {}, {}), ".svg")


def test_the_command_draws(command, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("lstm_ir.tools.bench.session.peers_named", lambda _: (Stub(0.0),))
    path = tmp_path / "ratios.svg"
    outcome = command("bench", "--suite", "--shapes", "2,3,4,5 2,3,4,5", *FAST, "--picture", path)
    assert outcome.code == 0
    assert b"<svg" in path.read_bytes()
    assert "geometric mean" in outcome.out


def test_a_module_is_timed_as_it_is_loaded(suite):
    own = suite("--threads", "1", "--fixed", "--json").json["cases"][0]["own"]
    assert own["driver"] == "local-sync"
