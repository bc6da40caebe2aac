"""Which vector unit a CPU has, and tiles that fit its registers."""

import pytest
from xdsl.ir import Block

from lstm_ir.passes.kernels.kernel_builder import KernelBuilder
from lstm_ir.passes.kernels.panel_product import PanelProduct
from lstm_ir.passes.kernels.panels import Panels
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


def _tiles(target, gates, width):
    return [tile for rows in range(1, target.rows + 1) for tile in target.tiles(rows, gates, width)]


def _sums(tile):
    return tile.rows * tile.columns * tile.vectors * tile.split


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("gates", [1, 2, 3, 4])
def test_tiles_fit_the_registers(target, gates):
    """Sums, and either the weights of a term and one value or the values and one weight."""
    widths = [width for width in (1, 2) if gates % width == 0]
    for tile in (tile for width in widths for tile in _tiles(target, gates, width)):
        assert _sums(tile) + min(tile.columns, tile.rows) + 1 <= target.registers, tile
    for rows in range(1, target.rows + 1):
        tile = target.tile_apart(rows, gates)
        assert _sums(tile) + min(tile.vectors, rows) + 1 <= target.registers, tile


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("gates", [1, 2, 3, 4])
@pytest.mark.parametrize("width", [1, 2])
def test_tiles_cover_any_number_of_unit_tiles(target, gates, width):
    """Every column once, in whole panels, the second shape behind the first; and every term, in whole iterations."""
    if gates % width:
        pytest.skip("panels have whole gates")
    product = PanelProduct(KernelBuilder(Block(), target.lanes), target, Panels(gates, 1, 4, target.lanes, width))
    for rows in range(1, target.rows + 1):
        tiles = target.tiles(rows, gates, width)
        assert {tile.rows for tile in tiles} == {rows}
        assert all(tile.columns % width == 0 and target.unroll % tile.split == 0 for tile in tiles)
        for columns in range(gates, 13 * gates, gates):
            behind = product.left_over(tiles, columns) if len(tiles) > 1 else 0
            assert 0 <= behind <= columns
            assert (columns - behind) % tiles[0].columns == 0
            assert behind % tiles[-1].columns == 0
    assert MOST_TERMS % target.unroll == 0


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("gates", [1, 2, 3, 4])
def test_tiles_of_gates_apart_divide_the_gates(target, gates):
    for rows in range(1, target.rows + 1):
        tile = target.tile_apart(rows, gates)
        assert (tile.rows, tile.vectors) == (rows, target.unit_vectors)
        assert gates % tile.columns == 0
        assert target.unroll % tile.split == 0


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_tiles_of_lstm_hide_the_latency(target):
    """Four gates: as many independent sums as are in flight, and from the second row on by the rows themselves."""
    wanted = FMA_IN_FLIGHT if target.fma else FMA_IN_FLIGHT // 2
    for tile in _tiles(target, 4, 1):
        assert _sums(tile) >= wanted
    (one,) = target.tiles(1, 4, 1)
    assert one.split == (2 if target.fma else 1)
    assert {tile.split for tile in target.tiles(target.rows, 4, 1)} == {1}


def test_avx2_has_the_tile_with_the_fewest_loads():
    """Of all that fit into 16 registers: 7 loads for 12 multiply-adds; 6 rows of 2 columns need 8."""
    fitting = [
        (rows, columns)
        for rows in range(1, 13)
        for columns in range(1, 13)
        if rows * columns + min(rows, columns) + 1 <= AVX2.registers
    ]
    loads = {tile: (tile[0] + tile[1]) / (tile[0] * tile[1]) for tile in fitting}
    assert loads[AVX2.rows, AVX2.columns] == min(loads.values())
