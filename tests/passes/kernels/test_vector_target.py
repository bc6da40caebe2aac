"""Which vector unit a CPU has, and tiles that fit its registers."""

import pytest

from lstm_ir.passes.kernels.vector_target import (
    AVX2,
    AVX512,
    FMA_IN_FLIGHT,
    MOST_TERMS,
    NEON,
    SSE,
    VECTOR_TARGETS,
    vector_target,
)

TARGETS = list(VECTOR_TARGETS.values())


@pytest.mark.parametrize(
    ("arch", "features", "target"),
    [
        ("x86_64", {"avx512f", "avx2", "fma"}, AVX512),
        ("x86_64", {"avx2", "fma", "avx"}, AVX2),
        # Without fused multiply-add the 256-bit kernels would not be what they are said to be.
        ("x86_64", {"avx2"}, SSE),
        ("x86_64", {"fma", "avx"}, SSE),
        ("x86_64", set(), SSE),
        ("aarch64", {"neon"}, NEON),
        ("arm64", set(), NEON),
        ("riscv64", {"v"}, None),
        ("aarch64_be", {"avx512f"}, None),
    ],
)
def test_vector_unit_of_a_cpu(arch, features, target):
    assert vector_target(arch, features) is target
    assert vector_target(arch, sorted(features)) is target


def test_names_are_what_options_spell():
    assert {name: target.name for name, target in VECTOR_TARGETS.items()} == {
        name: name for name in ("avx512", "avx2", "sse", "neon")
    }


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("gates", [1, 2, 4])
@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_tiles_fit_the_registers(target, gates, apart):
    """Sums, and either the weights of a term and one value or the values and one weight."""
    for rows in range(1, target.rows + 1):
        tile = target.tile(rows, gates, apart=apart)
        sums = tile.rows * tile.gates * tile.vectors * tile.split
        columns = tile.vectors if apart else tile.gates * tile.vectors
        assert sums + min(columns, rows) + 1 <= target.registers, tile


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("gates", [1, 2, 3, 4])
@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_tiles_divide_the_work(target, gates, apart):
    width = target.panel_gates(gates)
    assert gates % width == 0
    for rows in range(1, target.rows + 1):
        tile = target.tile(rows, gates, apart=apart)
        assert tile.rows == rows
        # The loops over the gates and over the terms end with whole tiles.
        assert gates % tile.gates == 0
        assert apart or tile.gates % width == 0
        assert target.unroll % tile.split == 0
        assert MOST_TERMS % target.unroll == 0
        # No register is left that only names a sum.
        assert tile.rows * tile.gates * tile.vectors * tile.split < target.registers


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_tiles_of_lstm_hide_the_latency(target):
    """Four gates: as many independent sums as are in flight, and from the second row on by the rows themselves."""
    for rows in range(1, target.rows + 1):
        tile = target.tile(rows, 4)
        wanted = FMA_IN_FLIGHT if target.fma else FMA_IN_FLIGHT // 2
        assert tile.rows * tile.gates * tile.vectors * tile.split >= wanted
    assert target.tile(1, 4).split == (2 if target.fma else 1)
    assert target.tile(target.rows, 4).split == 1
