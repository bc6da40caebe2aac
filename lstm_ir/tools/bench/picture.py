"""A benchmark's ratios as a bar chart."""

import io

from lstm_ir.errors import ArgumentError
from lstm_ir.tools.bench.results import Report

FORMATS = (".svg", ".png")
_FASTER, _SLOWER = "#2a7f62", "#b5523b"


def ratio_picture(report: Report, suffix: str) -> bytes:
    """Return a bar chart of the ratio of each case, the line at 1 being as fast as the best peer.

    Args:
        report: What to draw.
        suffix: ``.svg`` or ``.png``.

    Raises:
        ArgumentError: No case has a ratio.
        ModuleNotFoundError: Matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [(case.case.name, case.ratio, case.best_peer.name) for case in report.cases
            if case.ratio is not None and case.best_peer is not None]  # fmt: skip
    if not rows:
        raise ArgumentError("--picture: there is nothing to draw, no case has a peer to compare with")
    # Text stays text, and the same figures give the same file.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lstm-ir"}):
        figure, axes = pyplot.subplots(figsize=(8, 1.4 + 0.32 * len(rows)), layout="constrained")
        places = range(len(rows))
        ratios = [ratio for _, ratio, _ in rows]
        axes.barh(places, ratios, color=[_FASTER if ratio >= 1 else _SLOWER for ratio in ratios])
        for place, (_, ratio, peer) in zip(places, rows, strict=True):
            axes.annotate(
                f"{ratio:.2f}  {peer}", (ratio, place), (4, 0), textcoords="offset points", va="center", fontsize=8
            )
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_yticks(places, [name for name, _, _ in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.25 * max(1.0, *ratios))
        axes.set_xlabel("time of the best peer over that of lstm-ir (longer is faster)")
        axes.set_ylabel("batch, steps, features, units")
        cpu = f"{report.machine.cpu}, {report.machine.workers} cores" if report.machine is not None else ""
        axes.set_title(f"LSTM forward, float32{', ' if cpu else ''}{cpu}", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        file = io.BytesIO()
        metadata = {"Date": None} if suffix == ".svg" else {}
        figure.savefig(file, format=suffix.removeprefix("."), dpi=150, metadata=metadata)
        pyplot.close(figure)
    return file.getvalue()
