"""How work is cut for threads: every sum and unit once, within what a workgroup may have."""

import itertools

import pytest

from lstm_ir.passes.kernels.gpu.tensor_tile import TensorRows
from lstm_ir.passes.kernels.gpu.thread_tile import REGISTERS, GpuLimits, ThreadTile

LIMITS = [GpuLimits(128, 16384), GpuLimits(256, 16384), GpuLimits(1024, 101376), GpuLimits(1024, 166912)]
UNITS = [1, 3, 31, 32, 33, 48, 64, 96, 100, 128, 200, 256, 300, 512, 768, 1000, 1024]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("batch", [None, 1, 300, 5000])
@pytest.mark.parametrize("copies", [1, 4])
def test_tiles_fit_and_cover(limits, batch, copies):
    for units in UNITS:
        tile = ThreadTile.of(limits, 4, units, batch=batch, copies=copies)
        if tile is None:
            assert 2 * 4 * copies * units > limits.memory - 64 * copies
            continue
        assert tile.threads <= limits.threads
        assert tile.memory <= limits.memory
        assert tile.lanes * tile.tiles >= units
        assert tile.part_depth * tile.split == tile.depth >= units
        assert tile.pairs * tile.split >= tile.tiles * tile.rows
        if tile.keeps_weights:
            assert tile.threads * tile.kept * tile.tiles * tile.gates <= REGISTERS
            held = tile.kept * tile.tiles * tile.gates * tile.threads + tile.weights_size
            assert held == tile.depth * tile.gates * tile.tiles * tile.lanes


def test_small_layers_keep_their_weights():
    """In registers alone, or in workgroup memory too; of float16 there is room for more."""
    tiles = {units: ThreadTile.of(LIMITS[3], 4, units, batch=None, copies=1) for units in UNITS}
    assert [units for units in UNITS if tiles[units].keeps_weights] == [units for units in UNITS if units <= 128]
    assert [units for units in UNITS if tiles[units].weights_size] == [100, 128]
    half = [ThreadTile.of(LIMITS[3], 4, units, batch=None, copies=1, element_bytes=2) for units in (160, 200)]
    assert [tile.keeps_weights for tile in half] == [True, False]


def test_an_open_or_small_batch_spreads_its_rows_over_workgroups():
    rows = [ThreadTile.of(LIMITS[3], 4, 64, batch=batch, copies=1).rows for batch in (None, 1, 255, 256, 1024)]
    assert rows == [1, 1, 1, 2, 4]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_sixteen_rows_on_tensor_cores(limits):
    """Each unit of each row is finished by one thread, and the weights stay: up to 112 units of float16 on sm_80."""
    tiles = {units: TensorRows.of_units(limits, 4, units, 2) for units in range(1, 200)}
    found = {units: tile for units, tile in tiles.items() if tile is not None}
    for units, tile in found.items():
        assert tile.threads == tile.matrices.threads <= limits.threads
        assert tile.memory <= limits.memory
        assert tile.lanes * tile.split == tile.threads
        assert tile.pairs * tile.split == tile.rows == 16
        assert tile.depth == units
    assert list(found) == list(range(16, max(found) + 1, 16))
    assert (
        max(found)
        == {(128, 16384): 16, (256, 16384): 32, (1024, 101376): 80, (1024, 166912): 112}[limits.threads, limits.memory]
    )


def test_layers_whose_states_do_not_fit_have_no_tile():
    limits = GpuLimits(256, 16384)
    largest = max(u for u in range(1000, 3000) if ThreadTile.of(limits, 4, u, batch=None, copies=1) is not None)
    assert largest == 2048
    assert all(ThreadTile.of(limits, 4, u, batch=None, copies=4) is None for u in itertools.islice(range(513, 600), 9))
