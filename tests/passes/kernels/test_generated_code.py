"""The machine code of kernels is what their tiles are designed for: wide multiply-adds, no calls, nothing spilled.

Code for other CPUs is compiled and read, not run.
"""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from lstm_ir.passes.emission import emit_bytecode
from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu, resolve_cpu
from lstm_ir.passes.kernels.vector_target import VECTOR_TARGETS, VectorTarget, vector_target
from lstm_ir.passes.pipelines import KernelOptions, recurrence_pipeline, tensor_pipeline

UNITS, FEATURES = 40, 12
LAYER = """builtin.module @lstm_ir {
  func.func @call(%x: tensor<?x?x12xf32>, %h: tensor<?x40xf32>, %c: tensor<?x40xf32>) -> tensor<?x?x40xf32> {
    %K = lstm.weight "k" : tensor<12x160xf32>
    %R = lstm.weight "r" : tensor<40x160xf32>
    %b = lstm.weight "b" : tensor<160xf32>
    %y, %h1, %c1 = lstm.layer %x : tensor<?x?x12xf32> kernel(%K : tensor<12x160xf32>)
        recurrent_kernel(%R : tensor<40x160xf32>) bias(%b : tensor<160xf32>)
        initial_state(%h, %c : tensor<?x40xf32>, tensor<?x40xf32>)
        {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>,
        return_sequences} -> tensor<?x?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>
    func.return %y : tensor<?x?x40xf32>
  }
}"""


@dataclass(frozen=True)
class Machine:
    """How a CPU's assembly is read.

    Attributes:
        cpu: The name in flags.
        target: Its vector unit.
        multiply: Matches an instruction that multiplies whole vectors of f32, and adds where that is one instruction.
        narrower: Matches one of fewer lanes than the unit has.
        triple: For another architecture than this machine's.
    """

    cpu: str
    target: VectorTarget
    multiply: str
    narrower: str | None
    triple: str | None = None


CALL = r"(callq?|blr?|jmp\s+[a-z_]+@)\s"
X86_FMA = r"vfmadd\d+ps\s.*%{}"
GATES = 4
MACHINES = [
    Machine("x86-64-v4", VECTOR_TARGETS["avx512"], X86_FMA.format("zmm"), X86_FMA.format("[xy]mm")),
    Machine("x86-64-v3", VECTOR_TARGETS["avx2"], X86_FMA.format("ymm"), X86_FMA.format("xmm")),
    Machine("x86-64", VECTOR_TARGETS["sse"], r"mulps\s.*%xmm", None),
    Machine("generic", VECTOR_TARGETS["neon"], r"fmla\s+v\d+\.4s", r"fmla\s+v\d+\.2s", "aarch64-unknown-linux-gnu"),
]


@pytest.fixture(
    scope="module",
    params=[(machine, form) for machine in MACHINES for form in ("persistent", "cooperative")],
    ids=lambda param: f"{param[0].target.name}-{param[1]}",
)
def compiled(request, assembly):
    """A machine, and the lines of the kernel's function in its assembly."""
    machine, form = request.param
    return machine, assembly(machine, form)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory, parse_module, run_pipeline):
    """Compile the layer for a machine and return the lines of the kernel's function: ``(machine, form, element)``."""

    def compile_(machine, form, element="f32"):
        options = KernelOptions(machine.target.name, 2)
        layer = parse_module(LAYER.replace("f32", element))
        module = run_pipeline(layer, f"{recurrence_pipeline(form, options)},{tensor_pipeline(options)}")
        rng = np.random.default_rng(0)
        shapes = {"k": (FEATURES, 4 * UNITS), "r": (UNITS, 4 * UNITS), "b": (4 * UNITS,)}
        weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        folder = tmp_path_factory.mktemp("intermediates")
        flags = [*flags_for_cpu(machine.cpu), f"--iree-hal-dump-executable-intermediates-to={folder}"]
        if machine.triple is not None:
            flags.append(f"--iree-llvmcpu-target-triple={machine.triple}")
        assert compile_bytecode(emit_bytecode(module, weights), flags)
        return _function((next(folder.glob("*scan0*.s"))).read_text(), "scan0")

    return compile_


@pytest.mark.parametrize(
    ("element", "widening", "multiply"),
    [
        ("f64", None, X86_FMA.replace("ps", "pd").format("ymm")),
        ("f16", r"vcvtph2ps\s.*%ymm", X86_FMA.format("ymm")),
        ("bf16", r"vpslld\s+\$16,.*%ymm", X86_FMA.format("ymm")),
    ],
)
def test_other_types_call_nothing_and_widen_in_registers(assembly, element, widening, multiply):
    machine = next(machine for machine in MACHINES if machine.cpu == "x86-64-v3")
    lines = assembly(machine, "persistent", element)
    assert _count(multiply, lines) > 100
    assert widening is None or _count(widening, lines) > 20
    assert [line for line in lines if re.match(CALL, line)] == []


def _function(text, name):
    """Return instructions and labels of a function; IREE adds others, of its runtime, to each file."""
    found = re.search(rf"^{name}:$(.*?)^\.Lfunc_end\d+:$", text, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    lines = [line.strip() for line in found.group(1).splitlines()]
    return [line for line in lines if line and (line.startswith(".LBB") or not line.startswith((".", "#", "//")))]


def _innermost_loops(lines):
    """Return the instructions of every loop of one basic block."""
    loops, label, body = [], None, []
    for line in lines:
        if line.startswith(".LBB"):
            label, body = line.split(":")[0], []
        else:
            body.append(line)
            jumps = re.match(r"(j\w+|b\.?\w*|cbn?z|tbn?z)\s", line) is not None
            if jumps and label is not None and re.split(r"[\s,]+", line)[-1] == label:
                loops.append(body)
                label = None
    return loops


def _product_loops(machine, lines):
    """Return the inner loops of products: multiply-adds, and none of what only activations need."""
    only_cells = re.compile(r"v?(min|max|div|round|rndscale)\w*ps|f(min|max|div|rint)\w*\s+v")
    return [
        loop
        for loop in _innermost_loops(lines)
        if _count(machine.multiply, loop) >= GATES * machine.target.unroll
        and not any(only_cells.match(line) for line in loop)
    ]


def _count(pattern, lines):
    return sum(re.match(pattern, line) is not None for line in lines)


def test_kernels_are_for_the_cpu_that_is_named(compiled):
    machine, _ = compiled
    if machine.triple is None and resolve_cpu("host").arch == "x86_64":
        cpu = resolve_cpu(machine.cpu)
        assert vector_target(cpu.arch, cpu.features) is machine.target


def test_vectors_are_as_wide_as_the_unit(compiled):
    machine, lines = compiled
    assert _count(machine.multiply, lines) > 50 * machine.target.unroll
    assert machine.narrower is None or _count(machine.narrower, lines) == 0


def test_kernels_call_nothing(compiled):
    """No C library is linked into a kernel: neither for its activations nor to copy rows."""
    _, lines = compiled
    assert [line for line in lines if re.match(CALL, line)] == []


def test_largest_tile_is_one_loop(compiled):
    """Both products, with the input and with h, have an inner loop of all sums and terms of the largest tile."""
    machine, lines = compiled
    tile = machine.target.tiles(machine.target.rows, GATES, 1)[0]
    multiplies = sorted(_count(machine.multiply, loop) for loop in _product_loops(machine, lines))
    assert multiplies[-2:] == [tile.rows * tile.columns * machine.target.unroll] * 2


def test_sums_stay_in_registers(compiled):
    """No vector goes through the stack between multiply-adds; a bound of a loop may be read from there."""
    machine, lines = compiled
    loops = _product_loops(machine, lines)
    assert len(loops) >= 4
    for loop in loops:
        on_stack = [line for line in loop if re.search(r"\(%r[sb]p\b|\[sp\b", line)]
        assert [line for line in on_stack if re.search(r"%[xyz]mm|\b[qv]\d+", line)] == []
