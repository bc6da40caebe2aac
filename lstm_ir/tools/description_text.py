"""Parts of an artifact's description in words."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Where a reason of the cost model goes on to the next form.
_OTHER_FORM = re.compile(r"; (?=(?:loop|unrolled|persistent|cooperative)\b)")

# The features that decide how wide code is; all others are in --json.
_TELLING = ("avx512f", "avx2", "fma", "avx", "sse4.2", "neon", "sve", "dotprod")


def target_text(target: Mapping[str, Any]) -> str:
    """Return a target in words: ``cpu, x86_64 znver3 (avx2, fma ... 61 features)``, ``cuda, sm_80 (+ptx76)``."""
    if "gpu" in target:
        return f"{target['name']}, {target['gpu']} ({', '.join(target['features'])})"
    features = target.get("features", [])
    telling = [name for name in _TELLING if name in features]
    brief = f" ({', '.join([*telling, f'{len(features)} features in all'])})" if features else ""
    return f"{target['name']}, {target['arch']} {target['cpu']}{brief}"


def form_lines(scans: Iterable[Mapping[str, Any]], *, with_others: bool = True) -> list[str]:
    """Return a scan's form and the reason, and below it why it is no other; scans that are alike stand together.

    Args:
        scans: Of a description.
        with_others: Say why it is no other form.
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for scan in scans:
        form = scan["form"] if scan.get("code") != "tensor" else f"{scan['form']} of tensor code"
        if "weights" in scan:
            form += f" with {scan['weights']} weights"
        alike.setdefault((form, scan["reason"]), []).append(scan["name"])
    lines: list[str] = []
    for (form, reason), names in alike.items():
        # A reason of the model or of the user does not go on with the other forms.
        why, *others = [reason] if reason.startswith("asked for") else _OTHER_FORM.split(reason)
        lines.append(f"{', '.join(names)}: {form}, {why}")
        lines += [f"  instead of {other}" for other in others] if with_others else []
    return lines or ["no LSTM"]


def other_rows(others: Iterable[Mapping[str, Any]], *, with_others: bool = True) -> dict[str, str]:
    """Return the rows of a table about an artifact's further targets.

    Args:
        others: Their descriptions.
        with_others: As of ``form_lines``.
    """
    return {
        f"and for {other['target']['name']}": "\n".join(
            [target_text(other["target"]), *form_lines(other["scans"], with_others=with_others)]
        )
        for other in others
    }


def port_text(port: Mapping[str, Any]) -> str:
    """Return a tensor of the interface in words: ``x: float32 (batch, time, 12)``."""
    names = {port.get("batch_axis"): "batch", port.get("time_axis"): "time"}
    sizes = []
    for axis, size in enumerate(port["shape"]):
        name = names.get(axis)
        sizes.append(str(size) if name is None else name if size is None else f"{name}={size}")
    return f"{port['name']}: {port.get('dtype', '')} ({', '.join(sizes)})"


def mask_text(description: Mapping[str, Any]) -> str:
    """Return what an artifact or interface says of its mask."""
    mask = description.get("mask")
    if description.get("masks"):
        return f"optional, for {', '.join(mask['of'] for mask in description['masks'])}, true where a step counts"
    if mask is None:
        return f"none: {description.get('mask_reason', 'no layer takes one')}"
    axes = "(batch, time)" if mask["batch_axis"] < mask["time_axis"] else "(time, batch)"
    return f"optional, {axes}, true where a step counts"


def mode_text(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the row of a table that says that dropout is active; none for inference."""
    if description.get("seed") is None:
        return {}
    return {"training": "dropout is active; each call takes a seed, 0 to 2**64-1, or draws one"}


def size_text(found: Mapping[str, Any]) -> str:
    """Return the size of a file and of its weights in words."""
    weights, beside = found.get("weights_bytes"), found.get("weights_file")
    where = "" if beside is None else f" in {beside['name']}"
    return f"{found['bytes']:,} bytes" + ("" if weights is None else f", weights {weights:,} bytes{where}")
