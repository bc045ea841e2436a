"""The switches of a command line, apart from its other words."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, quoted


@dataclass(slots=True)
class Switches:
    """Words and switches; those that are taken are no longer there, so that what is left is not known.

    Attributes:
        words: that are no switches, in their order.
        given: what stands behind the ``:`` of each switch, or None, by its name in lower case.
    """

    words: tuple[str, ...]
    given: dict[str, str | None]

    @classmethod
    def apart(cls, words: tuple[str, ...], *, signs: str = "/") -> Switches:
        """Take the switches out of words; of a name that is given twice the last counts."""
        plain, given = [], {}
        for word in words:
            if word[:1] and word[0] in signs and len(word) > 1:
                name, colon, value = word[1:].partition(":")
                given[name.lower()] = value if colon else None
            else:
                plain.append(word)
        return cls(tuple(plain), given)

    def take(self, *names: str) -> bool:
        """Tell whether one of the switches is there, without a value."""
        found = [name for name in names if name in self.given and self.given[name] is None]
        for name in found:
            del self.given[name]
        return bool(found)

    def value(self, name: str) -> str | None:
        """Return what stands behind the ``:`` of a switch, or None when it is not there."""
        return self.given.pop(name) if self.given.get(name) is not None else None

    def pass_over(self, *names: str) -> None:
        """Take switches that make no difference here, with or without a value."""
        for name in names:
            self.given.pop(name, None)

    def finish(self, program: str) -> None:
        """Refuse what is left.

        Raises:
            InvalidRequest: when there is a switch that is not known here.
        """
        if self.given:
            unknown = ", ".join(quoted(f"/{name}") for name in self.given)
            raise InvalidRequest(f"{program} {unknown} is not known here")
