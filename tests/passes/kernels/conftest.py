"""Compiles functions of one vector as the inner loop of a hand-authored dispatch, and runs them on arrays."""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from xdsl.dialects.builtin import AnyFloat, VectorType, f32
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
        %from = stream.binding.subspan %source[%zero] : !stream.binding -> memref<?x{element}>{{%size}}
        %to = stream.binding.subspan %target[%zero] : !stream.binding -> memref<?x{element}>{{%size}}
        scf.for %i = %zero to %size step %lanes {{
          %x = vector.load %from[%i] : memref<?x{element}>, vector<{lanes}x{element}>
{body}
          vector.store {result}, %to[%i] : memref<?x{element}>, vector<{lanes}x{element}>
        }}
        func.return
      }}
    }}
  }}
  func.func @{name}(%x: tensor<?x{element}>) -> tensor<?x{element}> {{
    %zero = arith.constant 0 : index
    %n = tensor.dim %x, %zero : tensor<?x{element}>
    %y = flow.dispatch @{name}_executable::@{name}_kernel(%x, %n)
        : (tensor<?x{element}>{{%n}}, index) -> tensor<?x{element}>{{%n}}
    func.return %y : tensor<?x{element}>
  }}"""


def _kernel(name: str, build: Build, lanes: int, element: AnyFloat) -> str:
    block = Block(arg_types=[VectorType(element, [lanes])])
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
    result_text = printed(lambda: printer.print_ssa_value(result))
    return KERNEL.format(name=name, lanes=lanes, element=element, body="\n".join(body), result=result_text)


@pytest.fixture(scope="session")
def compile_vector_functions() -> Callable[..., bytes]:
    """Compile functions of vectors for a CPU: ``compile_vector_functions(functions, lanes, flags, element)``."""

    def compile_(functions: Mapping[str, Build], lanes: int, flags: Sequence[str], element: AnyFloat = f32) -> bytes:
        kernels = "".join(_kernel(name, build, lanes, element) for name, build in functions.items())
        return compile_bytecode(f"builtin.module @lstm_ir {{{kernels}\n}}".encode() + b"\0", flags)

    return compile_


@pytest.fixture(scope="session")
def load_vector_functions(
    compile_vector_functions, load_vmfb
) -> Callable[..., Callable[[str, np.ndarray], np.ndarray]]:
    """Compile functions for a CPU of this machine's architecture, and return what runs them on arrays by name."""

    def load(
        functions: Mapping[str, Build], lanes: int, cpu: str = "host", element: AnyFloat = f32
    ) -> Callable[[str, np.ndarray], np.ndarray]:
        program = load_vmfb(compile_vector_functions(functions, lanes, flags_for_cpu(cpu), element))
        dtype = {"f32": np.float32, "f64": np.float64}[str(element)]

        def run(name: str, x: np.ndarray) -> np.ndarray:
            whole = np.zeros(-(-len(x) // lanes) * lanes, dtype)
            whole[: len(x)] = x
            return program.host(program(name, whole)[0])[: len(x)]

        return run

    return load
