"""How units are cut for workgroups that share every step: each once, its weights held by somebody, within limits."""

import pytest

from lstm_ir.passes.kernels.gpu.slice_tile import SliceTile
from lstm_ir.passes.kernels.gpu.thread_tile import REGISTERS, GpuLimits

LIMITS = [
    GpuLimits(256, 16384, 8),
    GpuLimits(1024, 101376, 58),
    GpuLimits(1024, 166912, 108),
    GpuLimits(1024, 231424, 2),
]
UNITS = [1, 3, 4, 5, 31, 64, 100, 256, 300, 512, 768, 1000, 1024, 2048]


def _tile(limits, units, element_bytes=4, batch=None, copies=1, companions=1, gates=4):
    return SliceTile.of(
        limits, gates, units, element_bytes=element_bytes, batch=batch, copies=copies, companions=companions
    )


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("batch", [None, 1, 3, 300])
@pytest.mark.parametrize("copies", [1, 4])
def test_tiles_fit_and_cover(limits, batch, copies):
    for units in UNITS:
        tile = _tile(limits, units, batch=batch, copies=copies)
        if isinstance(tile, str):
            assert f"of {units} units" in tile
            continue
        assert tile.slices <= limits.multiprocessors
        assert tile.slices * tile.width >= units > (tile.slices - 1) * tile.width
        assert tile.split * tile.part_depth == tile.depth >= units
        assert max(tile.width * tile.split, tile.width * tile.rows) <= tile.threads <= limits.threads
        assert tile.memory <= limits.memory
        held = tile.kept * tile.gates * tile.width * tile.split + tile.weights_size
        assert held == tile.depth * tile.width * tile.gates
        assert tile.threads * (tile.kept + tile.rows) * tile.gates <= REGISTERS


def test_rows_follow_the_batch():
    rows = [_tile(LIMITS[2], 512, batch=batch).rows for batch in (1, 2, 3, 5, 8, 500, None)]
    assert rows == [1, 2, 4, 8, 8, 8, 4]


def test_what_does_not_fit_is_refused_with_what_it_needs():
    """Of float32 weights, a GPU of 108 multiprocessors with 163 KiB and its registers holds those of 1300 units."""
    held = [units for units in UNITS if isinstance(_tile(LIMITS[2], units), SliceTile)]
    assert held[-1] == 1024
    assert isinstance(_tile(LIMITS[2], 2048, element_bytes=2), str)
    assert _tile(LIMITS[2], 2048) == (
        "the recurrent weights of 2048 units on 108 workgroups, 622592 bytes each, and their h do not fit into 166912"
        " bytes of workgroup memory"
    )


def test_more_scans_than_multiprocessors_are_refused():
    assert _tile(LIMITS[3], 100, companions=3) == "the target is said to run 2 workgroups at once, for 3 scans"


def test_scans_that_run_at_once_share_the_multiprocessors():
    assert _tile(LIMITS[2], 512, companions=2).slices <= 54
    assert "nobody says how many run at once" in _tile(GpuLimits(1024, 166912), 512)
