"""Which form a scan takes on a GPU, and why."""

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.recurrence_ops import ProjectOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.dialect.shapes import DYNAMIC, as_float, shape_of
from lstm_ir.passes.kernels.gpu.exchange import words_of
from lstm_ir.passes.kernels.gpu.scan_tensors import why_not
from lstm_ir.passes.kernels.gpu.slice_tile import SliceTile
from lstm_ir.passes.kernels.gpu.tensor_tile import LEAST_ROWS, TensorTile
from lstm_ir.passes.kernels.gpu.thread_tile import GpuLimits, ThreadTile

FORMS = ("persistent", "cooperative", "unrolled", "loop")
"""What can be had on GPUs."""

CACHE_BYTES = 64
"""Bytes that a multiprocessor reads of the second-level cache in a cycle, at best. These three are from public
descriptions of NVIDIA's GPUs: nothing was measured."""
SHARED_BYTES = 128
"""Bytes that it reads of workgroup memory in a cycle."""
MEETING_CYCLES = 2500
"""What an h needs from one workgroup to another, and the threads of a workgroup to meet."""


def tile_of(scan: ScanOp, limits: GpuLimits) -> ThreadTile | str:
    """Return what each thread of a scan's persistent kernel does, or why there is none.

    Args:
        scan: The scan.
        limits: What a workgroup may have.
    """
    reason = why_not(scan)
    if reason is not None:
        return reason
    tile = ThreadTile.of(
        limits,
        scan.gates,
        scan.units,
        batch=_batch(scan),
        copies=_copies(scan),
        element_bytes=as_float(scan.storage_type).size,
    )
    if tile is None:
        return f"the states of {scan.units} units do not fit into {limits.memory} bytes of workgroup memory"
    return tile


def slice_of(scan: ScanOp, limits: GpuLimits) -> SliceTile | str:
    """Return what each workgroup of a scan's cooperative kernel does, or why there is none.

    Args:
        scan: The scan.
        limits: What a workgroup may have, and how many run at once.
    """
    reason = why_not(scan)
    if reason is not None:
        return reason
    batch, companions = _batch(scan), _companions(scan)
    tile = SliceTile.of(
        limits,
        scan.gates,
        scan.units,
        element_bytes=as_float(scan.storage_type).size,
        batch=batch,
        copies=_copies(scan),
        companions=companions,
    )
    has_matrices = str(scan.storage_type) in limits.tensor_cores
    if isinstance(tile, str) or not has_matrices or (batch is not None and batch < LEAST_ROWS):
        return tile
    at_once = limits.multiprocessors // companions
    return TensorTile.of_slice(tile, limits.threads, limits.memory, at_once) or tile


def choose_on_gpu(scan: ScanOp, form: str, limits: GpuLimits) -> tuple[str, str]:
    """Choose a form and say why.

    Launches and waiting for them cost more than anything that a kernel of ours does: one is taken where it can be had.
    Cooperative is taken where the weights outgrow a multiprocessor, unless there are so many rows that all of those are
    busy anyway.

    Args:
        scan: The scan.
        form: ``auto``, or the form that the user asks for.
        limits: What a workgroup may have, and how many run at once.

    Raises:
        ValueError: If the form that was asked for cannot be had; the text says why and what can.
    """
    tile, share = tile_of(scan, limits), slice_of(scan, limits)
    layout = describe(scan.input_map)
    assert layout is not None
    is_open = shape_of(scan.input.type)[0 if layout[0] else 1] == DYNAMIC
    refused = {name: found for name, found in (("persistent", tile), ("cooperative", share)) if isinstance(found, str)}
    if is_open:
        refused["unrolled"] = "the number of steps is dynamic; fix it with time="
    possible = [name for name in FORMS if name not in refused]
    if form != "auto":
        if form not in possible:
            why = refused.get(form, f"not a form ({', '.join(FORMS)})")
            raise ValueError(f"form {form!r}: {why}; possible here: auto, {', '.join(possible)}")
        return form, f"asked for; {_about(form, tile, share)}"
    if scan.unroll is not None and "unrolled" in possible and isinstance(tile, str):
        return "unrolled", "the layer says unroll=True"
    chosen = "persistent" if "persistent" in possible else "loop"
    if isinstance(share, SliceTile):
        against = _why_not_cooperative(scan, limits, tile, share)
        if against is None:
            chosen = "cooperative"
            if isinstance(tile, ThreadTile):
                refused["persistent"] = "its workgroups would read all recurrent weights each step"
        else:
            refused["cooperative"] = against
    others = [f"{name}: {why}" for name, why in refused.items()]
    return chosen, "; ".join([_about(chosen, tile, share), *others])


def _why_not_cooperative(scan: ScanOp, limits: GpuLimits, tile: ThreadTile | str, share: SliceTile) -> str | None:
    """Return why a cooperative kernel that can be had is not taken; None if it is."""
    if isinstance(tile, str):
        return None
    if tile.keeps_weights:
        return "a multiprocessor holds all weights"
    batch = _batch(scan) or 1
    weights = share.element_bytes * scan.gates * scan.units * scan.units
    at_once = tile.rows * (limits.multiprocessors // _companions(scan))
    alone = -(-batch // at_once) * weights / CACHE_BYTES
    exchanged = 4 * words_of(scan.storage_type) * share.rows * scan.units / CACHE_BYTES
    each = MEETING_CYCLES + exchanged + share.element_bytes * share.weights_size / SHARED_BYTES
    return "so many rows keep all multiprocessors busy" if -(-batch // share.rows) * each > alone else None


def _batch(scan: ScanOp) -> int | None:
    batch = shape_of(scan.init[0].type)[0]
    return None if batch == DYNAMIC else batch


def _copies(scan: ScanOp) -> int:
    return 1 if scan.recurrent_dropout is None else scan.gates


def _companions(scan: ScanOp) -> int:
    """Return how many scans read the same input, this one included, before or after their projections were hoisted."""
    projection = scan.input.owner
    if not (scan.is_hoisted and isinstance(projection, ProjectOp)):
        return scan.companions
    return sum(isinstance(use.operation, ProjectOp) for use in projection.input.uses)


def _about(form: str, tile: ThreadTile | str, share: SliceTile | str) -> str:
    if form == "persistent" and isinstance(tile, ThreadTile):
        weights = f"in {_places(tile)}" if tile.keeps_weights else "read each step"
        rows = "a row" if tile.rows == 1 else f"{tile.rows} rows"
        return f"one launch, {tile.threads} threads for {rows} of the batch, recurrent weights {weights}"
    if form == "cooperative" and isinstance(share, SliceTile):
        return (
            f"one launch, {share.slices} workgroups of {share.threads} threads with {share.width} units each, recurrent"
            f" weights in {_places(share)}{', tensor cores' if isinstance(share, TensorTile) else ''}"
        )
    return {"loop": "host loop over step dispatches", "unrolled": "all steps in one command buffer"}[form]


def _places(tile: ThreadTile | SliceTile) -> str:
    places = (["registers"] if tile.kept else []) + (["workgroup memory"] if tile.weights_size else [])
    return " and ".join(places)
