"""An SVG of a recorded terminal, which moves without a script and asks nothing of the network.

Without animation, as where motion is unwelcome, it shows the end.  Text is drawn run by run at its column and stretched
to its cells, so that every font fits; lines of boxes are strokes, as fonts leave gaps between theirs.  The ``metadata``
are the commands and their output as a page shows them, which `make tour` compares with what is printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from picturing.recording import LETTER_SECONDS, PROMPT, Cell, Recording, Row, Stay

_WIDTH, _HEIGHT, _FONT = 8.4, 18, 14
_MARGIN, _BAR = 16, 34
_HOLD_SECONDS = 6.0
# It begins so long before its end: what is seen first, or in a still of it, is no empty window.
_SHOWN_FIRST_SECONDS = 2.0
_WINDOW, _TEXT, _FRAME = "#161b22", "#d6deeb", "#30363d"
_PROMPT_COLOUR = "#7ee787"
_BUTTONS = ("#ff5f57", "#febc2e", "#28c840")
_FONTS = 'ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'
_COLOURS = {
    "default": _TEXT,
    "black": "#0d1117",
    "red": "#ff7b72",
    "green": "#7ee787",
    "brown": "#e3b341",
    "blue": "#1f6feb",
    "magenta": "#d2a8ff",
    "cyan": "#76e3ea",
    "white": "#f0f6fc",
    "brightblack": "#484f58",
}
# Where the strokes of a box go from the middle of a cell: left, up, right, down.
_STROKES = {
    "─": (1, 0, 1, 0), "│": (0, 1, 0, 1), "┌": (0, 0, 1, 1), "┐": (1, 0, 0, 1), "└": (0, 1, 1, 0),
    "┘": (1, 1, 0, 0), "┬": (1, 0, 1, 1), "┴": (1, 1, 1, 0),
}  # fmt: skip


@dataclass(frozen=True)
class _Run:
    """Cells of one look, from a column on."""

    column: int
    text: str
    look: Cell


def svg(recording: Recording, title: str) -> str:
    """Draw a recording.

    Raises:
        ValueError: what was printed would have to be escaped, and would not be what `make tour` reads.
    """
    if escape(recording.transcript) != recording.transcript:
        raise ValueError("the transcript holds characters that XML has a use for")
    width = round(recording.columns * _WIDTH) + 2 * _MARGIN
    height = recording.lines * _HEIGHT + _BAR + _MARGIN
    moves = _Moves(recording.seconds + _HOLD_SECONDS)
    rows = "\n".join(_stay(stay, moves) for stay in recording.stays if stay.row)
    cursor = _rect(recording.lines - 1, len(PROMPT), 1, _TEXT, moves.stay(recording.seconds, None))
    buttons = "".join(
        f'<circle cx="{20 + 20 * number}" cy="17" r="5.5" fill="{colour}"/>' for number, colour in enumerate(_BUTTONS)
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
 role="img" aria-label={quoteattr(title)}>
<title>{escape(title)}</title>
<metadata>
```console
{recording.transcript}
```
</metadata>
<style>
text {{ font: {_FONT}px {_FONTS}; white-space: pre; fill: {_TEXT} }}
.b {{ font-weight: 700 }}
.p {{ fill: {_PROMPT_COLOUR} }}
.g {{ opacity: 0 }}
.w {{ shape-rendering: crispEdges }}
path {{ stroke: {_TEXT}; fill: none }}
{moves.style()}
@media (prefers-reduced-motion: reduce) {{ * {{ animation: none !important }} }}
</style>
<rect width="{width}" height="{height}" rx="8" fill="{_WINDOW}" stroke="{_FRAME}"/>
{buttons}
{rows}
{cursor}
</svg>
"""


def _rect(line: int, column: int, cells: int, colour: str, names: str) -> str:
    return (
        f'<rect x="{_x(column)}" y="{_top(line)}" width="{cells * _WIDTH:.1f}" height="{_HEIGHT}" '
        f'fill="{colour}" class="{names}"/>'
    )


class _Moves:
    """The animations that rows share, by when they come and go; a class each."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._frames: dict[str, str] = {}

    def stay(self, begin: float, end: float | None) -> str:
        """Return the class of what is seen from a moment to another."""
        frames = f"0%{{opacity:0}}{self._at(begin)}{{opacity:1}}"
        frames += "100%{opacity:1}" if end is None else f"{self._at(end)}{{opacity:0}}100%{{opacity:0}}"
        return self._named(frames)

    def typing(self, begin: float, end: float, letters: int) -> str:
        """Return the class of what covers letters, and moves away as they are typed."""
        # What is behind the last letter is not there any more; until then it only moves.
        steps = f"animation-timing-function:steps({letters})"
        frames = f"0%{{opacity:1}}{self._at(begin)}{{opacity:1;transform:translateX(0);{steps}}}"
        frames += f"{self._at(end)}{{opacity:1;transform:translateX({letters * _WIDTH:.1f}px)}}"
        frames += f"{self._at(end + 0.01)}{{opacity:0}}100%{{opacity:0}}"
        return self._named(frames)

    def style(self) -> str:
        """Return the rules of all classes."""
        first = self._seconds - _SHOWN_FIRST_SECONDS
        timing = f"{self._seconds:.1f}s step-end -{first:.1f}s infinite"
        return "\n".join(
            f".{name} {{ animation: {name} {timing} }}\n@keyframes {name} {{{frames}}}"
            for frames, name in self._frames.items()
        )

    def _named(self, frames: str) -> str:
        return self._frames.setdefault(frames, f"m{len(self._frames)}")

    def _at(self, moment: float) -> str:
        return f"{100 * moment / self._seconds:.2f}%"


def _stay(stay: Stay, moves: _Moves) -> str:
    # What is gone at the end is not there without animation.
    gone = " g" if stay.end is not None else ""
    drawn = "".join(_run(stay.line, run) for run in _runs(stay.row)) + _boxes(stay.line, stay.row)
    if stay.typed:
        cover = moves.typing(stay.begin, stay.begin + stay.typed * LETTER_SECONDS, stay.typed)
        drawn += _rect(stay.line, len(PROMPT), stay.typed, _WINDOW, f"g {cover}")
    return f'<g class="{moves.stay(stay.begin, stay.end)}{gone}">{drawn}</g>'


def _runs(row: Row) -> Iterator[_Run]:
    """Yield the runs of a row; the prompt is one of its own."""
    begin = 0
    starts_command = "".join(cell.text for cell in row[: len(PROMPT)]) == PROMPT
    for column in range(1, len(row) + 1):
        is_prompt_end = starts_command and column == len(PROMPT)
        if column == len(row) or is_prompt_end or _look(row[column]) != _look(row[begin]):
            yield _Run(begin, "".join(cell.text for cell in row[begin:column]), row[begin])
            begin = column


def _look(cell: Cell) -> tuple[str, str, bool]:
    return cell.front, cell.back, cell.is_bold


def _run(line: int, run: _Run) -> str:
    drawn = ""
    if run.look.back != "default":
        drawn += _rect(line, run.column, len(run.text), _colour(run.look.back), "w")
    plain = "".join(" " if letter in _STROKES else letter for letter in run.text)
    for words in re.finditer(r"\S+(?: \S+)*", plain):
        colour = "" if run.look.front == "default" else f' style="fill:{_colour(run.look.front)}"'
        names = " ".join(("b",) * run.look.is_bold + ("p",) * (run.column == 0 and run.text == PROMPT))
        drawn += (
            f'<text x="{_x(run.column + words.start())}" y="{_top(line) + 13.5}" '
            f'textLength="{len(words[0]) * _WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
            + (f' class="{names}"' if names else "")
            + f"{colour}>{escape(words[0])}</text>"
        )
    return drawn


def _boxes(line: int, row: Row) -> str:
    """Draw the lines of boxes; neighbours to the right are one stroke."""
    strokes = []
    middle = _top(line) + _HEIGHT / 2
    begin: float | None = None
    for column, cell in enumerate((*row, Cell(" ", "default", "default", is_bold=False))):
        left, up, right, down = _STROKES.get(cell.text, (0, 0, 0, 0))
        x = _MARGIN + (column + 0.5) * _WIDTH
        if left and begin is not None and not right:
            strokes.append(f"M{begin:.1f} {middle:g}H{x:.1f}")
            begin = None
        if right and begin is None:
            begin = x
        if up or down:
            strokes.append(f"M{x:.1f} {middle - up * _HEIGHT / 2:g}V{middle + down * _HEIGHT / 2:g}")
    return f'<path d="{"".join(strokes)}"/>' if strokes else ""


def _colour(name: str) -> str:
    return _COLOURS.get(name, f"#{name}")


def _x(column: int) -> str:
    return f"{_MARGIN + column * _WIDTH:.1f}"


def _top(line: int) -> int:
    return _BAR + line * _HEIGHT
