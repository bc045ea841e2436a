"""What all commands have in common, whatever they do."""

from __future__ import annotations

CONVENTIONS: dict[str, str] = {
    "Options": "They may stand before and behind arguments; -- ends them, for a file whose name begins with -. "
    "--name=VALUE is the same as --name VALUE.",
    "Output": "What was asked for is on standard output; progress, notes and warnings are on standard error. --quiet "
    "leaves out all but errors and what was asked for. On a terminal progress is a bar, elsewhere a line now and then.",
    "Errors": "One line on standard error, which begins with osdimage: and says what, where, and what would help. "
    "Single faults and candidates follow, each on a line of its own. --debug adds the log, and where in "
    "the program it was.",
    "Questions": "What destroys something shows it first and asks, unless --yes is given. Where nobody can be asked, "
    "as without a terminal and with --json or --quiet, the command is refused with exit code 2.",
    "Programs": "With --json one document is printed, of an error, too; --events writes JSON lines while the work goes "
    "on. osdimage schema has what they hold.",
    "Files": "A file that is written appears when it is complete, and one that it replaces stays until then. With exit "
    "code 4 nothing was written.",
}
