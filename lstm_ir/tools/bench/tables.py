"""A benchmark's report as tables for people."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lstm_ir.tools.bench.machine import Machine
from lstm_ir.tools.bench.own_programs import NAME
from lstm_ir.tools.bench.results import Entry, Report
from lstm_ir.tools.bench.suite import SMALL_BATCH, VARIANTS
from lstm_ir.tools.console import fields, listing

if TYPE_CHECKING:
    from rich.console import RenderableType

_NEAR_BEST = 1.1
"""A choice of form counts as right up to this part of the best form's time."""
_BUSY_CPUS = 0.1


def report_tables(report: Report) -> "list[RenderableType]":
    """Return everything that there is to print, blank lines included."""
    parts: list[list[RenderableType]] = []
    if report.cases:
        parts.append(["milliseconds a call, medians, taken in turns in one run", "", _cases_table(report)])
        if any(case.each_form for case in report.cases):
            parts.append(["milliseconds a call of each form", "", _forms_table(report)])
    if report.variants:
        parts.append(["time over the plain layer's", "", _variants_table(report)])
    if report.steps:
        parts.append(
            ["microseconds a call of one step, state carried from Python: median / p99", "", _steps_table(report)]
        )
    parts.append([fields(_summary(report))])
    return [item for k, part in enumerate(parts) for item in ([""] if k else []) + part]


def _cases_table(report: Report) -> Any:
    peers = [peer.name for peer in report.cases[0].peers]
    right = (NAME, "p99", "us/step", *peers, "ratio", "of FMA peak", "over streaming")
    table = listing("case", "form", *right[:3], *peers, *right[-3:], right=right)
    for result in report.cases:
        own, fraction = result.own, result.fma_fraction(report.machine)
        streaming = result.streaming_ratio(report.machine) if result.case.batch == 1 else None
        table.add_row(
            result.case.name,
            result.form_text,
            _milliseconds(own),
            "" if own.timing is None else f"{own.timing.p99_us / 1e3:.3f}",
            "" if own.timing is None else f"{own.timing.median_us / result.case.steps:.1f}",
            *(_milliseconds(peer) for peer in result.peers),
            "" if result.ratio is None else f"{result.ratio:.2f}",
            "" if fraction is None else f"{fraction:.0%}",
            "" if streaming is None else f"{streaming:.1f}",
        )
    return table


def _forms_table(report: Report) -> Any:
    names = list(dict.fromkeys(form.name for case in report.cases for form in (*case.each_form, *case.fixed_forms)))
    table = listing("case", *names, "best", "chosen", "chosen / best", right=(*names, "chosen / best"))
    for result in report.cases:
        by_name = {form.name: form for form in (*result.each_form, *result.fixed_forms)}
        best = result.best_form
        over = "" if result.choice_over_best is None else f"{result.choice_over_best:.2f}"
        times = [_milliseconds(by_name[name]) if name in by_name else "" for name in names]
        table.add_row(result.case.name, *times, "" if best is None else best.name, result.form_text, over)
    return table


def _variants_table(report: Report) -> Any:
    names = [name for name in VARIANTS if name != "plain"]
    table = listing("shape", "plain ms", *names, right=("plain ms", *names))
    for result in report.variants:
        ratios = [result.over_plain(name) for name in names]
        cells = ["WRONG" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        table.add_row(result.shape, _milliseconds(result.entries["plain"]), *cells)
    return table


def _steps_table(report: Report) -> Any:
    peers = [peer.name for peer in report.steps[0].peers]
    table = listing("shape", NAME, *peers, right=(NAME, *peers))
    for result in report.steps:
        table.add_row(result.shape, *(_median_and_p99(entry) for entry in (result.own, *result.peers)))
    return table


def _summary(report: Report) -> "dict[str, RenderableType]":
    rows: dict[str, Any] = {}
    for label, limit in (("geometric mean", None), (f"of batches to {SMALL_BATCH}", SMALL_BATCH)):
        mean = report.geometric_mean(limit)
        if mean is not None and len(report.cases) > 1:
            rows[label] = f"{mean:.2f} (ratio: the best peer's median over ours)"
    judged = [case.choice_over_best for case in report.cases if case.choice_over_best is not None]
    if judged:
        near = sum(ratio <= _NEAR_BEST for ratio in judged)
        rows["choice of form"] = f"within 10 % of the best form in {near} of {len(judged)} cases"
    rows["checked"] = _checked_text(report)
    rows["peers"] = "\n".join(_peer_text(name, peer) for name, peer in report.peers.items()) or "none asked for"
    reasons = _reasons(report)
    if reasons:
        rows["left out"] = "\n".join(reasons)
    if report.machine is not None:
        rows["machine"] = _machine_text(report.machine)
    if report.others_cpus is not None and report.others_cpus > _BUSY_CPUS:
        rows["busy"] = f"other programs used {report.others_cpus:.1f} CPUs in the worst case: figures vary"
    return rows


def _checked_text(report: Report) -> str:
    entries = report.own_entries
    wrong = [entry for entry in entries if entry.check is not None and not entry.check.is_right]
    if wrong:
        return f"{len(wrong)} of our results are WRONG: {wrong[0].reason}"
    worst: dict[str, float] = {}
    for entry in entries:
        if entry.check is not None:
            against = entry.check.against
            worst[against] = max(worst.get(against, 0.0), entry.check.largest_difference)
    return "\n".join(
        f"every number timed; ours at most {distance:.1e} from {against}" for against, distance in worst.items()
    )


def _reasons(report: Report) -> list[str]:
    """Return why entries have no figures, each reason once with the number of cases that it holds for."""
    entries = [entry for case in report.cases for entry in (case.own, *case.peers, *case.each_form, *case.fixed_forms)]
    entries += [entry for step in report.steps for entry in (step.own, *step.peers)]
    entries += [entry for result in report.variants for entry in result.entries.values()]
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.reason is not None and entry.name not in _absent(report):
            text = f"{entry.name}: {entry.reason}"
            counts[text] = counts.get(text, 0) + 1
    for case in report.cases:
        for text in case.refused_forms.values():
            counts[text] = counts.get(text, 0) + 1
    return [f"{text} ({count} of the cases)" if count > 1 else text for text, count in counts.items()]


def _absent(report: Report) -> Iterable[str]:
    return [name for name, peer in report.peers.items() if peer["missing"] is not None]


def _machine_text(machine: Machine) -> str:
    giga = 1e9
    lines = [
        f"{machine.cpu}, {machine.cores} CPUs, {machine.workers} used, {' '.join(machine.features)}",
        "multiply-adds, GFLOP/s one core / all cores: "
        f"{machine.fma_one_core / giga:.0f} / {machine.fma_all_cores / giga:.0f}",
        "reads, GB/s one core / all cores: "
        + ", ".join(f"{b.name} {b.one_core / giga:.0f} / {b.all_cores / giga:.0f}" for b in machine.bandwidths),
    ]
    return "\n".join(lines)


def _peer_text(name: str, peer: dict[str, Any]) -> str:
    return f"{name} {peer['version']}" if peer["missing"] is None else f"{name}: {peer['missing']}"


def _milliseconds(entry: Entry) -> str:
    return (
        "WRONG" if entry.status == "wrong" else "-" if entry.timing is None else f"{entry.timing.median_us / 1e3:.3f}"
    )


def _median_and_p99(entry: Entry) -> str:
    if entry.timing is None:
        return _milliseconds(entry)
    return f"{entry.timing.median_us:.1f} / {entry.timing.p99_us:.1f}"
