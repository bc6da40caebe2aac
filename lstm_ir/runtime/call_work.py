"""Whether a call's work is worth spreading over the cores, told from its batch and time before it runs.

A dispatch on IREE's local-task driver is handed to other threads and waited for; local-sync runs it at once, on the
caller's thread, and rows may be shared between the two (``shared_rows``).
The estimates are coarse and need no more: near the border both drivers take about as long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CallWork"]

FLOP_PER_US = 70e3
"""What one core does of a scan's products in a microsecond."""
CALL_US = 250.0
"""What a call loses on local-task by waking the other threads and waiting for them, where other programs run too: the
medians of calls in turns are alike where half the work on a core takes so long. While no other program ran that was 170
to 220, on a virtual machine where a thread on an idle core wakes 30 to 80 after it is called."""
SHARING_US = 110.0
"""What a call loses by sharing its rows with other threads: handing them their part, and what they begin later."""
MEETING_US = 1.0
"""What the workgroups of a cooperative scan lose a step by meeting: on two cores 0.3 (64 units) to 1 or more (256)."""
DISPATCH_STEP_US = 6.0
"""What a scan whose steps are dispatches of their own loses a step by handing them over."""

_GATES = 4


@dataclass(frozen=True)
class _Scan:
    form: str
    flop: float  # of one step of one row: products of features and state with the weights of all gates
    at_once: int  # scans that run beside each other: the directions of a layer


@dataclass(frozen=True)
class CallWork:
    """The work of a module's calls, as its artifact describes it."""

    scans: tuple[_Scan, ...]

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> CallWork | None:
        """Reads an artifact's description; None if it has no scans, or does not say how large they are."""
        entries = description.get("scans")
        if not isinstance(entries, list) or not entries:
            return None
        if not all(isinstance(entry, dict) and _is_size(entry.get("units")) for entry in entries):
            return None
        layers = [_layer(entry) for entry in entries]
        directions = Counter(layers)
        scans = []
        for entry, layer in zip(entries, layers, strict=True):
            units = entry["units"]
            features = entry["features"] if _is_size(entry.get("features")) else units
            flop = 2.0 * (units + features) * _GATES * units
            scans.append(_Scan(str(entry.get("form")), flop, 1 if layer is None else directions[layer]))
        return cls(tuple(scans))

    def pays(self, batch: int, time: int, workers: int) -> bool:
        """Whether a call is done sooner by so many workers on local-task than on the caller's thread alone."""
        return self._saved(batch, time, workers) > 0

    def own_rows(self, batch: int, time: int, workers: int, row_tile: int) -> int | None:
        """How many rows the caller computes of a call that it shares with one worker less than there are.

        All scans must be persistent. The caller has no fewer than others, who begin later.

        Args:
          batch: Number of rows.
          time: Number of steps.
          workers: How many threads there are for it, with the caller's.
          row_tile: Rows that a kernel computes together.

        Returns:
          The rows, or None where another way is done sooner.
        """
        tiles = -(-batch // row_tile)
        parts = min(workers, tiles)
        if parts < 2:
            return None
        own = -(-tiles // parts)
        alone = sum(batch * time * scan.flop / FLOP_PER_US for scan in self.scans)
        saved = alone * (1 - own / tiles) - SHARING_US
        return own * row_tile if saved > max(0.0, self._saved(batch, time, workers)) else None

    def _saved(self, batch: int, time: int, workers: int) -> float:
        """The microseconds by which a call is done sooner on local-task than on the caller's thread alone."""
        saved = -CALL_US
        for scan in self.scans:
            alone = batch * time * scan.flop / FLOP_PER_US
            parts = workers
            if scan.form == "persistent":  # a row's steps stay together
                parts = min(workers, max(1, batch) * scan.at_once)
            elif scan.form == "cooperative":
                saved -= MEETING_US * time
            else:
                saved -= DISPATCH_STEP_US * time
            saved += alone * (1 - 1 / parts)
        return saved


def _layer(entry: Mapping[str, Any]) -> str | None:
    """The bidirectional layer that a scan is one direction of."""
    layer, _, direction = str(entry.get("name")).rpartition("/")
    return layer if layer and direction in ("forward", "backward") else None


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
