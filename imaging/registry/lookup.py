"""What a value of a hive says, for who believes nothing of it: of another type, or damaged, it is as if not there."""

from __future__ import annotations

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry.hive import Key


def number_of(key: Key | None, name: str) -> int | None:
    """Return the number of a value, or None when there is no such value, or it holds no number."""
    value = None if key is None else key.value(name)
    try:
        return None if value is None else value.as_integer()
    except InvalidInput:
        return None


def text_of(key: Key | None, name: str) -> str | None:
    """Return the text of a value, or None when there is no such value, or it holds no text."""
    value = None if key is None else key.value(name)
    try:
        return None if value is None else value.as_string()
    except InvalidInput:
        return None


def texts_of(key: Key | None, name: str) -> tuple[str, ...]:
    """Return the texts of a REG_MULTI_SZ, or none when there is no such value, or it holds something else."""
    value = None if key is None else key.value(name)
    try:
        return () if value is None else value.as_strings()
    except InvalidInput:
        return ()
