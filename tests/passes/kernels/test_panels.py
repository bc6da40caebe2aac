"""Weights in the order in which kernels read them, against a plain loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_ir.passes.kernels.panels import Panels, round_up
from lstm_ir.passes.kernels.vector_target import MOST_TERMS, VECTOR_TARGETS


def packed_one_by_one(panels, weight):
    """Element (tile, group, k, gate, lane) is row k of gate ``group width + gate``, unit ``tile lanes + lane``."""
    rows = weight.reshape(-1, weight.shape[-1])
    result = np.zeros(panels.shape, weight.dtype)
    for tile, group, k, gate, lane in np.ndindex(*panels.shape):
        unit = tile * panels.lanes + lane
        if unit < panels.units and k < len(rows):
            result[tile, group, k, gate, lane] = rows[k, (group * panels.width + gate) * panels.units + unit]
    if panels.paired:
        pairs = result.reshape(-1, 2, panels.paired)
        result = np.array(
            [value for first, second in pairs for two in zip(first, second, strict=True) for value in two]
        )
    return result.reshape(panels.shape)


@st.composite
def drawn_panels(draw):
    gates = draw(st.sampled_from([1, 2, 3, 4]))
    units, terms = draw(st.integers(1, 37)), draw(st.integers(0, 9))
    if draw(st.booleans()):
        target = draw(st.sampled_from(sorted(VECTOR_TARGETS)))
        return Panels.of(
            VECTOR_TARGETS[target], gates, units, terms, apart=draw(st.booleans()), paired=draw(st.booleans())
        )
    width = draw(st.sampled_from([width for width in (1, 2, 3, 4) if gates % width == 0]))
    return Panels(gates, units, terms, draw(st.sampled_from([1, 4, 8, 16, 32])), width)


@given(drawn_panels())
def test_pack_is_the_plain_loop(panels):
    columns = panels.gates * panels.units
    # No zero but padding, and no two alike: a wrong place shows.
    size = max(panels.terms, 1) * columns
    weight = np.arange(1, size + 1, dtype=np.float32).reshape((panels.terms, columns) if panels.terms else (columns,))
    result = panels.pack(weight)
    assert result.dtype == weight.dtype
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, packed_one_by_one(panels, weight))
    assert np.count_nonzero(result) == size


@given(drawn_panels())
def test_sizes(panels):
    assert int(np.prod(panels.shape)) == panels.size
    assert int(np.prod(panels.shape[2:])) == panels.panel_size
    assert panels.shape[1] * panels.shape[3] == panels.gates
    assert panels.padded_units == panels.shape[0] * panels.shape[4]
    # No tile without a unit.
    assert panels.padded_units - panels.lanes < panels.units <= panels.padded_units
    # Whole iterations over the terms; a bias has none.
    assert panels.depth % MOST_TERMS == 0 if panels.terms else panels.depth == 1
    assert panels.depth >= panels.terms


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("target", VECTOR_TARGETS.values(), ids=lambda target: target.name)
def test_panels_of_a_target(target, apart):
    """All panels of a scan agree on what a tile is, whatever their number of terms, and hold whole vectors."""
    kernel, recurrent, bias = (Panels.of(target, 4, 21, terms, apart=apart) for terms in (3, 21, 0))
    for panels in (kernel, recurrent, bias):
        assert panels.lanes % target.lanes == 0
        assert (panels.lanes, panels.width, panels.tiles) == (kernel.lanes, kernel.width, kernel.tiles)
        assert (panels.lanes // target.lanes, panels.width) == (target.unit_vectors if apart else 1, 1)
    assert (kernel.terms, recurrent.terms, bias.terms) == (3, 21, 0)


def test_paired_weights_stand_side_by_side():
    """Two gates, or two vectors of units, alternate; where there is one of either, nothing does."""
    target = VECTOR_TARGETS["avx2"]
    assert [Panels.of(target, gates, 21, 3, paired=True).shape[3] for gates in (1, 2, 3, 4)] == [1, 2, 1, 2]
    assert [Panels.of(target, gates, 21, 3, paired=True).paired for gates in (1, 2, 3, 4)] == [0, 8, 0, 8]
    assert Panels.of(target, 3, 21, 3, apart=True, paired=True).paired == 8


@pytest.mark.parametrize(("value", "multiple", "result"), [(0, 4, 0), (1, 4, 4), (4, 4, 4), (5, 4, 8), (7, 1, 7)])
def test_round_up(value, multiple, result):
    assert round_up(value, multiple) == result
