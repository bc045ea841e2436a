"""The exceptions of osdimage.

::

    OsdImageError                     the operation failed (a disk error, a full disk, a library that refused)
    ├── StorageError                  reading or writing failed; carries errno and the file
    ├── Incomplete                    done, but with losses that ``strict`` does not allow
    ├── InvalidRequest (ValueError)   what was asked for cannot be: a name too long, two options at odds
    │   ├── ImageNotFound (LookupError)   no image, or more than one, fits the selector; lists the candidates
    │   ├── InvalidLayout                 a disk layout breaks rules; lists every one that it breaks
    │   ├── DoesNotFit                    a partition is larger than the space that is left for it
    │   ├── ReadOnlyVariable              a variable of a task sequence that only the engine sets
    │   └── NotReady                      a task sequence cannot begin; lists every reason
    ├── InvalidInput                  a file that was read is not valid
    │   ├── NotAWim                   not a WIM at all
    │   ├── CorruptWim                a WIM that contradicts itself, or whose contents do not match their hashes
    │   ├── MissingParts              blobs are in another file: a part of a split WIM or the base of a delta
    │   ├── UnsafeName                an image holds a name that cannot be applied safely
    │   ├── InvalidTable              a partition table, or none at all, that cannot be used
    │   ├── InvalidVolume             a file system that is damaged, or is not the one that was looked for
    │   └── InvalidDocument           a saved plan or a saved partition table that cannot be used
    ├── ActionFailed                  an action of a task sequence failed; carries its code
    └── TargetRefused                 the target was left as it was: it exists, is too small, or is busy
        └── TooSmall                      it has no room for what was to be written

``except OsdImageError`` catches them all.  Cancellation is not an error: an exception raised in a progress callback, or
KeyboardInterrupt, passes through every call unchanged, after what had been begun was removed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


class OsdImageError(Exception):
    """Base of all errors of osdimage: the operation failed."""


def quoted(text: str) -> str:
    """Quote a text for a message, unchanged: paths of Windows stay readable, and the mask finds secrets in it."""
    return f"'{text}'"


def explain(error: BaseException, text: str) -> None:
    """Say more of an exception on its way: at the end of an error's sentence, beside any other (a signal, Ctrl-C)."""
    if isinstance(error, OsdImageError):
        error.args = (f"{error} -- {text}", *error.args[1:])
    else:
        error.add_note(text)


class StorageError(OsdImageError):
    """Reading or writing a file failed.

    Attributes:
        errno: the system error number, or None when the library did not tell.
        path: the file or device.
    """

    def __init__(self, message: str, *, path: str | os.PathLike[str], errno: int | None = None) -> None:
        """Keep the number and the path beside the sentence."""
        super().__init__(message)
        self.errno = errno
        self.path = os.fspath(path)


class Incomplete(OsdImageError):
    """The work was done, but something was left out or lost, and ``strict`` was asked for."""


class InvalidRequest(OsdImageError, ValueError):
    """The request cannot be fulfilled as it stands; the message says what would be valid."""


class ImageNotFound(InvalidRequest, LookupError):
    """No image, or more than one, fits the selector.

    Attributes:
        candidates: one line for each image that the user may have meant.
    """

    def __init__(self, message: str, *, candidates: Sequence[str] = ()) -> None:
        """Keep the candidates beside the sentence."""
        super().__init__(message)
        self.candidates = tuple(candidates)


class InvalidLayout(InvalidRequest):
    """A disk layout breaks rules.

    Attributes:
        problems: one sentence for each, naming the variable or partition, its value and the valid ones.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Make one message of all problems."""
        many = f"the disk layout has {len(problems)} errors: " if len(problems) > 1 else ""
        super().__init__(many + "; ".join(problems))
        self.problems = tuple(problems)


class DoesNotFit(InvalidRequest):
    """A partition is larger than the space that is left for it.

    Attributes:
        partition: what the partition was called in the request.
        wanted_bytes: the size that was asked for, or None when it was "all that is left".
        left_bytes: the space that is left when the partition is reached.
    """

    def __init__(self, message: str, *, partition: str, wanted_bytes: int | None, left_bytes: int) -> None:
        """Keep the numbers beside the sentence."""
        super().__init__(message)
        self.partition = partition
        self.wanted_bytes = wanted_bytes
        self.left_bytes = left_bytes


class ReadOnlyVariable(InvalidRequest):
    """A variable of a task sequence whose name begins with ``_``: only the engine sets it."""


class NotReady(InvalidRequest):
    """A task sequence cannot begin: a package, a disk or an image is missing, or a setting is not valid.

    Attributes:
        problems: one sentence for each, naming the step.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Make one message of all problems."""
        many = f"the task sequence has {len(problems)} problems: " if len(problems) > 1 else ""
        super().__init__(many + "; ".join(problems))
        self.problems = tuple(problems)


class InvalidInput(OsdImageError):
    """A file that was read is not valid."""


class NotAWim(InvalidInput):
    """The file is not a WIM."""


class CorruptWim(InvalidInput):
    """The WIM contradicts itself, or its contents do not match their hashes."""


class MissingParts(InvalidInput):
    """Blobs are in another file: a part of a split WIM, or the base of a delta."""


class UnsafeName(InvalidInput):
    """An image holds a name that cannot be applied safely.

    Attributes:
        path: the path inside the image.
    """

    def __init__(self, message: str, *, path: str | None = None) -> None:
        """Keep the path beside the sentence."""
        super().__init__(message)
        self.path = path


class InvalidTable(InvalidInput):
    """The disk holds no partition table, or one that cannot be used."""


class InvalidVolume(InvalidInput):
    """The volume is damaged, or does not hold the file system that was looked for."""


class InvalidDocument(InvalidInput):
    """A saved plan or a saved partition table cannot be used: not one of ours, damaged, or of another version."""


class TargetRefused(OsdImageError):
    """The target cannot be used and was left as it was."""


class TooSmall(TargetRefused):
    """The target has no room for what was to be written, and was left as it was."""


def as_failure(error: TargetRefused, path: str | os.PathLike[str]) -> OsdImageError:
    """Return the failure that a refusal is once something was written, for a refusal promises that nothing was."""
    made: OsdImageError
    if isinstance(error, TooSmall):
        made = StorageError(str(error), path=path, errno=errno.ENOSPC)
    else:
        made = OsdImageError(str(error))
    for note in getattr(error, "__notes__", ()):
        made.add_note(note)
    return made


@contextmanager
def no_refusal(path: str | os.PathLike[str], done: Callable[[], str]) -> Iterator[None]:
    """Turn a refusal inside the ``with`` into a failure when ``done`` tells what was written; empty is nothing."""
    try:
        yield
    except TargetRefused as error:
        text = done()
        if not text:
            raise
        failed = as_failure(error, path)
        explain(failed, text)
        raise failed from error


class ActionFailed(OsdImageError):
    """An action of a task sequence failed.

    Attributes:
        code: its HRESULT, as an unsigned number.
    """

    def __init__(self, code: int, message: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message)
        self.code = code
