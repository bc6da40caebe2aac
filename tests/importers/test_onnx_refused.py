"""ONNX files that are damaged, hostile, or hold what cannot be compiled: refused by name, before anything is made."""

import itertools

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import lstm_ir
from lstm_ir.errors import ArgumentError, ModelFileError, UnsupportedError
from lstm_ir.passes.model_interface import interface_of

INPUT = ("x", TensorProto.FLOAT, ["time", "batch", 3])


@pytest.fixture
def saved(tmp_path):
    """Writes a graph of nodes and arrays; returns the file."""

    def save(nodes, arrays=(), inputs=(INPUT,), outputs=("y",), opset=17, change=None):
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info(*given) for given in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        if change is not None:
            change(model)
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return save


def lstm(**attributes):
    node = helper.make_node("LSTM", ["x", "W", "R"], ["y"], name="encoder", **{"hidden_size": 2, **attributes})
    return [node], [("W", np.ones((1, 8, 3), np.float32)), ("R", np.ones((1, 8, 2), np.float32))]


def refuses(path, error, *words):
    with pytest.raises(error) as caught:
        lstm_ir.read_model(path)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_plain_model_is_read(saved):
    model = lstm_ir.read_model(saved(*lstm()))
    assert [(given.name, given.shape) for given in model.inputs] == [("x", (None, None, 3))]
    assert model.output_names == ("y",)


@pytest.mark.parametrize(
    ("op", "attributes"),
    [("If", {}), ("Loop", {}), ("ArgMax", {}), ("QuantizeLinear", {}), ("NoSuchOperator", {})],
)
def test_operators_are_named(saved, op, attributes):
    refuses(saved([helper.make_node(op, ["x"], ["y"], name="here", **attributes)]), UnsupportedError, "here", op)


TWO_ROWS = ("x", TensorProto.FLOAT, ["time", 2, 3])


def scan(body_nodes, *, arrays=()):
    """A Scan over x with one state, whose body these nodes are."""
    names = [[helper.make_empty_tensor_value_info(name) for name in group] for group in (("h", "z"), ("next", "out"))]
    body = helper.make_graph(body_nodes, "step", *names)
    start = ("h0", np.zeros((2, 3), np.float32))
    return [helper.make_node("Scan", ["h0", "x"], ["last", "y"], name="loop", body=body, num_scan_inputs=1)], [
        start,
        *arrays,
    ]


def test_other_scans_are_named(saved):
    both = [helper.make_node("Identity", ["next"], ["out"])]
    nodes, arrays = scan([helper.make_node("Add", ["h", "z"], ["next"]), *both])
    refuses(saved(nodes, arrays, (TWO_ROWS,)), UnsupportedError, "loop", "Scan", "a step of a recurrent layer")
    # The sequence is a product here; the body is none of a cell's functions.
    product = [helper.make_node("MatMul", ["x", "K"], ["p"])]
    kernel, recurrent = (("K", np.ones((3, 3), np.float32)), ("R", np.ones((3, 3), np.float32)))
    inside = [helper.make_node("MatMul", ["h", "R"], ["q"]), helper.make_node("Add", ["z", "q"], ["s0"])]
    for body, word in (
        ([helper.make_node("Sin", ["s0"], ["next"])], "sin"),
        ([helper.make_node("Softmax", ["s0"], ["next"], axis=0)], "softmax"),
        ([helper.make_node("Add", ["s0", "nowhere"], ["next"])], "nowhere"),
    ):
        nodes, arrays = scan([*inside, *body, *both], arrays=(kernel, recurrent))
        nodes[0].input[1] = "p"
        refuses(saved([*product, *nodes], arrays, (TWO_ROWS,)), (UnsupportedError, ModelFileError), "loop", word)


def test_a_long_body_takes_no_long_time(saved):
    product = [helper.make_node("MatMul", ["x", "K"], ["p"])]
    adds = [helper.make_node("Add", ["h", "z"], ["t0"])]
    adds += [helper.make_node("Add", [f"t{k}", f"t{k}"], [f"t{k + 1}"]) for k in range(60)]
    nodes, arrays = scan(
        [*adds, helper.make_node("Identity", ["t60"], ["next"]), helper.make_node("Identity", ["next"], ["out"])],
        arrays=(("K", np.ones((3, 3), np.float32)),),
    )
    nodes[0].input[1] = "p"
    assert lstm_ir.read_model(saved([*product, *nodes], arrays, (TWO_ROWS,))).program.operations


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "word"),
    [
        ("TopK", ["x", "one"], {}, "a vector of integers"),
        ("ScatterElements", ["ids", "ids", "ids"], {}, "undoes a TopK"),
        ("Conv", ["x", "square"], {}, "kernel has 4 axes"),
        ("MaxPool", ["x"], {"kernel_shape": [2], "ceil_mode": 1}, "ceil_mode"),
        ("MaxPool", ["x"], {"kernel_shape": [1000]}, "a window of 1000"),
        ("Pad", ["x"], {"mode": "reflect"}, "mode"),
        ("Mul", ["ids", "ids"], {}, "integers"),
        ("GatherElements", ["ids", "ids"], {}, "integers"),
        ("Range", ["one", "many", "one"], {}, "numbers"),
    ],
)
def test_what_operators_cannot_do_is_named(saved, op, inputs, attributes, word):
    arrays = [
        ("one", np.array([1], np.int64)),
        ("many", np.array([1 << 40], np.int64)),
        ("square", np.ones((1, 3, 2, 2), np.float32)),
    ]
    given = (("x", TensorProto.FLOAT, ["batch", 3, "time"]), ("ids", TensorProto.INT64, ["batch"]))
    node = helper.make_node(op, inputs, ["y"], name="here", **attributes)
    refuses(saved([node], arrays, given), (UnsupportedError, ModelFileError), "here", op, word)


def test_a_condition_is_known(saved):
    branch = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["z"])], "branch", [], [helper.make_empty_tensor_value_info("z")]
    )
    nodes = [helper.make_node("If", ["yes"], ["y"], name="here", then_branch=branch, else_branch=branch)]
    refuses(saved(nodes, (), (INPUT, ("yes", TensorProto.BOOL, [1]))), UnsupportedError, "here", "at run time")


def test_other_domains_are_named(saved):
    nodes = [helper.make_node("Attention", ["x"], ["y"], name="here", domain="com.microsoft")]
    refuses(saved(nodes), UnsupportedError, "here", "com.microsoft")


@pytest.mark.parametrize(
    ("attributes", "error", "words"),
    [
        ({"direction": "sideways"}, ModelFileError, ["direction", "sideways"]),
        ({"activations": ["Sigmoid", "Tanh", "ThresholdedRelu"]}, UnsupportedError, ["ThresholdedRelu"]),
        ({"activations": ["Sigmoid"]}, ModelFileError, ["activations"]),
        ({"activation_alpha": [0.5]}, UnsupportedError, ["activation_alpha"]),
        ({"hidden_size": 7}, ModelFileError, ["hidden_size=7"]),
        ({"clip": float("nan")}, ModelFileError, ["clip"]),
        ({"clip": "wide"}, ModelFileError, ["clip"]),
    ],
)
def test_attributes_are_named(saved, attributes, error, words):
    refuses(saved(*lstm(**attributes)), error, "encoder", *words)


def test_weights_of_another_shape(saved):
    nodes, arrays = lstm()
    refuses(saved(nodes, [("W", np.ones((1, 7, 3), np.float32)), arrays[1]]), ModelFileError, "encoder", "7")
    refuses(saved(nodes, [("W", np.ones((2, 8, 3), np.float32)), arrays[1]]), ModelFileError, "encoder", "W")
    refuses(saved(nodes, [("W", np.ones((1, 8, 4), np.float32)), arrays[1]]), ModelFileError, "encoder", "4")


def test_what_is_no_graph(saved, tmp_path):
    add = helper.make_node("Add", ["x", "nowhere"], ["y"], name="sum")
    refuses(saved([add]), ModelFileError, "sum", "nowhere")
    refuses(saved(*lstm(), outputs=("z",)), ModelFileError, "z")
    refuses(saved(*lstm(), opset=3), UnsupportedError, "opset 3")
    refuses(tmp_path / "none.onnx", ModelFileError, "none.onnx")


def test_every_truncation_is_refused(saved):
    path = saved(*lstm())
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises((ModelFileError, UnsupportedError)):
            lstm_ir.read_model(path)


def test_a_shape_that_the_data_do_not_fill(saved):
    def claim(model):
        model.graph.initializer[0].dims[:] = [1, 8, 1 << 40]

    refuses(saved(*lstm(), change=claim), ModelFileError, "W", "holds 24 elements")


@pytest.mark.parametrize("op", ["ConstantOfShape", "Expand", "Tile"])
def test_a_huge_constant_fills_no_memory(saved, op):
    """It is either refused, or stays what it says without being made."""
    shape = ("shape", np.array([1 << 20, 1 << 20], np.int64))
    inputs = ["shape"] if op == "ConstantOfShape" else ["pair", "shape"]
    nodes = [helper.make_node(op, inputs, ["huge"], name="big"), helper.make_node("Identity", ["x"], ["y"])]
    path = saved(nodes, [shape, ("pair", np.ones((1, 2)[-1:], np.float32).reshape(1, 2))])
    if op == "ConstantOfShape":
        lstm_ir.read_model(path)
    else:
        refuses(path, ModelFileError, "big")


@pytest.mark.parametrize("op", ["Concat", "Neg"])
def test_constants_of_constants_fill_no_memory(saved, op):
    """Neither by doubling nor by being many."""
    count = 40 if op == "Concat" else 400
    names = ["pair", *(f"t{k}" for k in range(count))]
    inputs, axis = (2, {"axis": 0}) if op == "Concat" else (1, {})
    nodes = [
        helper.make_node(op, [first] * inputs, [second], name=f"make_{second}", **axis)
        for first, second in itertools.pairwise(names)
    ]
    nodes.append(helper.make_node("Identity", ["x"], ["y"]))
    size = 64 if op == "Concat" else 1 << 18
    refuses(saved(nodes, [("pair", np.ones(size, np.float32))]), ModelFileError, "make_t", "elements")


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "a/b", "", ".", "missing", "link"])
def test_external_data_elsewhere(saved, tmp_path, location):
    (tmp_path / "real").write_bytes(b"\0" * 96)
    (tmp_path / "link").symlink_to(tmp_path / "real")

    def move(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    refuses(saved(*lstm(), change=move), ModelFileError, "W")


def test_external_data_beside_the_model(saved, tmp_path):
    def moved(length):
        def move(model):
            tensor = model.graph.initializer[0]
            (tmp_path / "weights").write_bytes(tensor.raw_data[:length])
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="weights")

        return move

    model = lstm_ir.read_model(saved(*lstm(), change=moved(96)))
    assert (model.layers[0].get_weights()[0] == 1).all()
    refuses(saved(*lstm(), change=moved(95)), ModelFileError, "W", "95")


def test_a_call_too_short_for_a_slice(saved):
    """The artifact says how many steps its slices need; the runtime refuses fewer."""
    given = ("x", TensorProto.FLOAT, ["batch", "time", 3])
    bounds = [("start", np.array([-4], np.int64)), ("end", np.array([2**63 - 1], np.int64)), ("axis", np.array([1]))]
    path = saved([helper.make_node("Slice", ["x", "start", "end", "axis"], ["y"], name="cut")], bounds, [given])
    interface = interface_of(lstm_ir.read_model(path))
    assert [port.least_time for port in interface.inputs] == [4]
    assert interface_of(lstm_ir.read_model(path), time=4).outputs[0].shape == (None, 4, 3)
    with pytest.raises(ArgumentError, match="time: got 3"):
        interface_of(lstm_ir.read_model(path), time=3)


def test_open_sizes_that_no_call_can_be_checked_for(saved):
    for shape, word in ((["b", "b", 3], "two axes"), (["b", "t", "u"], "open")):
        path = saved([helper.make_node("Neg", ["x"], ["y"])], inputs=[("x", TensorProto.FLOAT, shape)])
        with pytest.raises(UnsupportedError, match=word):
            interface_of(lstm_ir.read_model(path))
