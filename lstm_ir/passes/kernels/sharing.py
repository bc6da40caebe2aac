"""Which scans share a kernel: layers alike but for their weights, and the directions of a layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import AffineMapAttr
from xdsl.ir import Attribute

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.scan_op import ScanOp

MAPS = ("input_map", "mask_map", "zero_map", "output_map")
"""The index maps of a scan, by name."""


@dataclass(frozen=True)
class Sharing:
    """What scans that share a kernel differ in, so that their dispatches say it.

    Attributes:
        may_have_mask: Whether some have a mask; then each says whether it has one.
        turning: Index maps that run backwards in some and not in others, by name; each scan says which way its own do.
    """

    may_have_mask: bool
    turning: tuple[str, ...]


def is_reverse(scan: ScanOp, name: str) -> bool:
    """Return whether an index map of a scan runs backwards; one that it lacks does not."""
    map_: AffineMapAttr | None = getattr(scan, name)
    layout = None if map_ is None else describe(map_)
    return layout is not None and layout[1]


def by_layer(scans: Sequence[ScanOp]) -> list[list[ScanOp]]:
    """Return the scans of each layer, those with a mask first."""
    layers: dict[str, list[ScanOp]] = {}
    for scan in scans:
        layers.setdefault(scan.layer.data, []).append(scan)
    return [sorted(same, key=lambda scan: scan.mask is None) for same in layers.values()]


def by_kernel(scans: Sequence[ScanOp]) -> list[tuple[list[ScanOp], Sharing]]:
    """Return the scans that share each kernel, those with a mask first: the first has all that the kernel needs."""
    groups: list[list[ScanOp]] = []
    for same in by_layer(scans):
        group = next((group for group in groups if _are_alike(group[0], same[0])), None)
        if group is None:
            groups.append(same)
        else:
            group.extend(same)
    return [
        (sorted(group, key=lambda scan: scan.mask is None), Sharing(group[0].mask is not None, _turning(group)))
        for group in groups
    ]


def _turning(group: Sequence[ScanOp]) -> tuple[str, ...]:
    """Return the maps that scans of a group have in different directions."""
    ways = {name: {is_reverse(scan, name) for scan in group if getattr(scan, name) is not None} for name in MAPS}
    return tuple(name for name, found in ways.items() if len(found) > 1)


def _are_alike(first: ScanOp, second: ScanOp) -> bool:
    """Return whether one kernel, told of directions, can run both scans."""
    return _shape(first) == _shape(second) and first.cell.is_structurally_equivalent(second.cell)


def _shape(scan: ScanOp) -> tuple[object, ...]:
    """Return what a kernel is built for, but for the cell and directions."""
    segments = (
        [scan.input],
        scan.kernels,
        scan.recurrent_kernels,
        scan.biases,
        *([] if value is None else [value] for value in (scan.input_dropout, scan.recurrent_dropout, scan.mask)),
        scan.init,
        [scan.output],
    )
    types: list[list[Attribute]] = [[value.type for value in segment] for segment in segments]
    layouts = [None if getattr(scan, name) is None else describe(getattr(scan, name)) for name in MAPS]
    time_major = [None if layout is None else layout[0] for layout in layouts]
    return types, time_major, scan.masked_output, scan.form, scan.large_batch_form
