"""Which form a scan takes on a GPU, and why."""

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.dialect.shapes import DYNAMIC, shape_of
from lstm_ir.passes.kernels.gpu.scan_tensors import why_not
from lstm_ir.passes.kernels.gpu.thread_tile import GpuLimits, ThreadTile

FORMS = ("persistent", "unrolled", "loop")
"""What can be had on GPUs."""


def tile_of(scan: ScanOp, limits: GpuLimits) -> ThreadTile | str:
    """Return what each thread of a scan's kernel does, or why there is no kernel.

    Args:
        scan: The scan.
        limits: What a workgroup may have.
    """
    reason = why_not(scan)
    if reason is not None:
        return reason
    batch = shape_of(scan.init[0].type)[0]
    copies = 1 if scan.recurrent_dropout is None else scan.gates
    tile = ThreadTile.of(limits, scan.gates, scan.units, batch=None if batch == DYNAMIC else batch, copies=copies)
    if tile is None:
        return f"the states of {scan.units} units do not fit into {limits.memory} bytes of workgroup memory"
    return tile


def choose_on_gpu(scan: ScanOp, form: str, limits: GpuLimits) -> tuple[str, str]:
    """Choose a form and say why.

    Launches and waiting for them cost more than anything that a kernel of ours does: it is taken where it can be had.

    Args:
        scan: The scan.
        form: ``auto``, or the form that the user asks for.
        limits: What a workgroup may have.

    Raises:
        ValueError: If the form that was asked for cannot be had; the text says why and what can.
    """
    tile = tile_of(scan, limits)
    layout = describe(scan.input_map)
    assert layout is not None
    is_open = shape_of(scan.input.type)[0 if layout[0] else 1] == DYNAMIC
    refused = {"cooperative": "there is none on GPUs"}
    if isinstance(tile, str):
        refused["persistent"] = tile
    if is_open:
        refused["unrolled"] = "the number of steps is dynamic; fix it with time="
    possible = [name for name in FORMS if name not in refused]
    if form != "auto":
        if form not in possible:
            why = refused.get(form, f"not a form ({', '.join(FORMS)})")
            raise ValueError(f"form {form!r}: {why}; possible here: auto, {', '.join(possible)}")
        return form, f"asked for; {_about(form, tile)}"
    if scan.unroll is not None and "unrolled" in possible and isinstance(tile, str):
        return "unrolled", "the layer says unroll=True"
    chosen = "persistent" if "persistent" in possible else "loop"
    others = [f"{name}: {why}" for name, why in refused.items()]
    return chosen, "; ".join([_about(chosen, tile), *others])


def _about(form: str, tile: ThreadTile | str) -> str:
    if form != "persistent" or isinstance(tile, str):
        return {"loop": "host loop over step dispatches", "unrolled": "all steps in one command buffer"}[form]
    weights = "in registers" if tile.keeps_weights else "read each step"
    rows = "a row" if tile.rows == 1 else f"{tile.rows} rows"
    return f"one launch, {tile.threads} threads for {rows} of the batch, recurrent weights {weights}"
