"""Writes report.md and picture.svg from results.jsonl."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OURS, PEERS = "lstm-ir", ("cuDNN", "PyTorch")
LARGE = "16,1024,768,768 float16"


def main() -> None:
    """Report on a folder of results."""
    folder = Path(sys.argv[1])
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    about = lines[0]["about"]
    results = {tuple(line["item"]): line["result"] for line in lines[1:]}
    speeds = {name: result for (stage, name), result in results.items() if stage == "speed"}
    text = ["# Measured", "", *(f"- {key}: {value}" for key, value in about.items()), ""]
    for stage in dict.fromkeys(stage for stage, _ in results):
        mine = {name: result for (which, name), result in results.items() if which == stage}
        text += [f"## {stage}: {sum(result['ok'] for result in mine.values())} of {len(mine)} right", ""]
        text += [f"- WRONG {name}: {_why(result)}" for name, result in mine.items() if not result["ok"]] + [""]
    text += _table(speeds) + _goals(speeds)
    (folder / "report.md").write_text("\n".join(text) + "\n")
    if find_spec("matplotlib") is not None and any(_ratio(result) for result in speeds.values()):
        _draw(speeds, about, folder / "picture.svg")


def _why(result: dict[str, Any]) -> str:
    return str(result.get("error") or f"differs by {result.get(OURS, {}).get('difference')}")


def _peer(result: dict[str, Any]) -> dict[str, Any]:
    return next((result[name] for name in PEERS if "median_us" in result.get(name, {})), {})


def _ratio(result: dict[str, Any]) -> float | None:
    ours, peer = result.get(OURS, {}), _peer(result)
    return peer["median_us"] / ours["median_us"] if result["ok"] and peer and "median_us" in ours else None


def _table(speeds: dict[str, Any]) -> list[str]:
    heads = ("B,T,I,U", "form", "ms", "us a step", "PyTorch ms", "ratio", "with TF32 ms", "difference")
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, result in speeds.items():
        ours, peer, fast = result.get(OURS, {}), _peer(result), result.get("cuDNN, TF32", {})
        if "median_us" not in ours:
            rows.append(f"| {name} | | | | | | | {_why(result)} |")
            continue
        steps = int(name.split()[0].split(",")[1])
        ratio = _ratio(result)
        cells = [
            name, "/".join(result["forms"]), _ms(ours), f"{ours['median_us'] / steps:.2f}", _ms(peer),
            "" if ratio is None else f"{ratio:.2f}", _ms(fast), f"{ours['difference']:.1e}",
        ]  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return ["Time of a call, median; inputs and outputs on the device; masks from the host.", "", *rows, ""]


def _goals(speeds: dict[str, Any]) -> list[str]:
    """The large layer: a step's time, and the variants beside cuDNN's and our own plain one."""
    large = speeds.get(LARGE, {})
    ours, peer = large.get(OURS, {}).get("median_us"), _peer(large).get("median_us")
    rows = []
    if ours:
        rows.append(f"- {LARGE}: {ours / 1024:.2f} us a step (goal: at most 2.0)")
    for variant in ("masked", "hard_sigmoid"):
        time = speeds.get(f"{LARGE} {variant}", {}).get(OURS, {}).get("median_us")
        if time and ours:
            beside = f", {peer / time:.2f} of cuDNN's plain speed (goal: at least 1.0)" if peer else ""
            rows.append(f"- {variant}: {time / ours:.2f} times the plain call's time{beside}")
    return ["## The large layer", "", *rows, ""] if rows else []


def _ms(entry: dict[str, Any]) -> str:
    return f"{entry['median_us'] / 1e3:.3f}" if "median_us" in entry else str(entry.get("error", ""))[:40]


def _draw(speeds: dict[str, Any], about: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [(name, ratio) for name, result in speeds.items() if (ratio := _ratio(result)) is not None]
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lstm-ir"}):
        figure, axes = pyplot.subplots(figsize=(9, 1.4 + 0.28 * len(rows)), layout="constrained")
        places = range(len(rows))
        axes.barh(
            places, [ratio for _, ratio in rows], color=["#2a7f62" if ratio >= 1 else "#b5523b" for _, ratio in rows]
        )
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_yticks(places, [name for name, _ in rows], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlabel("time of PyTorch's LSTM over that of lstm-ir (longer is faster)")
        axes.set_title(
            f"{about.get('gpu') or about['device']}; PyTorch {about.get('torch')}, cuDNN {about.get('cudnn')}",
            fontsize=9,
        )
        figure.savefig(path)


if __name__ == "__main__":
    main()
