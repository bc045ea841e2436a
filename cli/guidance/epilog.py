"""What stands below the options in the help of a command."""

from __future__ import annotations

from osdimage.cli.guidance.examples import EXAMPLES
from osdimage.cli.guidance.related import RELATED


def epilog(command: str) -> str | None:
    """Return the examples of a command and where to read on, or None; the mark keeps click from joining the lines."""
    lines, others = EXAMPLES.get(command, ()), RELATED.get(command, ())
    paragraphs = []
    if lines:
        heading = "Example:" if len(lines) == 1 else "Examples:"
        paragraphs.append("\n".join(("\b", heading, *(f"  {line}" for line in lines))))
    if others:
        paragraphs.append("See also: " + ", ".join(f"osdimage {each}" for each in others))
    return "\n\n".join(paragraphs) or None
