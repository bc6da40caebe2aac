"""What a module's scans look like once their forms are chosen, for people and for the artifact's description."""

from typing import Any

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.choose_form import facts_of


def report_scans(module: ModuleOp) -> list[dict[str, Any]]:
    """Return name, form, reason and shape of every scan of the entry point ``call``; the masked entry has the same.

    ``code`` is ``kernel`` where a kernel of ours runs the steps, ``tensor`` where IREE generates their code.
    """
    return [
        _report(op)
        for entry in module.body.block.ops
        if isinstance(entry, func.FuncOp) and entry.sym_name.data == "call"
        for op in entry.walk()
        if isinstance(op, ScanOp)
    ]


def _report(scan: ScanOp) -> dict[str, Any]:
    layout = describe(scan.input_map)
    assert layout is not None
    assert scan.form is not None
    assert scan.reason is not None
    facts = facts_of(scan)
    return {
        "name": scan.layer.data,
        "form": scan.form.data,
        "code": "kernel" if scan.runs_kernel else "tensor",
        "reason": scan.reason.data,
        **({} if scan.large_batch_form is None else {"large_batch_form": scan.large_batch_form.data}),
        **({} if scan.weights is None else {"weights": scan.weights.data}),
        "features": facts.features,
        "units": facts.units,
        "batch": facts.batch,
        "time": facts.time,
        "direction": "backward" if layout[1] else "forward",
        "layout": "time-major" if layout[0] else "batch-major",
    }
