"""Executables that IREE does not link with others: which, and that they run."""

import numpy as np
import pytest

from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu

FUNCTIONS = "\n".join(
    f"""func.func @{name}(%a: tensor<4xf32>) -> tensor<4xf32> {{
  %b = arith.{op} %a, %a : tensor<4xf32>
  return %b : tensor<4xf32>
}}"""
    for name, op in (("sum", "addf"), ("product", "mulf"), ("difference", "subf"))
)


@pytest.mark.parametrize(
    ("apart", "binaries"), [((), 1), (("product_dispatch_0",), 2), (("product_dispatch_0", "sum_dispatch_0"), 3)]
)
def test_executables_by_name(apart, binaries, load_vmfb):
    vmfb = compile_bytecode(FUNCTIONS.encode() + b"\0", flags_for_cpu("host"), apart=apart)
    assert vmfb.count(b"\x7fELF") == binaries
    program = load_vmfb(vmfb)
    for name, value in (("sum", 6), ("product", 9), ("difference", 0)):
        assert program.host(program(name, np.full(4, 3, np.float32))[0]).tolist() == [value] * 4
