"""Which variables are secret, and hiding their values in what people and logs see.

Passwords and product keys are secret by their names; a sequence, a collection or a computer may mark others as hidden.
"""

from __future__ import annotations

import re

MASK = "***"

# Names of ConfigMgr and MDT: OSDJoinPassword, OSDLocalAdminPassword, OSDCaptureAccountPassword, OSDProductKey,
# OverrideProductKey, OSDBitLockerStartupKey, OSDBitLockerRecoveryPassword, BDEPin, _SMSTSReserved2 (the password of the
# network access account).
_SECRET = re.compile(
    r".*(password|passwd|passphrase|secret|credential|productkey|startupkey|recoverykey|privatekey|apikey|token|bdepin"
    r"|cryptokey).*|_smstsreserved\d.*",
    re.ASCII | re.DOTALL,
)
_NOT_SECRET = frozenset({"osdrandomadminpassword"})
"""A password in name only: it says whether one is drawn."""

# Masking these in a whole log would hide nothing and garble much.
_TOO_COMMON = frozenset({"", "0", "1", "true", "false", "yes", "no", MASK})


def names_a_secret(name: str) -> bool:
    """Tell whether a name alone says that its value is secret."""
    folded = name.lower()
    return folded not in _NOT_SECRET and _SECRET.fullmatch(folded) is not None


class Secrets:
    """What must not be shown.

    Attributes:
        hidden: names, in lower case, that were marked.
        kept: every value that was secret at some time: a log may tell of it after it has changed.
    """

    def __init__(self) -> None:
        """Know only what names say."""
        self.hidden: set[str] = set()
        self.kept: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, name: str) -> None:
        """Mark a name."""
        self.hidden.add(name.lower())

    def is_secret(self, name: str) -> bool:
        """Tell whether the value of a variable must not be shown."""
        return name.lower() in self.hidden or names_a_secret(name)

    def keep(self, text: str) -> None:
        """Remember a value that must not be shown."""
        if text.lower() not in _TOO_COMMON and text not in self.kept:
            self.kept.add(text)
            self._pattern = None

    def mask(self, text: str) -> str:
        """Replace each value that must not be shown.  Values of one or two characters only where they stand alone."""
        if not self.kept:
            return text
        if self._pattern is None:
            longest_first = sorted(self.kept, key=lambda value: (-len(value), value))
            self._pattern = re.compile("|".join(map(_form, longest_first)))
        return self._pattern.sub(MASK, text)


def _form(value: str) -> str:
    escaped = re.escape(value)
    return escaped if len(value) > 2 else rf"(?<!\w){escaped}(?!\w)"
