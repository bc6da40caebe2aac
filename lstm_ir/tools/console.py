"""Where the command writes: results on standard output, progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table

from lstm_ir.tools.interruption import OutputClosed

# Wide enough that nothing is folded where there is no terminal to fold it for.
_NO_TERMINAL_WIDTH = 10_000


def print_result(*renderables: RenderableType) -> None:
    """Print a result for people; without a terminal as plain text, unfolded, no spaces at the ends of lines."""
    console = _console()
    with console.capture() as capture:
        for renderable in renderables:
            console.print(renderable)
    text = capture.get()
    if not console.is_terminal:
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    write_result(text)


def print_json(value: Mapping[str, Any]) -> None:
    """Print the one JSON object of ``--json``; numbers that JSON does not have become "nan", "inf", "-inf"."""
    write_result(json.dumps(_plain(value), indent=2, allow_nan=False) + "\n")


def write_result(text: str) -> None:
    """Write to standard output.

    Raises:
        OutputClosed: If nobody reads it any more.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputClosed from error


def fields(rows: Mapping[str, RenderableType]) -> Table:
    """Return a table of names and values."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def listing(*headers: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table with these columns; those in ``right`` are aligned right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    return table


@contextmanager
def progress(first: str) -> Iterator[Callable[[str], None]]:
    """Show on standard error what is going on, if someone is watching.

    Args:
        first: What goes on first.

    Yields:
        A function to call with what goes on next.
    """
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(first) as status:
        yield status.update


def note(text: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"{text}\n")


def bytes_text(count: int) -> str:
    """Return a size for people: ``156,865 bytes``."""
    return f"{count:,} bytes"


def shape_text(shape: Any) -> str:
    """Return a shape for people: ``(?, ?, 12)``, ``?`` being any size."""
    sizes = ["?" if size is None else str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def _console() -> Console:
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _NO_TERMINAL_WIDTH
    return console


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value
