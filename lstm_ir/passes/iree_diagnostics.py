"""What IREE's compiler says while it compiles, and which layer it points at."""

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
_SEVERITIES = ("note", "warning", "error", "remark")


@dataclass
class Diagnostics:
    """What IREE said during one invocation."""

    messages: list[tuple[str, str]] = field(default_factory=list)

    def callback(self) -> Any:
        """Return a C callback that collects the messages."""

        def collect(severity: int, text: int, size: int, _: int) -> None:
            self.messages.append((_SEVERITIES[severity], ctypes.string_at(text, size).decode(errors="replace")))

        return CALLBACK(collect)

    def error_text(self) -> str:
        """Return the first error with the op it points at, cut to what a person reads."""
        errors = [text for severity, text in self.messages if severity == "error"]
        return errors[0].strip().splitlines()[0][:600] if errors else "no diagnostic"

    def blamed_layer(self, names: Sequence[str]) -> str | None:
        """Return the layer that the first error points at, if it names one."""
        for severity, text in self.messages:
            if severity == "error":
                for name in re.findall(r'loc\("([^"]*)"\)|^"?([^":]+)"?:', text):
                    found = name[0] or name[1]
                    if found in names:
                        return str(found)
        return None
