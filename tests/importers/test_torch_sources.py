"""What is found in state_dicts and live modules, by names and shapes; live ones against PyTorch itself."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest

import lstm_ir
from lstm_ir import from_torch
from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.importers import read_model
from lstm_ir.layers import Functional
from lstm_ir.reference import run_model

torch = pytest.importorskip("torch")
Module = torch.nn.Module
TOLERANCE = 3e-5


def results_of(module, x: np.ndarray, lengths: list[int] | None = None, states=None) -> list[np.ndarray]:
    """Output, h_n and c_n of PyTorch; with lengths, those of the sequences packed."""
    given = torch.from_numpy(x).to(next(module.parameters()).dtype)
    steps = x.shape[1 if module.batch_first else 0]
    if lengths is not None:
        given = torch.nn.utils.rnn.pack_padded_sequence(
            given, torch.tensor(lengths), batch_first=module.batch_first, enforce_sorted=False
        )
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of projections that it does not hurry
        output, states = module(given, states)
    if lengths is not None:
        output, _ = torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=module.batch_first, total_length=steps)
    finals = states if isinstance(states, tuple) else (states,)
    return [tensor.double().numpy() for tensor in (output, *finals)]


def drawn(module, batch: int, steps: int, seed: int = 0) -> np.ndarray:
    shape = (batch, steps) if module.batch_first else (steps, batch)
    return np.random.default_rng(seed).standard_normal((*shape, module.input_size)).astype(np.float32)


def mask_for(module, lengths: list[int], steps: int) -> np.ndarray:
    mask = np.arange(steps) < np.array(lengths)[:, np.newaxis]
    return mask if module.batch_first else mask.T


def agree(found, expected, tolerance: float = TOLERANCE) -> None:
    for mine, right in zip(found, expected, strict=True):
        assert mine.shape == right.shape
        np.testing.assert_allclose(mine.astype(np.float64), right, rtol=0, atol=tolerance)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"proj_size": 2}, {"bias": False, "proj_size": 1}])
def test_the_description_means_what_pytorch_computes(batch_first, bidirectional, layers, options):
    torch.manual_seed(layers)
    module = torch.nn.LSTM(
        3, 4, layers, bidirectional=bidirectional, batch_first=batch_first, dropout=0.3 if layers > 1 else 0, **options
    ).eval()
    model = from_torch(module)
    x = drawn(module, 3, 5)
    agree(run_model(model, x).outputs, results_of(module, x), 1e-6)
    lengths = [5, 1, 3]
    agree(run_model(model, x, mask_for(module, lengths, 5)).outputs, results_of(module, x, lengths), 1e-6)


def test_a_live_module_compiled_at_several_sizes_with_masks_and_states():
    torch.manual_seed(0)
    module = torch.nn.LSTM(5, 6, 2, batch_first=True, dropout=0.5).eval()
    compiled = lstm_ir.compile(module)
    for batch, steps in ((3, 7), (1, 1), (2, 4)):
        x = drawn(module, batch, steps)
        agree(compiled(x), results_of(module, x))
        lengths = [steps, 1, 2][:batch]
        agree(compiled(x, mask=mask_for(module, lengths, steps)), results_of(module, x, lengths))
    h, c = np.random.default_rng(1).uniform(-1, 1, (2, 2, 2, 6)).astype(np.float32)
    initial = {f"lstm_l{k}/{name}": part[k] for name, part in (("h", h), ("c", c)) for k in range(2)}
    states = (torch.from_numpy(h), torch.from_numpy(c))
    agree(compiled(x, initial_state=initial), results_of(module, x, states=states))


def test_with_a_projection_the_state_is_what_is_projected():
    torch.manual_seed(0)
    module = torch.nn.LSTM(3, 4, proj_size=2)
    x, h, c = drawn(module, 2, 5), np.full((1, 2, 2), 0.3, np.float32), np.full((1, 2, 4), -0.4, np.float32)
    projection = module.weight_hr_l0.detach().numpy()
    initial = {"lstm_l0/h": h[0] @ np.linalg.pinv(projection).T, "lstm_l0/c": c[0]}
    expected = results_of(module, x, states=(torch.from_numpy(h), torch.from_numpy(c)))
    agree(run_model(from_torch(module), x, initial_state=initial).outputs, expected, 1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float16", 4e-3), ("bfloat16", 2e-2)])
def test_other_dtypes(tmp_path, dtype, tolerance):
    torch.manual_seed(0)
    module = torch.nn.LSTM(3, 4).to(getattr(torch, dtype))
    save = pytest.importorskip("safetensors.torch").save_file
    torch.save(module.state_dict(), tmp_path / "w.pt")
    save(module.state_dict(), tmp_path / "w.safetensors")
    # In a dtype that PyTorch computes in too, so that x is the same for both.
    x = torch.from_numpy(drawn(module, 2, 5)).to(getattr(torch, dtype)).double().numpy()
    for source in (module, tmp_path / "w.pt", tmp_path / "w.safetensors"):
        model = from_torch(source)
        assert {layer.compute_dtype for layer in model.layers} == {dtype}
        agree(run_model(model, x).outputs, results_of(module, x), tolerance)


# names and prefixes


def network(**parts) -> "Module":
    return torch.nn.ModuleDict(parts)


@pytest.fixture
def saved(tmp_path) -> Callable[..., str]:
    def save(value, **options) -> str:
        torch.save(value, tmp_path / "w.pt", **options)
        return str(tmp_path / "w.pt")

    return save


def same(first: Functional, second: Functional) -> bool:
    return first.get_config() == second.get_config() and all(
        np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True)
    )


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_files_and_objects_say_the_same(saved, tmp_path, protocol):
    rnn = torch.nn.LSTM(3, 4, 2, bidirectional=True)
    whole = network(encoder=network(rnn=rnn), head=torch.nn.Linear(8, 2))
    expected = from_torch(rnn)
    checkpoint = {
        "epoch": 3,
        "model": whole.state_dict(),
        "optimizer": torch.optim.Adam(whole.parameters()).state_dict(),
    }
    save = pytest.importorskip("safetensors.torch").save_file
    save(whole.state_dict(), tmp_path / "w.safetensors")
    assert same(from_torch(rnn.state_dict()), expected)
    assert same(from_torch({name: value.numpy() for name, value in rnn.state_dict().items()}), expected)
    assert same(from_torch(whole, "encoder.rnn"), expected)
    assert same(from_torch(whole.state_dict(), "encoder.rnn."), expected)
    assert same(from_torch(tmp_path / "w.safetensors", prefix="encoder.rnn"), expected)
    assert same(from_torch(saved(whole.state_dict(), pickle_protocol=protocol), "encoder.rnn"), expected)
    assert same(from_torch(saved(checkpoint, pickle_protocol=protocol), "model.encoder.rnn"), expected)
    assert same(from_torch(saved(dict(rnn.named_parameters()), pickle_protocol=protocol)), expected)
    assert same(read_model(saved(rnn.state_dict())), expected)


def test_views_of_one_storage_are_read_as_they_are(saved):
    rnn = torch.nn.LSTM(3, 4)
    rnn.flatten_parameters()
    flat = torch.cat([value.flatten() for value in rnn.state_dict().values()])
    state, place = {}, 0
    for name, value in rnn.state_dict().items():
        state[name] = flat[place : place + value.numel()].view(value.shape)
        place += value.numel()
    assert same(from_torch(saved(state)), from_torch(rnn))
    transposed = {name: value.T.contiguous().T if value.ndim == 2 else value for name, value in state.items()}
    assert same(from_torch(saved(transposed)), from_torch(rnn))


def test_several_lstms_need_a_prefix(saved):
    both = network(a=torch.nn.LSTM(3, 4), b=torch.nn.LSTM(3, 4)).state_dict()
    for source in (both, saved(both)):
        with pytest.raises(ArgumentError, match=r"holds 2 nn\.LSTM, give the prefix of one: 'a', 'b'"):
            from_torch(source)
        with pytest.raises(
            ArgumentError, match=r"prefix: got 'c', no nn\.LSTM, nn\.GRU or nn\.RNN has it .* found 'a', 'b'"
        ):
            from_torch(source, "c")
    with pytest.raises(ArgumentError, match="prefix"):
        read_model(saved(both))


def test_what_is_left_out_is_said_unless_it_is_meant():
    whole = network(rnn=torch.nn.LSTM(3, 4), norm=torch.nn.LayerNorm(4), head=torch.nn.Linear(4, 2)).state_dict()
    with pytest.warns(UserWarning, match=r"only the nn.LSTM 'rnn' is compiled; left out: 'norm\.\S+', .*'head\.bias'"):
        from_torch(whole)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_torch(whole, "rnn")


def test_the_layout_of_a_live_module_is_its_own():
    module = torch.nn.LSTM(3, 4, batch_first=True)
    assert not from_torch(module).layers[0].time_major
    assert not from_torch(module, batch_first=True).layers[0].time_major
    assert from_torch(module.state_dict()).layers[0].time_major
    assert not from_torch(module.state_dict(), batch_first=True).layers[0].time_major
    with pytest.raises(ArgumentError, match="batch_first: got False, the module has True"):
        from_torch(module, batch_first=False)


class Own(torch.nn.LSTM):
    pass


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (torch.nn.Linear(2, 3), "a module Linear without an nn.LSTM"),
        (torch.nn.LSTMCell(2, 3), "without an nn.LSTM"),
        (network(a=torch.nn.LSTM(2, 3)), r"torch\.onnx\.export .* give the prefix of one: 'a'"),
        (Own(2, 3), "derives from nn.LSTM"),
        ({k: v.int() for k, v in torch.nn.LSTM(2, 3).state_dict().items()}, "int32; accepted: one of float32"),
    ],
)
def test_other_things_are_refused_by_name(source, message):
    with pytest.raises(UnsupportedError, match=message):
        from_torch(source)


def test_one_of_several_kinds_needs_a_prefix():
    both = network(gru=torch.nn.GRU(2, 3), rnn=torch.nn.LSTM(2, 3)).state_dict()
    with pytest.raises(ArgumentError, match=r"holds 2 nn\.GRU and nn\.LSTM, give the prefix of one: 'gru', 'rnn'"):
        from_torch(both)
    assert from_torch(both, "gru").name == "gru"
    assert from_torch(both, "rnn").name == "lstm"


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["GRU", "RNN"])
def test_gru_and_rnn_mean_what_pytorch_computes(kind, batch_first, bidirectional):
    torch.manual_seed(3)
    for options in ({"num_layers": 2, "dropout": 0.3}, {"bias": False}, {"nonlinearity": "relu"}):
        if "nonlinearity" in options and kind == "GRU":
            continue
        module = getattr(torch.nn, kind)(3, 4, bidirectional=bidirectional, batch_first=batch_first, **options).eval()
        model = from_torch(module)
        assert list(model.output_names) == ["output", "h_n"]
        x, lengths = drawn(module, 3, 5), [5, 1, 3]
        agree(run_model(model, x).outputs, results_of(module, x), 1e-6)
        agree(run_model(model, x, mask_for(module, lengths, 5)).outputs, results_of(module, x, lengths), 1e-6)


def test_gru_and_rnn_compiled_with_masks_and_states():
    torch.manual_seed(4)
    modules = [torch.nn.GRU(5, 6, 2, batch_first=True), torch.nn.RNN(5, 6, nonlinearity="relu", bidirectional=True)]
    for module in modules:
        compiled = lstm_ir.compile(module.eval())
        for batch, steps in ((3, 7), (1, 1)):
            x, lengths = drawn(module, batch, steps), [steps, 1, 2][:batch]
            agree(compiled(x), results_of(module, x))
            agree(compiled(x, mask=mask_for(module, lengths, steps)), results_of(module, x, lengths))
        names = [spec.name for spec in compiled.states]
        h = np.random.default_rng(1).uniform(-1, 1, (len(names), 2, 6)).astype(np.float32)
        x = drawn(module, 2, 4)
        expected = results_of(module, x, None, torch.from_numpy(h))
        agree(compiled(x, initial_state=dict(zip(names, h, strict=True))), expected)


def test_the_weights_of_an_rnn_do_not_say_what_it_applies(saved):
    module = torch.nn.RNN(3, 4, nonlinearity="relu")
    for source in (module.state_dict(), saved(module.state_dict())):
        with pytest.raises(ArgumentError, match=r"nonlinearity: .* holds the weights of an nn\.RNN"):
            from_torch(source)
        x = drawn(module, 2, 3)
        agree(run_model(from_torch(source, nonlinearity="relu"), x).outputs, results_of(module, x), 1e-6)
    with pytest.raises(ArgumentError, match="nonlinearity: got 'tanh', the module has 'relu'"):
        from_torch(module, nonlinearity="tanh")
    with pytest.raises(ArgumentError, match="nonlinearity: got 'sigmoid'"):
        from_torch(module, nonlinearity="sigmoid")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("weight_hh_l0"), "weight_hh_l0 is missing"),
        (lambda s: s.pop("weight_ih_l0"), "weight_ih_l0 is missing"),
        (lambda s: s.pop("bias_hh_l1_reverse"), "bias_hh_l1_reverse is missing"),
        (lambda s: [s.pop(k) for k in list(s) if "_l0_reverse" in k], r"has shape .* expected|is missing"),
        (lambda s: s.update(weight_ih_l3=s.pop("weight_ih_l1")), "weight_ih_l1 is missing"),
        (lambda s: s.update(weight_ih_l1=s["weight_ih_l0"]), r"weight_ih_l1 has shape \(16, 3\), expected \(16, 8\)"),
        (lambda s: s.update(bias_ih_l0=s["weight_ih_l0"]), "bias_ih_l0 has shape"),
        (lambda s: s.update(weight_hr_l1=s["weight_ih_l0"]), "weight_hr_l1 does not go with the other weights"),
    ],
)
def test_weights_that_contradict_each_other(change, message):
    state = torch.nn.LSTM(3, 4, 2, bidirectional=True).state_dict()
    change(state)
    with pytest.raises(ArgumentError, match=message):
        from_torch(state)


def test_mixed_dtypes_are_refused():
    state = torch.nn.LSTM(3, 4).state_dict()
    state["bias_ih_l0"] = state["bias_ih_l0"].double()
    with pytest.raises(UnsupportedError, match="float32, float64; accepted"):
        from_torch(state)


def test_arguments_of_a_wrong_type():
    with pytest.raises(ArgumentTypeError, match="source: got int"):
        from_torch(3)
    with pytest.raises(ArgumentTypeError, match="prefix: got 3"):
        from_torch({}, 3)
    with pytest.raises(ArgumentTypeError, match="batch_first: got 'yes'"):
        from_torch({}, batch_first="yes")
    with pytest.raises(ArgumentTypeError, match="'a' is a int"):
        from_torch({"a": 1})
    with pytest.raises(ArgumentError, match=r"holds no weights of an nn\.LSTM"):
        from_torch({})
