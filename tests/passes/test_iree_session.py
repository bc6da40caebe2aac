"""IREE's compiler in this process: targets, and errors that name the layer they come from."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, CompileError
from lstm_ir.passes import iree_session
from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu, resolve_cpu

ADD = """func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
  %b = arith.addf %a, %a : tensor<4xf32>
  return %b : tensor<4xf32>
}
"""

# A C library's function is called for f64, which embedded code does not have.
NO_SUCH_FUNCTION = """func.func @f(%a: tensor<4xf64>) -> tensor<4xf64> {
  %b = math.erf %a : tensor<4xf64> loc("enc/forward")
  return %b : tensor<4xf64>
} loc("elsewhere")
"""

# A call of a function that is not there is refused by a verifier.
NO_SUCH_SYMBOL = """func.func @f(%a: tensor<4xf64>) -> tensor<4xf64> {
  %b = func.call @missing(%a) : (tensor<4xf64>) -> tensor<4xf64> loc("dense_1")
  return %b : tensor<4xf64>
}
"""


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("", set()),
        ("+a,+b", {"a", "b"}),
        ("+a,+b,-a", {"b"}),
        ("-a,+a", {"a"}),
        ("+avx2,-avx512f,+fma,-avx2,+avx2", {"avx2", "fma"}),
    ],
)
def test_later_features_win(text, enabled):
    assert iree_session._enabled(text) == enabled


def test_generic_cpu():
    target = resolve_cpu("generic")
    assert target.arch == target.triple.split("-")[0]
    assert "avx2" not in target.features


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="names of x86-64 CPUs")
def test_named_cpu():
    target = resolve_cpu("x86-64-v3")
    assert target.cpu == "x86-64-v3"
    assert target.arch == "x86_64"
    assert {"avx2", "fma", "bmi2"} <= target.features
    assert not any(name.startswith("avx512") for name in target.features)


def test_host_cpu_has_a_name_of_its_own():
    assert resolve_cpu("host").cpu not in ("", "host")


def test_unknown_cpu_is_an_argument_error():
    with pytest.raises(ArgumentError, match=r"target_cpu: got 'pentium-12', expected one of host, generic"):
        resolve_cpu("pentium-12")
    # The process is none the worse.
    assert compile_bytecode(ADD.encode() + b"\0", flags_for_cpu("generic"))


def test_unknown_flag_is_an_argument_error():
    with pytest.raises(ArgumentError, match="--no-such-flag"):
        compile_bytecode(ADD.encode() + b"\0", ["--no-such-flag=1"])


def test_error_names_the_layer():
    with pytest.raises(CompileError, match=r"^layer 'dense_1': IREE could not compile the module: .*missing") as caught:
        compile_bytecode(NO_SUCH_SYMBOL.encode() + b"\0", flags_for_cpu("generic"), ["lstm", "dense_1"])
    assert "\n" not in str(caught.value)


def test_error_of_a_layer_that_is_not_of_the_model():
    with pytest.raises(CompileError, match=r"^IREE could not compile the module: "):
        compile_bytecode(NO_SUCH_SYMBOL.encode() + b"\0", flags_for_cpu("generic"), ["lstm"])


def test_missing_library_function_is_an_error():
    with pytest.raises(CompileError, match="IREE could not compile the module"):
        compile_bytecode(NO_SUCH_FUNCTION.encode() + b"\0", flags_for_cpu("generic"), ["enc/forward"])


def test_text_that_is_not_mlir():
    with pytest.raises(CompileError, match="IREE could not compile the module"):
        compile_bytecode(b"not MLIR\0", flags_for_cpu("generic"))


def test_nothing_is_written_to_the_console():
    program = (
        "import sys\n"
        "from lstm_ir.errors import CompileError\n"
        "from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu\n"
        "try:\n"
        "    compile_bytecode(sys.argv[1].encode() + b'\\0', flags_for_cpu('generic'))\n"
        "except CompileError:\n"
        "    sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, NO_SUCH_SYMBOL], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_several_threads_compile_at_once(load_vmfb):
    results = {}

    def work(number):
        results[number] = compile_bytecode(ADD.encode() + b"\0", flags_for_cpu("generic"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    program = load_vmfb(results[3])
    assert program.host(program("f", np.ones(4, np.float32))[0]).tolist() == [2, 2, 2, 2]
