"""Index maps of scans: where the data of a visited step lies."""

import itertools

import pytest
from xdsl.dialects.builtin import AffineMapAttr
from xdsl.ir.affine import AffineMap

from lstm_ir.dialect.index_maps import describe, flipped, step_map

LAYOUTS = list(itertools.product([False, True], repeat=2))


@pytest.mark.parametrize(("time_major", "reverse"), LAYOUTS)
def test_where_a_step_lies(time_major, reverse):
    map_ = step_map(time_major=time_major, reverse=reverse).data
    for step, batch, length in [(0, 0, 1), (0, 3, 5), (4, 1, 5), (2, 2, 7)]:
        time = length - 1 - step if reverse else step
        assert list(map_.eval([step, batch], [length])) == ([time, batch] if time_major else [batch, time])


@pytest.mark.parametrize(("time_major", "reverse"), LAYOUTS)
def test_description_of_a_map(time_major, reverse):
    assert describe(step_map(time_major=time_major, reverse=reverse)) == (time_major, reverse)


def test_the_four_maps_differ():
    assert len({step_map(time_major=major, reverse=reverse) for major, reverse in LAYOUTS}) == 4


@pytest.mark.parametrize(("time_major", "reverse"), LAYOUTS)
def test_flipping(time_major, reverse):
    map_ = step_map(time_major=time_major, reverse=reverse)
    assert flipped(map_) == step_map(time_major=time_major, reverse=not reverse)
    assert flipped(flipped(map_)) == map_


def test_other_maps():
    identity = AffineMapAttr(AffineMap.identity(2))
    assert describe(identity) is None
    with pytest.raises(ValueError, match="not an index map of a scan"):
        flipped(identity)
