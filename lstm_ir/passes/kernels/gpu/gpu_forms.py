"""Which form a scan takes on a GPU, and why."""

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.recurrence_ops import ProjectOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.dialect.shapes import DYNAMIC, as_float, shape_of
from lstm_ir.passes.kernels.gpu.exchange import words_of
from lstm_ir.passes.kernels.gpu.scan_tensors import why_not
from lstm_ir.passes.kernels.gpu.slice_tile import SliceTile
from lstm_ir.passes.kernels.gpu.tensor_tile import LEAST_ROWS, TensorRows, TensorTile
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
BUSY_ROWS = 2
"""Rows a multiprocessor from which on persistent workgroups take 16 each, on tensor cores. Not measured either."""


def tile_of(scan: ScanOp, limits: GpuLimits) -> ThreadTile | str:
    """Return what each thread of a scan's persistent kernel does, or why there is none.

    Args:
        scan: The scan.
        limits: What a workgroup may have, and how many run at once.
    """
    reason = why_not(scan)
    if reason is not None:
        return reason
    matrices, batch = _matrix_rows(scan, limits), _batch(scan)
    if matrices is not None and batch is not None and batch >= matrices[0]:
        return matrices[1]
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


def large_batch_of(scan: ScanOp, limits: GpuLimits) -> tuple[int, ThreadTile] | None:
    """Return from how many rows on another persistent kernel runs a scan, and what its threads do; None if none does.

    The batch is open then. A persistent scan has another one on tensor cores, a cooperative one where it has a
    ``large_batch_form``.

    Args:
        scan: The scan, its form chosen.
        limits: What a workgroup may have, and how many run at once.
    """
    assert scan.form is not None
    if scan.form.data == "persistent" and _batch(scan) is None:
        return _matrix_rows(scan, limits)
    tile, share = tile_of(scan, limits), slice_of(scan, limits)
    if scan.large_batch_form is None or isinstance(tile, str) or isinstance(share, str):
        return None
    least = _least_rows_alone(scan, limits, tile, share)
    return None if least is None else (least, tile)


def choose_on_gpu(scan: ScanOp, form: str, limits: GpuLimits) -> tuple[str, str, str | None]:
    """Choose a form, say why, and choose another form for large batches where the batch is open and one is faster then.

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
        return form, f"asked for; {_about(form, tile, share)}{_on_matrices(scan, form, limits)}", None
    if scan.unroll is not None and "unrolled" in possible and isinstance(tile, str):
        return "unrolled", "the layer says unroll=True", None
    chosen = "persistent" if "persistent" in possible else "loop"
    others, large = [], None
    if isinstance(share, SliceTile):
        against = _why_not_cooperative(scan, limits, tile, share)
        if against is None:
            chosen = "cooperative"
            if isinstance(tile, ThreadTile):
                refused["persistent"] = "its workgroups would read all recurrent weights each step"
                least = _least_rows_alone(scan, limits, tile, share)
                if _batch(scan) is None and least is not None:
                    large = "persistent"
                    others.append(f"persistent from {least} rows on")
        else:
            refused["cooperative"] = against
    others += [f"{name}: {why}" for name, why in refused.items()]
    return chosen, "; ".join([_about(chosen, tile, share) + _on_matrices(scan, chosen, limits), *others]), large


def _why_not_cooperative(scan: ScanOp, limits: GpuLimits, tile: ThreadTile | str, share: SliceTile) -> str | None:
    """Return why a cooperative kernel that can be had is not taken; None if it is."""
    if isinstance(tile, str):
        return None
    if tile.keeps_weights:
        return "a multiprocessor holds all weights"
    batch = _batch(scan) or 1
    at_once = tile.rows * (limits.multiprocessors // _companions(scan))
    alone, shared = _step_cycles(scan, share)
    is_busy = -(-batch // share.rows) * shared > -(-batch // at_once) * alone
    return "so many rows keep all multiprocessors busy" if is_busy else None


def _least_rows_alone(scan: ScanOp, limits: GpuLimits, tile: ThreadTile, share: SliceTile) -> int | None:
    """Return from how many rows on a persistent kernel that reads all weights each step is faster; None if never."""
    alone, shared = _step_cycles(scan, share)
    rows = int(share.rows * alone / shared) + 1
    return rows if rows <= tile.rows * (limits.multiprocessors // _companions(scan)) else None


def _step_cycles(scan: ScanOp, share: SliceTile) -> tuple[float, float]:
    """Return what a step takes of who reads all weights, and of a tile of rows whose units are shared."""
    weights = share.element_bytes * scan.gates * scan.units * scan.units
    exchanged = 4 * words_of(scan.storage_type) * share.rows * scan.units / CACHE_BYTES
    shared = MEETING_CYCLES + exchanged + share.element_bytes * share.weights_size / SHARED_BYTES
    return weights / CACHE_BYTES, shared


def _matrix_rows(scan: ScanOp, limits: GpuLimits) -> tuple[int, TensorRows] | None:
    """Return from how many rows on a persistent kernel on tensor cores is taken, and its tile; None if it cannot be."""
    if str(scan.storage_type) not in limits.tensor_cores or scan.recurrent_dropout is not None:
        return None
    tile = TensorRows.of_units(limits, scan.gates, scan.units, as_float(scan.storage_type).size)
    return None if tile is None else (BUSY_ROWS * max(1, limits.multiprocessors // _companions(scan)), tile)


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
        matrices = ", tensor cores" if isinstance(tile, TensorRows) else ""
        return f"one launch, {tile.threads} threads for {rows} of the batch, recurrent weights {weights}{matrices}"
    if form == "cooperative" and isinstance(share, SliceTile):
        return (
            f"one launch, {share.slices} workgroups of {share.threads} threads with {share.width} units each, recurrent"
            f" weights in {_places(share)}{', tensor cores' if isinstance(share, TensorTile) else ''}"
        )
    return {"loop": "host loop over step dispatches", "unrolled": "all steps in one command buffer"}[form]


def _on_matrices(scan: ScanOp, form: str, limits: GpuLimits) -> str:
    """Return what is said of a persistent scan that takes to tensor cores where the batch turns out to be large."""
    matrices = _matrix_rows(scan, limits) if form == "persistent" and _batch(scan) is None else None
    return "" if matrices is None else f"; from {matrices[0]} rows on {_about(form, matrices[1], '')}"


def _places(tile: ThreadTile | SliceTile) -> str:
    places = (["registers"] if tile.kept else []) + (["workgroup memory"] if tile.weights_size else [])
    return " and ".join(places)
