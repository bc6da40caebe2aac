"""Draws one recording and what the model made of it, in the terminal: colours where there are any, else characters."""

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

# Beyond this many standard deviations a cell keeps the strongest colour.
SATURATED = 2.5
RAMP = " .:-=+*#%@"
# Blue to white to orange out of xterm's 256 colours: picked by hand, because computed ones fall on its coarse grid
# and change their hue from step to step.
COLOURS = [f"color({n})" for n in (26, 68, 110, 153, 255, 223, 215, 208, 202)]
EIGHTHS = " ▏▎▍▌▋▊▉"
LABEL_WIDTH = 5
GAP = 3
SHORTEST_BAR = 12


def draw(
    console: Console,
    deviations: np.ndarray,
    probabilities: np.ndarray,
    speakers: list[str],
    speaking: int,
) -> RenderableType:
    """Returns the heat map of a recording and the bar chart of its probabilities, side by side where they fit.

    Args:
        console: Where it will be printed; its width, colours and encoding decide what is drawn.
        deviations: float array (frames, coefficients), in standard deviations from each coefficient's mean.
        probabilities: float array (speakers,), each in 0..1.
        speakers: Their names.
        speaking: Index of the one who was recorded.
    """
    map_width = LABEL_WIDTH + 2 * len(deviations)
    numbers_width = max(map(len, speakers)) + len("  100.0 %  *")
    beside = console.width - map_width - GAP - numbers_width
    side_by_side = beside >= SHORTEST_BAR
    bar_width = min(beside if side_by_side else console.width - numbers_width, 32)

    heat_map = _heat_map(console, deviations)
    chart = _bar_chart(console, probabilities, speakers, speaking, max(bar_width, SHORTEST_BAR))
    if not side_by_side:
        return Group(heat_map, Text(), chart)
    both = Table.grid(padding=(0, GAP, 0, 0))
    both.add_row(heat_map, chart)
    return both


def has_colour(console: Console) -> bool:
    """Whether colours reach whoever reads: not in a file, a pipe, a plain terminal or under NO_COLOR."""
    return console.color_system is not None and not console.no_color


def _heat_map(console: Console, deviations: np.ndarray) -> Text:
    strength = np.clip(deviations / SATURATED, -1, 1)
    coloured = has_colour(console)
    text = Text(no_wrap=True, overflow="crop")
    for coefficient, row in enumerate(strength.T, start=1):
        text.append(f"c{coefficient:<{LABEL_WIDTH - 1}}", "dim")
        for cell in row:
            if coloured:
                text.append("  ", Style(bgcolor=_pick(COLOURS, cell)))
            else:
                text.append(2 * _pick(RAMP, cell))
        text.append("\n")
    frames = len(deviations)
    text.append(" " * LABEL_WIDTH)
    text.append("frame 1" + f"{frames}".rjust(max(2 * frames - len("frame 1"), 3)), "dim")
    return text


def _pick(steps: Sequence[str], strength: float) -> str:
    return steps[round((strength + 1) / 2 * (len(steps) - 1))]


def _bar_chart(console: Console, probabilities: np.ndarray, speakers: list[str], speaking: int, width: int) -> Text:
    answer = int(probabilities.argmax())
    text = Text(no_wrap=True, overflow="crop")
    for index, (speaker, probability) in enumerate(zip(speakers, probabilities, strict=True)):
        style = "bold green" if index == answer == speaking else "bold red" if index == answer else ""
        text.append(f"{speaker:<{max(map(len, speakers))}} ", style)
        text.append(_bar(float(probability), width, console.options.ascii_only), style or "cyan")
        text.append(f" {probability:6.1%}".replace("%", " %"), style)
        text.append(" *\n" if index == speaking else "\n")
    text.append("* was recorded", "dim")
    return text


def _bar(part: float, width: int, ascii_only: bool) -> str:
    # A wrong answer is drawn too, whatever it is; the figures say that it is wrong.
    part = min(max(part, 0.0), 1.0) if math.isfinite(part) else 0.0
    if ascii_only:
        return ("#" * round(part * width)).ljust(width)
    whole, eighths = divmod(round(part * width * 8), 8)
    return ("█" * whole + EIGHTHS[eighths]).rstrip().ljust(width)
