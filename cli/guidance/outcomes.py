"""What the exit codes of commands mean: in general, and where a command means something of its own."""

from __future__ import annotations

EXIT_CODES: dict[str, str] = {
    "0": "It is done.",
    "1": "The operation failed, or the question whether to go on was answered with no.",
    "2": "Usage: an option or argument that is not valid, or a file, image or partition that is not there.",
    "3": "The input is invalid or corrupt: a WIM, a disk, an answer file or a task sequence.",
    "4": "The target is refused: it is in use, too small, there already, or not what was expected. Nothing was "
    "written.",
    "5": "Of several targets some are done, and some failed or were refused.",
    "6": "Not known: something that decides cannot be read here.",
    "128+N": "Signal N stopped it: 130 is Ctrl-C, 143 is SIGTERM, and 141 that the reader of its output left.",
}
"""Of every command but 5 and 6, which only those have that :data:`OUTCOMES` has them of."""

_SEVERAL = {
    "0": "It is done; with several targets, all of them.",
    "1": "The operation failed, or the question was answered with no; with several targets, none is done.",
    "5": EXIT_CODES["5"],
}
_COMPARED = {"0": "Both are equal.", "1": "They are not equal, or the operation failed."}
_STARTS = {
    "0": "The disk was read wholly, and nothing keeps it from starting; there may be warnings.",
    "6": "Whether it starts is not known: something that decides cannot be read here, as on an encrypted volume.",
}
OUTCOMES: dict[str, dict[str, str]] = {
    "apply": {
        **_SEVERAL,
        "1": f"{_SEVERAL['1']} With --strict also when something of the image was not kept, with --recover-data when "
        "files are damaged.",
    },
    "boot check": {**_STARTS, "1": "An error keeps it from starting, or the operation failed."},
    "boot fix": {
        **_STARTS,
        "1": "It still would not start, an entry could not be bound, or the operation failed.",
    },
    "capture": {"1": f"{EXIT_CODES['1']} With --strict also when a file could not be stored."},
    "compare": {
        **_COMPARED,
        "1": f"{_COMPARED['1']} With --strict also when the target had no place for something.",
    },
    "deploy": _SEVERAL,
    "diff": _COMPARED,
    "disk check": {
        "0": "Nothing is wrong, or there are warnings and notes alone.",
        "3": "There is an error, or no partition table at all.",
    },
    "doctor": {
        "0": "Everything is there that osdimage cannot work without.",
        "1": "Something that it cannot work without is missing.",
    },
    "driver add": {"1": f"{EXIT_CODES['1']} With --strict also when there is no driver for a disk controller."},
    "driver check": {
        "0": "Nothing is wrong, or there are warnings and notes alone.",
        "3": "There is an error; with --strict, or a warning.",
    },
    "extract": {"1": f"{EXIT_CODES['1']} With --recover-data also when files are damaged."},
    "registry export": {"1": "The operation failed, or there are names that a .reg file cannot hold."},
    "run": {
        "0": "The task sequence came to its end, or is paused.",
        "1": "A step failed, or the question whether to go on was answered with no.",
        "3": "The sequence is not valid, or has steps that can be done neither now nor by the first start.",
    },
    "verify": {"0": "Every WIM is sound.", "3": "One is not sound."},
}
"""command -> code -> what it means there, where that is more than what it means in general."""


def outcomes_of(command: str) -> dict[str, str]:
    """Return what each exit code of a command means; of the program itself, what it means in general."""
    if not command:
        return EXIT_CODES
    own = OUTCOMES.get(command, {})
    return {code: own.get(code, text) for code, text in EXIT_CODES.items() if code in own or code not in {"5", "6"}}
