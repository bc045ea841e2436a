"""The exceptions of osdimage.

::

    OsdImageError                     the operation failed (a disk error, a full disk, a library that refused)
    ├── StorageError (OSError)        reading or writing failed; carries errno and the file
    ├── Incomplete                    done, but with losses that ``strict`` does not allow
    ├── InvalidRequest (ValueError)   what was asked for cannot be: a name too long, two options at odds
    │   ├── ImageNotFound (LookupError)   no image, or more than one, fits the selector; lists the candidates
    │   ├── InvalidLayout                 a disk layout breaks rules; lists every one that it breaks
    │   ├── DoesNotFit                    a partition is larger than the space that is left for it
    │   ├── ReadOnlyVariable              a variable of a task sequence that only the engine sets
    │   └── NotReady                      a task sequence cannot begin; lists every reason
    │       ├── UnsupportedSteps (InvalidInput)   it has steps that cannot be run here, and may not be left out
    │       └── NotForMedia (InvalidInput)        it cannot be put on media as it is
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

``except OsdImageError`` catches them all.  Each crosses a process (pickle) and is copied with everything that it
carries.  A StorageError with an errno is what Python makes of that number, too: FileNotFoundError, PermissionError.
Cancellation is not an error: an exception raised in a progress callback, or
KeyboardInterrupt, passes through every call unchanged, after what had been begun was removed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Any, Self, TypeVar, cast

__all__ = [
    "ActionFailed",
    "CorruptWim",
    "DoesNotFit",
    "ImageNotFound",
    "Incomplete",
    "InvalidDocument",
    "InvalidInput",
    "InvalidLayout",
    "InvalidRequest",
    "InvalidTable",
    "InvalidVolume",
    "Means",
    "MissingParts",
    "NotAWim",
    "NotForMedia",
    "NotReady",
    "OsdImageError",
    "ReadOnlyVariable",
    "ReaderLeft",
    "Remedy",
    "StorageError",
    "TargetRefused",
    "TooSmall",
    "UnsafeName",
    "UnsupportedSteps",
]


class Means(StrEnum):
    """What a remedy needs, by the name that it has in the library; a program has names of its own for them."""

    FORMAT_FAT32 = "format_fat32"
    ADD_DRIVERS = "plan_driver_injection"
    ADD_TO_BOOT_IMAGE = "change_boot_image"
    ALLOW_LARGER = "allow_larger"
    ALLOW_LINKED = "Opening(allow_linked=True)"
    ALLOW_MODIFIED = "allow_modified"
    ALL_IMAGES = "may_be_empty"
    ALL_VOLUMES = "apply_volumes"
    APPEND = "WriteMode.APPEND"
    APPLICATION = "Supplies.applications[{}]"
    BACKUP_FILE = "save_to"
    BIND_WINDOWS = "fix_boot(FixWish(os_partition))"
    BOOT_FILES_FROM = "find_parts(boot_files_from)"
    BOOT_IMAGE = "prepared_boot_image"
    BIOS_LOADER = "install_boot(BootOptions(bios_loader={}))"
    CAPTURE_VOLUMES = "capture_volumes"
    CHILD_SEQUENCE = "with_children({})"
    COLLECTED = "plan_sequence(collected=True)"
    DEPLOY = "execute"
    DEPLOYMENT_SHARE = "Supplies.deployment_share"
    DEVICES = "Machine.devices"
    DISCARD_JOURNAL = "Opening(discards_journal=True)"
    DISC_TREE = "open_disc(tree=TreeKind('{}'))"
    DRIVER_CATALOG = "Machine.catalog"
    ENABLE_DRIVER = "change_driver({}, DriverChange(enabled=True))"
    ENCRYPT_MEDIA = "is_encrypted"
    ENGINE = "engine=Engine.AUTO"
    EVERY_DRIVER = "DriverWish(every=True)"
    EXAMINE = "doctor.examine"
    EXPORT = "export_images"
    EXTRACT_FROM_DISC = "extract_from_volume(open_disc_tree({}), [{}])"
    FACTS = "Supplies.facts"
    FIXED_DISK = "fixed_disk"
    FIRST_BOOT = "Supplies.first_boot"
    FIX_BOOT = "fix_boot"
    FORCE = "force"
    FROM_WINDOWS = "Machine.phase = Phase.OLD"
    HIVE = "HiveAddress.hive"
    HIVE_FILE = "HiveAddress.path"
    IGNORE_DATES = "ignores_dates"
    IMPORT_DRIVERS = "import_drivers"
    INITIALIZE = "initialize"
    INSTALL_BOOT = "install_boot"
    IPXE = "NetbootWish.ipxe"
    JOIN = "join_wim"
    KEEP_DIRECTORIES = "keep_directories"
    KEEP_NAMES = "names=Names.KEEP"
    KEY = "Opening(keys=KeyRing())"
    LABEL = "Medium.label"
    LEAVE_OUT = "LeaveOut.of(['{}'])"
    LIST_DISC = "open_disc_tree"
    LIST_DRIVERS = "all_drivers"
    LIST_DRIVER_PACKAGES = "all_packages"
    NEW_STORE = "install_boot(BootOptions(new_store=True))"
    NUMBERED_DISKS = "plan_set"
    OS_PARTITION = "os_partition"
    OVERWRITE = "overwrite"
    PACKAGES = "packages[{}]"
    PARTITION = "partition"
    PARTITION_NUMBER = "HiveAddress.partition"
    PLAINTEXT_SECRETS = "allows_plaintext_secrets"
    PROGRAM = "Supplies.programs[{}]"
    PRUNE_BOOT = "fix_boot(FixWish(prune=True))"
    RECOVER = "recovered"
    RECURSIVE = "recursive"
    REFERENCES = "refs"
    REPLACE = "replace"
    REPLACE_NAMES = "names=Names.REPLACE"
    REPLACE_STEP = "Supplies.replaced[{}]"
    REPLAY_LOG = "Opening(replay_log=True)"
    RESTORE = "restore"
    RESTORE_SAVED = "load_backup and restore"
    REWRITE = "rewrite"
    RULES = "Supplies.rules"
    SAVE_PLAN = "DiskPlan"
    SECRETS_ON_DISK = "Supplies.secrets_on_disk"
    SHARE = "Machine.shares[{}]"
    SHOW_DISK = "read_table"
    STICK_LAYOUT = "StickLayout.FAT32_NTFS"
    SYSTEM_DISK = "system_disk"
    SYSTEM_PARTITION = "system_partition"
    UNMOUNT = "unmount_image"
    UPDATE = "update_image"
    UPDATES = "Supplies.updates"
    VARIABLE = "Environment[{}]"
    VERIFY = "verify_file"
    WIMBOOT = "NetbootWish.wimboot"
    WIPE = "wipe"
    WRITE_STICK = "write_stick"
    WITHOUT_CLIENT = "Supplies.without_client"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about something.

    Attributes:
        text: a sentence; ``{}`` stands for each of the means.
        means: what it is done with, in the order of the text.
        values: what the names of a program have a place for: the number of a partition, a path.
    """

    text: str
    means: tuple[Means, ...] = ()
    values: tuple[str, ...] = ()

    def worded(self, names: Mapping[Means, str]) -> str:
        """Return the sentence with the names that a program has; each ``{}`` in them takes the next value."""
        if not self.means:
            return self.text
        values = iter(self.values)
        words = [names[each] for each in self.means]
        return self.text.format(*(each.format(*islice(values, each.count("{}"))) for each in words))

    def masked(self, mask: Callable[[str], str]) -> Remedy:
        """Return it without what must not be shown in its values."""
        return replace(self, values=tuple(map(mask, self.values)))

    def __str__(self) -> str:
        """Return the sentence with the names that the library has."""
        return self.worded({each: each.value for each in Means})


class OsdImageError(Exception):
    """Base of all errors of osdimage: the operation failed.

    Attributes:
        remedy: what would help, at the end of the sentence; None when it is not known.
    """

    def __init__(self, *args: object, remedy: Remedy | None = None) -> None:
        """Keep the remedy beside the sentence."""
        super().__init__(*args)
        self.remedy = remedy

    @property
    def said(self) -> str:
        """The sentence without the remedy, for whoever words that in other terms."""
        # Not super(): an OSError would write its number, its text and its file there.
        return BaseException.__str__(self)

    def __str__(self) -> str:
        """Return the sentence with the remedy."""
        return self.said if self.remedy is None else f"{self.said}; {self.remedy}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what pickle makes it again of: the finished sentence and the fields, whatever a constructor takes."""
        return _made_again, (type(self), self.args, vars(self))


def _made_again(kind: type[OsdImageError], args: tuple[object, ...], fields: dict[str, object]) -> OsdImageError:
    error = kind.__new__(kind, *args)
    vars(error).update(fields)
    return error


def quoted(text: str) -> str:
    """Quote a text for a message, unchanged: paths of Windows stay readable, and the mask finds secrets in it."""
    return f"'{text}'"


def explain(error: BaseException, text: str, remedy: Remedy | None = None) -> None:
    """Say more of an exception on its way: at the end of an error's sentence, beside any other (a signal, Ctrl-C)."""
    if isinstance(error, OsdImageError):
        error.args = (f"{error.said} -- {text}", *error.args[1:])
    else:
        error.add_note(text)
    if remedy is not None:
        # Exceptions of Python have no place of their own for it.
        vars(error)["remedy"] = remedy


class StorageError(OsdImageError, OSError):
    """Reading or writing a file failed.

    With a system error number it is an object of the class that Python has for that number, too, so that ``except
    FileNotFoundError`` catches it.

    Attributes:
        errno: the system error number, or None when the library did not tell.
        strerror: what the system says of the number, or None.
        path: the file or device.
        filename: the same, under the name that an OSError has for it.
    """

    def __new__(
        cls,
        message: str = "",
        *,
        path: str | os.PathLike[str] = "",  # noqa: ARG004 - as __init__
        errno: int | None = None,
        remedy: Remedy | None = None,  # noqa: ARG004 - as __init__
    ) -> Self:
        """Choose the class by the number, as OSError does for itself alone."""
        return super().__new__(cls if errno is None else _with(cls, type(OSError(errno, ""))), message)

    def __init__(
        self,
        message: str,
        *,
        path: str | os.PathLike[str],
        errno: int | None = None,
        remedy: Remedy | None = None,
    ) -> None:
        """Keep the number and the path beside the sentence."""
        super().__init__(message, remedy=remedy)
        self.errno = errno
        self.strerror: str | None = None if errno is None else os.strerror(errno)
        self.path: str = os.fspath(path)
        self.filename: str = self.path

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what pickle makes it again of; an OSError keeps its fields outside of its dictionary."""
        kind = type(self)
        named = next((plain for (plain, _), made in _KINDS.items() if made is kind), kind)
        return _storage_error, (named, self.args, self.path, self.errno, vars(self))


def _storage_error(
    kind: type[StorageError], args: tuple[object, ...], path: str, number: int | None, fields: dict[str, object]
) -> StorageError:
    error = kind(str(args[0]) if args else "", path=path, errno=number)
    error.args = args
    vars(error).update(fields)
    return error


_Stored = TypeVar("_Stored", bound=StorageError)


_KINDS: dict[tuple[type[StorageError], type[OSError]], type[StorageError]] = {}


def _with(cls: type[_Stored], kind: type[OSError]) -> type[_Stored]:
    """Return the class that is both, under the first one's name: to a reader of a traceback it is that one."""
    if issubclass(cls, kind):
        return cls
    if (cls, kind) not in _KINDS:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        _KINDS[cls, kind] = type(cls.__name__, (cls, kind), names)
    return cast("type[_Stored]", _KINDS[cls, kind])


class ReaderLeft(StorageError):
    """Who read a stream has left before all was written to it."""


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
        self.candidates: tuple[str, ...] = tuple(candidates)


class InvalidLayout(InvalidRequest):
    """A disk layout breaks rules.

    Attributes:
        problems: one sentence for each, naming the variable or partition, its value and the valid ones.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Make one message of all problems."""
        many = f"the disk layout has {len(problems)} errors: " if len(problems) > 1 else ""
        super().__init__(many + "; ".join(problems))
        self.problems: tuple[str, ...] = tuple(problems)


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

    def __init__(self, problems: Sequence[str], *, remedy: Remedy | None = None) -> None:
        """Make one message of all problems."""
        many = f"the task sequence has {len(problems)} problems: " if len(problems) > 1 else ""
        super().__init__(many + "; ".join(problems), remedy=remedy)
        self.problems: tuple[str, ...] = tuple(problems)


class InvalidInput(OsdImageError):
    """A file that was read is not valid."""


class UnsupportedSteps(NotReady, InvalidInput):
    """A task sequence has steps that cannot be run here, and that nobody allowed to leave out."""


class NotForMedia(NotReady, InvalidInput):
    """A task sequence cannot be put on media: a package is missing, a secret would be readable, a step needs a site."""


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
        can_be_kept: whether a directory of Linux can hold it as it is.
    """

    def __init__(
        self, message: str, *, path: str | None = None, can_be_kept: bool = False, remedy: Remedy | None = None
    ) -> None:
        """Keep the path beside the sentence."""
        super().__init__(message, remedy=remedy)
        self.path = path
        self.can_be_kept = can_be_kept


class InvalidTable(InvalidInput):
    """The disk holds no partition table, or one that cannot be used."""


class InvalidVolume(InvalidInput):
    """The volume is damaged, or does not hold the file system that was looked for.

    Attributes:
        fault: what is wrong, without what messages call the volume.
    """

    def __init__(self, fault: str, *, volume: str | None = None) -> None:
        """Put what messages call the volume before the fault; whoever does not know that leaves it to others."""
        super().__init__(fault if volume is None else f"{volume}: {fault}")
        self.fault = fault


class InvalidDocument(InvalidInput):
    """A saved plan or a saved partition table cannot be used: not one of ours, damaged, or of another version."""


class TargetRefused(OsdImageError):
    """The target cannot be used and was left as it was."""


class TooSmall(TargetRefused):
    """The target has no room for what was to be written, and was left as it was."""


NOTHING_WRITTEN = (TargetRefused, InvalidRequest)
"""What promises that nothing was written."""


def as_failure(error: OsdImageError, path: str | os.PathLike[str]) -> OsdImageError:
    """Return the failure that a refusal is once something was written; see :data:`NOTHING_WRITTEN`."""
    made: OsdImageError
    if isinstance(error, TooSmall):
        made = StorageError(error.said, path=path, errno=errno.ENOSPC, remedy=error.remedy)
    else:
        made = OsdImageError(error.said, remedy=error.remedy)
    for note in getattr(error, "__notes__", ()):
        made.add_note(note)
    return made


@contextmanager
def no_refusal(path: str | os.PathLike[str], done: Callable[[], str]) -> Iterator[None]:
    """Turn a refusal inside the ``with`` into a failure when ``done`` tells what was written; empty is nothing."""
    try:
        yield
    except NOTHING_WRITTEN as error:
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
