"""The recorded cases: reading one, and comparing what an implementation gives with what Keras gave.

A case is a layer, its weights, a list of operations ("ops": ``call``, ``reset_states``, ``get_states``, ``get_losses``)
and what each operation returned, or the exceptions of which one must be raised.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    id: str
    layer: dict[str, Any]  # api, class_name, ctor, config, wrapper, build_shape
    weights: list[np.ndarray]
    calls: list[dict[str, Any]]
    tags: list[str]
    tol: dict[str, float]
    expect: list[list[np.ndarray]] | None = None
    raises: list[str] | None = None

    @property
    def ops(self) -> set[str]:
        return {call["op"] for call in self.calls}

    def has_tag(self, tag: str) -> bool:
        """Whether the case has the tag, or one of the form ``tag:detail``."""
        return any(t == tag or t.startswith(tag + ":") for t in self.tags)


def case_paths() -> list[Path]:
    return sorted(CASES.glob("*.json"))


def load_case(path: Path) -> Case:
    record = json.loads(path.read_text())
    with np.load(path.with_suffix(".npz")) as archive:
        arrays = {key: archive[key] for key in archive.files}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return arrays[value["$"]] if set(value) == {"$"} else {k: filled(v) for k, v in value.items()}
        return [filled(v) for v in value] if isinstance(value, list) else value

    return Case(
        id=record["id"],
        layer=record["layer"],
        weights=filled(record["weights"]),
        calls=filled(record["calls"]),
        tags=record["tags"],
        tol=record["tol"],
        expect=filled(record["expect"]) if "expect" in record else None,
        raises=record.get("raises"),
    )


def check(got: list[list[Any]], case: Case, tol: dict[str, float] | None = None) -> float:
    """Assert that ``got``, one list of arrays for each op, is what Keras gave; return the largest difference."""
    assert case.expect is not None, "a case that expects an exception"
    tol = tol or case.tol
    assert len(got) == len(case.expect), f"{len(got)} results for {len(case.expect)} ops"
    worst = 0.0
    for op, (arrays, expected) in enumerate(zip(got, case.expect, strict=True)):
        assert len(arrays) == len(expected), f"op {op}: {len(arrays)} arrays, expected {len(expected)}"
        for k, (array, want) in enumerate(zip(arrays, expected, strict=True)):
            a, b = np.asarray(array).astype("f8"), want.astype("f8")
            assert a.shape == b.shape, f"op {op}[{k}]: shape {a.shape}, expected {b.shape}"
            if not a.size:
                continue
            difference = np.abs(a - b)
            limit = tol["atol"] + tol["rtol"] * np.abs(b)
            assert (difference <= limit).all(), f"op {op}[{k}]: largest difference {difference.max():.3g}"
            worst = max(worst, float(difference.max()))
    return worst


def check_raises(error: BaseException, case: Case) -> None:
    """Assert that ``error`` is of a class, or has a base class, that the case lists."""
    names = {cls.__name__ for cls in type(error).__mro__}
    assert case.raises is not None
    assert names & set(case.raises), f"raised {type(error).__name__}: {error}, expected one of {case.raises}"
