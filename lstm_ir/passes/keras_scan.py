"""A scan with the index maps that Keras's settings of a recurrent layer mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Attribute, Region, SSAValue

from lstm_ir.dialect.index_maps import step_map
from lstm_ir.dialect.scan_op import ScanOp


@dataclass(frozen=True)
class ScanSettings:
    """The settings of a recurrent layer that say which steps are visited and what is returned, named as Keras's."""

    go_backwards: bool
    time_major: bool
    return_sequences: bool
    zero_output_for_mask: bool
    unroll: bool


def keras_scan(
    name: str,
    settings: ScanSettings,
    x: SSAValue,
    kernels: Sequence[SSAValue],
    recurrent_kernels: Sequence[SSAValue],
    biases: Sequence[SSAValue],
    mask: SSAValue | None,
    init: Sequence[SSAValue],
    cell: Region,
    *,
    output_type: Attribute,
    input_dropout: SSAValue | None = None,
    recurrent_dropout: SSAValue | None = None,
) -> ScanOp:
    """Return the scan of a layer, not inserted yet; the operands are those of `ScanOp`."""
    visited = step_map(time_major=settings.time_major, reverse=settings.go_backwards)
    plain = step_map(time_major=settings.time_major, reverse=False)
    # Unrolled, Keras zeroes backward outputs by the mask in the input's order, not in the order of the outputs.
    misplaced = settings.go_backwards and settings.unroll and settings.zero_output_for_mask and mask is not None
    return ScanOp(
        name,
        x,
        kernels,
        recurrent_kernels,
        biases,
        mask,
        init,
        cell,
        input_map=visited,
        mask_map=None if mask is None else visited,
        # Keras gives the outputs in visited order, whatever the direction.
        output_map=plain if settings.return_sequences else None,
        masked_output="zero" if settings.zero_output_for_mask else "hold",
        zero_map=plain if misplaced and settings.return_sequences else None,
        output_type=output_type,
        unroll=settings.unroll,
        input_dropout=input_dropout,
        recurrent_dropout=recurrent_dropout,
    )
