"""What is handed to IREE: weights bit by bit, the description, and clear refusals."""

import json

import numpy as np
import pytest
from iree.compiler import ir

from lstm_ir.errors import CompileError
from lstm_ir.passes.emission import constants, emit_bytecode, generic_text
from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu

BITS = {"f16": "i16", "bf16": "i16", "f32": "i32", "f64": "i64"}
INF, NAN = np.inf, np.nan
VALUES = [0.0, -0.0, 1.0, -1.5, 1 / 3, 1e-45, -3e-39, 1.2e-38, 3.3e38, 3.402e38, INF, -INF, NAN, 65519.0, 65520.0, 1e-8]
# Halfway between two numbers of bfloat16, and beside it: ties go to the even one.
TIES = [0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0xBF818000, 0x7F7F8000, 0x00008000, 0x00018000]
# The first would wrap around when rounded, the second would become infinity.
NANS = [0x7FFFFFFF, 0x7F800001, 0xFFFFFFFF]


def _program(shape, element):
    tensor, bits = (f"tensor<{'x'.join(map(str, [*shape, t]))}>" for t in (element, BITS[element]))
    return f"""builtin.module @lstm_ir {{
  func.func @call() -> {bits} {{
    %w = lstm.weight "w" : {tensor}
    %b = arith.bitcast %w : {tensor} to {bits}
    func.return %b : {bits}
  }}
}}"""


def _bits(compile_module, load_vmfb, value, element):
    text = _program(value.shape, element)
    program = load_vmfb(compile_module(text, "lstm-materialize-weights", {"w": value}))
    return program.host(program("call")[0])


@pytest.mark.parametrize(("element", "dtype"), [("f16", "float16"), ("f32", "float32"), ("f64", "float64")])
def test_weights_are_attached_bit_by_bit(compile_module, load_vmfb, element, dtype):
    with np.errstate(over="ignore"):
        value = np.array(VALUES, np.float64).astype(dtype).reshape(2, 8)
    actual = _bits(compile_module, load_vmfb, value, element)
    np.testing.assert_array_equal(actual, value.view(actual.dtype))


def test_float32_weights_of_a_float16_model_are_rounded_to_nearest_even(compile_module, load_vmfb):
    value = np.array([1 + 2**-11, 1 + 3 * 2**-11, 1 / 3, 65504.0, 2**-25, 3 * 2**-25, -0.0, 1e-3], np.float32)
    actual = _bits(compile_module, load_vmfb, value, "f16")
    np.testing.assert_array_equal(actual, value.astype(np.float16).view(np.int16))


def test_bfloat16_rounds_to_nearest_even(compile_module, load_vmfb):
    value = np.concatenate(
        [np.array(TIES + NANS, np.uint32).view(np.float32), np.array([INF, -INF, NAN, -0.0], np.float32)]
    )
    actual = _bits(compile_module, load_vmfb, value, "bf16").view(np.uint16)
    expected = [0x3F80, 0x3F82, 0x3F81, 0x3F80, 0xBF82, 0x7F80, 0x0000, 0x0002]
    expected += [0x7FC0, 0x7FC0, 0x7FC0, 0x7F80, 0xFF80, 0x7FC0, 0x8000]
    assert [hex(v) for v in actual] == [hex(v) for v in expected]


@pytest.mark.parametrize("element", BITS)
@pytest.mark.parametrize("value", [np.full((3, 4), 0.75, np.float32), np.full((1,), -2.5, np.float32)])
def test_one_value_everywhere(parse_module, run_pipeline, element, value):
    """MLIR may keep a splat, or a single element, as one number."""
    module = run_pipeline(parse_module(_program(value.shape, element)), "lstm-materialize-weights")
    with ir.Context():
        emitted = ir.Module.parse(emit_bytecode(module, {"w": value}))
        (global_,) = [op for op in emitted.body.operations if op.operation.name == "util.global"]
        attribute = ir.DenseElementsAttr(global_.attributes["initial_value"])
        assert attribute.is_splat
        assert f"{float(value.flat[0]):e}" in str(attribute.get_splat_value())


def test_no_features_at_all(parse_module, run_pipeline):
    text = """func.func @f() -> tensor<0x4xf32> {
  %w = lstm.weight "w" : tensor<0x4xf32>
  func.return %w : tensor<0x4xf32>
}"""
    module = run_pipeline(parse_module(text), "lstm-materialize-weights")
    assert emit_bytecode(module, {"w": np.zeros((0, 4), np.float32)})


def test_the_module_is_not_changed_by_emission(parse_module, run_pipeline):
    module = run_pipeline(parse_module(_program((4,), "f32")), "lstm-materialize-weights")
    before = str(module)
    weights = {"w": np.arange(4, dtype=np.float32)}
    emit_bytecode(module, weights)
    assert str(module) == before
    assert list(constants(module, weights)) == ["weight.w"]


def test_description_is_on_every_entry_point(parse_module):
    text = "func.func @call() {\n  func.return\n}\nfunc.func @call_masked() {\n  func.return\n}"
    description = {"name": 'a "quoted" name \\ \n and é', "states": []}
    emitted = emit_bytecode(parse_module(text), {}, description)
    with ir.Context():
        functions = list(ir.Module.parse(emitted).body.operations)
        assert len(functions) == 2
        for function in functions:
            reflection = ir.DictAttr(function.attributes["iree.reflection"])
            assert json.loads(ir.StringAttr(reflection["description"]).value) == description


def test_weight_of_another_shape(parse_module, run_pipeline):
    module = run_pipeline(parse_module(_program((4,), "f32")), "lstm-materialize-weights")
    with pytest.raises(CompileError, match=r"weight w: value has shape \(5,\), the IR says tensor<4xf32>"):
        emit_bytecode(module, {"w": np.zeros(5, np.float32)})


def test_module_that_mlir_refuses(parse_module):
    module = parse_module(
        'func.func @f() {\n  %y = "util.global.load"() <{global = @missing, is_immutable}> : () -> tensor<4xf32>\n'
        "  func.return\n}"
    )
    with pytest.raises(CompileError, match=r"(?s)IREE's MLIR refuses the module.*missing"):
        emit_bytecode(module, {})


def test_names_that_differ_only_where_symbols_cannot(compile_module, load_vmfb):
    text = """builtin.module @lstm_ir {
  func.func @call() -> (tensor<2xf32>, tensor<2xf32>) {
    %a = lstm.weight "my lstm/bias" : tensor<2xf32>
    %b = lstm.weight "my.lstm/bias" : tensor<2xf32>
    func.return %a, %b : tensor<2xf32>, tensor<2xf32>
  }
}"""
    weights = {"my lstm/bias": np.array([1, 2], np.float32), "my.lstm/bias": np.array([3, 4], np.float32)}
    program = load_vmfb(compile_module(text, "lstm-materialize-weights", weights))
    assert [program.host(result).tolist() for result in program("call")] == [[1, 2], [3, 4]]


def test_locations_are_in_the_text(parse_module):
    module = parse_module('func.func @f() {\n  func.return loc("lstm_1")\n}')
    assert 'loc("lstm_1")' in generic_text(module)


def test_emitted_bytecode_compiles(parse_module):
    text = "func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {\n  func.return %a : tensor<4xf32>\n}"
    emitted = emit_bytecode(parse_module(text), {})
    assert compile_bytecode(emitted, flags_for_cpu("generic"))
