"""The password of media: from a file, from the environment, or typed; never from the command."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import invocation, params

if TYPE_CHECKING:
    from osdimage.cli.render import Reporter

_FILE = click.option(
    "--password-file", metavar="FILE|-", help="A file that holds the password of the media in one line; - is stdin."
)
_VARIABLE = click.option(
    "--password-env", "password_variable", metavar="NAME", help="The same from a variable of the environment."
)


@dataclass(frozen=True, slots=True)
class KnownPassword:
    """What the options of ``known`` say, which are passed as ``secret``: the password of media that are there."""

    password_file: str | None
    password_variable: str | None

    @property
    def words(self) -> tuple[str, ...]:
        """What said on the command line where the password is."""
        file = () if self.password_file is None else ("--password-file", self.password_file)
        return file if self.password_variable is None else (*file, "--password-env", self.password_variable)

    def given(self) -> bytes | None:
        """Return the password that a file or a variable holds, or None when neither was named.

        Raises:
            click.UsageError: when both were named, or there is no such file or variable.
            InvalidInput, InvalidRequest: when it cannot be a password.
            StorageError: when the file cannot be read.
        """
        return _given(self.password_file, self.password_variable, allow_weak=True)

    def asked(self, reporter: Reporter) -> bytes:
        """Return the password, which is typed where none was given.

        Raises:
            click.UsageError: when nobody can be asked, and as :meth:`given`.
            OsdImageError: as :meth:`given`.
        """
        from osdimage.imaging.media.sequence.sealed import checked_password  # noqa: PLC0415 - few media have one

        found = self.given()
        if found is not None:
            return found
        if reporter.quiet or not _is_attended():
            raise click.UsageError("the media have a password; valid is --password-file FILE or --password-env NAME")
        typed: str = click.prompt("Password of the media", hide_input=True, err=True)
        return checked_password(typed, allow_weak=True)


@dataclass(frozen=True, slots=True)
class NewPassword:
    """What the options of ``new`` say, which are passed as ``secret``: the password of media that are made."""

    asks_password: bool
    password_file: str | None
    password_variable: str | None
    allow_weak_password: bool

    @property
    def file(self) -> Path | None:
        """The file that holds the password, or None."""
        found = self.password_file
        return None if found is None or found == "-" else Path(found)

    def password(self) -> bytes | None:
        """Return the password, typed twice where that is asked for; None where the media are to have none.

        Raises:
            click.UsageError: when it was given in several ways, or nobody can be asked.
            InvalidInput, InvalidRequest: when it cannot be a password, or is a weak one.
            StorageError: when the file cannot be read.
            OsdImageError: without the module that encrypts.
        """
        from osdimage.imaging.media.sequence.sealed import checked_password, require_crypto  # noqa: PLC0415 - as above

        if self.asks_password and (self.password_file or self.password_variable):
            raise click.UsageError("--password asks for it; --password-file and --password-env say where it is")
        found = _given(self.password_file, self.password_variable, allow_weak=self.allow_weak_password)
        if found is None and self.asks_password:
            if not _is_attended():
                raise click.UsageError("--password: nobody can be asked here; valid is --password-file FILE")
            typed: str = click.prompt(
                "Password of the media", hide_input=True, confirmation_prompt="The same again", err=True
            )
            found = checked_password(typed, allow_weak=self.allow_weak_password)
        if found is not None:
            require_crypto()
        return found


known = params.gathered("secret", KnownPassword, _FILE, _VARIABLE)
new = params.gathered(
    "secret",
    NewPassword,
    click.option(
        "--password",
        "asks_password",
        is_flag=True,
        help="Hide the sequence and the variables by a password, which is asked for.  PACKAGES STAY READABLE.",
    ),
    _FILE,
    _VARIABLE,
    click.option("--allow-weak-password", is_flag=True, help="Take a password of fewer than 8 characters."),
)


def _is_attended() -> bool:
    """Tell whether somebody can be asked."""
    return not invocation.current().as_json and sys.stdin.isatty() and sys.stderr.isatty()


def _given(file: str | None, variable: str | None, *, allow_weak: bool) -> bytes | None:
    from osdimage.imaging.media.sequence.sealed import checked_password, password_in  # noqa: PLC0415 - as above

    if file is not None and variable is not None:
        raise click.UsageError("--password-file and --password-env are two places for one password")
    if file is not None:
        shown = "standard input" if file == "-" else file
        return checked_password(password_in(_read(file, shown), name=shown), allow_weak=allow_weak)
    if variable is not None:
        text = os.environ.get(variable)
        if text is None:
            raise click.UsageError(f"--password-env {variable}: there is no such variable in the environment")
        return checked_password(text, allow_weak=allow_weak)
    return None


def _read(file: str, shown: str) -> bytes:
    from osdimage.imaging.errors import StorageError  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.sequence.sealed import LARGEST_PASSWORD_FILE  # noqa: PLC0415

    if not file:
        raise click.UsageError("--password-file: names no file; - is standard input")
    try:
        with open(0 if file == "-" else file, "rb", closefd=file != "-") as opened:
            return opened.read(LARGEST_PASSWORD_FILE + 1)
    except FileNotFoundError:
        # The name is not told: it may be the password.
        raise click.UsageError(
            "--password-file: there is no such file; valid is a file that holds the password, never the password itself"
        ) from None
    except OSError as error:
        raise StorageError(f"{shown}: {error.strerror}", path=file, errno=error.errno) from error
