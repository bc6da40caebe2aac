"""Compiles functions of one vector as the inner loop of a hand-authored dispatch, and runs them on arrays."""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from xdsl.dialects.builtin import VectorType, f32
from xdsl.ir import Block, SSAValue
from xdsl.printer import Printer
from xdsl.rewriter import InsertPoint

from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu
from lstm_ir.passes.structured import ScalarBuilder

Build = Callable[[ScalarBuilder, SSAValue], SSAValue]

KERNEL = """
  stream.executable private @{name}_executable {{
    stream.executable.export public @{name}_kernel workgroups() -> (index, index, index) {{
      %one = arith.constant 1 : index
      stream.return %one, %one, %one : index, index, index
    }}
    builtin.module {{
      func.func @{name}_kernel(%source: !stream.binding, %target: !stream.binding, %size: index) {{
        %zero = arith.constant 0 : index
        %lanes = arith.constant {lanes} : index
        %from = stream.binding.subspan %source[%zero] : !stream.binding -> memref<?xf32>{{%size}}
        %to = stream.binding.subspan %target[%zero] : !stream.binding -> memref<?xf32>{{%size}}
        scf.for %i = %zero to %size step %lanes {{
          %x = vector.load %from[%i] : memref<?xf32>, vector<{lanes}xf32>
{body}
          vector.store {result}, %to[%i] : memref<?xf32>, vector<{lanes}xf32>
        }}
        func.return
      }}
    }}
  }}
  func.func @{name}(%x: tensor<?xf32>) -> tensor<?xf32> {{
    %zero = arith.constant 0 : index
    %n = tensor.dim %x, %zero : tensor<?xf32>
    %y = flow.dispatch @{name}_executable::@{name}_kernel(%x, %n)
        : (tensor<?xf32>{{%n}}, index) -> tensor<?xf32>{{%n}}
    func.return %y : tensor<?xf32>
  }}"""


def _kernel(name: str, build: Build, lanes: int) -> str:
    block = Block(arg_types=[VectorType(f32, [lanes])])
    block.args[0].name_hint = "x"
    result = build(ScalarBuilder(InsertPoint.at_end(block)), block.args[0])
    text = io.StringIO()
    printer = Printer(stream=text, print_generic_format=True)

    def printed(print_: Callable[[], None]) -> str:
        text.truncate(text.seek(0))
        print_()
        return text.getvalue()

    printed(lambda: printer.print_ssa_value(block.args[0]))
    body = []
    for op in block.ops:
        op.verify()
        body.append(printed(lambda op=op: printer.print_op(op)))
    return KERNEL.format(
        name=name, lanes=lanes, body="\n".join(body), result=printed(lambda: printer.print_ssa_value(result))
    )


@pytest.fixture(scope="session")
def compile_vector_functions() -> Callable[..., bytes]:
    """Compile functions of ``vector<lanes x f32>`` for a CPU: ``compile_vector_functions(functions, lanes, flags)``."""

    def compile_(functions: Mapping[str, Build], lanes: int, flags: Sequence[str]) -> bytes:
        kernels = "".join(_kernel(name, build, lanes) for name, build in functions.items())
        return compile_bytecode(f"builtin.module @lstm_ir {{{kernels}\n}}".encode() + b"\0", flags)

    return compile_


@pytest.fixture(scope="session")
def load_vector_functions(
    compile_vector_functions, load_vmfb
) -> Callable[..., Callable[[str, np.ndarray], np.ndarray]]:
    """Compile functions for a CPU of this machine's architecture, and return what runs them on arrays by name."""

    def load(functions: Mapping[str, Build], lanes: int, cpu: str = "host") -> Callable[[str, np.ndarray], np.ndarray]:
        program = load_vmfb(compile_vector_functions(functions, lanes, flags_for_cpu(cpu)))

        def run(name: str, x: np.ndarray) -> np.ndarray:
            whole = np.zeros(-(-len(x) // lanes) * lanes, np.float32)
            whole[: len(x)] = x
            return program.host(program(name, whole)[0])[: len(x)]

        return run

    return load
