"""A process that does what it is told, item by item, and prints a line of JSON before and after each.

It may die or hang: whoever started it goes on behind the item that it was at.
"""

import json
import lzma
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.runtime import load


def main() -> None:
    """Do the items of a JSON list on standard input: pairs of a stage and a name."""
    folder, device, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    manifest = json.loads((folder / "manifest.json").read_text())
    out = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no result
    worker = Worker(folder, device, seconds, manifest)
    for stage, name in json.load(sys.stdin):
        print(json.dumps({"begin": [stage, name]}), file=out, flush=True)
        try:
            result = {"ok": True, **worker.do(stage, name)}
        except Exception as error:  # whatever it is, it is the result
            traceback.print_exc()
            result = {"ok": False, "error": f"{type(error).__name__}: {str(error)[:500]}"}
        print(json.dumps({"end": [stage, name], "result": result}), file=out, flush=True)


class Worker:
    """Does items.

    Args:
        folder: What prepare.py made.
        device: What modules are loaded on.
        seconds: How long a contestant is timed.
        manifest: What the folder says of itself.
    """

    def __init__(self, folder: Path, device: str, seconds: float, manifest: dict[str, Any]) -> None:
        self.folder, self.device, self.seconds, self.manifest = folder, device, seconds, manifest
        self._archives: dict[str, Any] = {}

    def do(self, stage: str, name: str) -> dict[str, Any]:
        """Do an item; returns what is to be said of it beside that it went well."""
        if stage == "check":
            return self._check(name)
        if stage == "speed":
            return self._speed(name)
        return self._case(stage, name)

    def _check(self, name: str) -> dict[str, Any]:
        from checks import CHECKS
        from plan import MEASURED

        by_name = {what.artifact: what for what in MEASURED}
        artifact = min(self.manifest["checksums"], key=lambda key: by_name[key].shape.units)
        data = lzma.decompress((self.folder / f"{artifact}.vmfb.xz").read_bytes())
        (spec,) = load(data, device=self.device).inputs
        x = np.random.default_rng(2).standard_normal((12, 3, spec.shape[-1])).astype(np.float32)
        CHECKS[name](data, self.device, x)
        return {}

    def _speed(self, name: str) -> dict[str, Any]:
        import contest
        from plan import MEASURED

        (what,) = (what for what in MEASURED if str(what) == name)
        checksum = self.manifest["checksums"][what.artifact]
        result = contest.run(what, self.folder, self.device, checksum, self.seconds)
        return {"ok": result["is_right"], **result}

    def _case(self, form: str, name: str) -> dict[str, Any]:
        import recorded

        if form not in self._archives:
            self._archives[form] = recorded.Archive(self.folder / f"cases-{form}.tar.xz")
        compiler = self._archives[form].compiler(name, lambda data: load(data, device=self.device))
        return {"difference": recorded.run(name, compiler)}


if __name__ == "__main__":
    main()
