"""The shells, as judges of completions: what is typed into them, and what they make of it."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from judges.wim import TIMEOUT_S, require

# Inserts all that may complete the word at the cursor.
ALL_MATCHES = {"bash": b"\x1b*", "zsh": b"\x18a"}
_HOME, _END, _KILL = b"\x01", b"\x05", b"\x15"
_ZSH = r"""
autoload -Uz compinit && compinit -u -D
zle -C all-matches complete-word _generic
zstyle ':completion:all-matches:*' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
bindkey -e
bindkey '^Xa' all-matches
unsetopt zle_bracketed_paste prompt_cr prompt_sp
PS1='' RPS1='' PS2=''
"""
_BASH = "PS1='' PS2=''\nbind 'set enable-bracketed-paste off'\nbind 'set bell-style none'\n"


@dataclass(slots=True)
class Shell:
    """A shell at a terminal of its own."""

    name: str
    terminal: int
    process: subprocess.Popen[bytes]

    def said(self, keys: bytes) -> str:
        """Type keys and return what is then printed, up to the end of a command that the keys begin."""
        os.write(self.terminal, keys + b"; echo D''ONE\n")
        told, until = b"", time.monotonic() + TIMEOUT_S
        while not re.search(rb"(^|[\r\n])DONE\r?\n", told):
            assert time.monotonic() < until, told
            if select.select([self.terminal], [], [], 1)[0]:
                told += os.read(self.terminal, 65536)
        return told.decode()

    def completed(self, line: str) -> list[str]:
        """Return the words that come of a line when all that may complete its last one is inserted."""
        typed = line.encode() + ALL_MATCHES[self.name] + _HOME + b"printf '<%s>\\n' " + _END
        return re.findall(r"^<(.*)>\r?$", self.said(typed), flags=re.MULTILINE)


@contextmanager
def shell(name: str, folder: Path, script: str) -> Iterator[Shell]:
    """Start bash or zsh in a folder, let it run a script, and yield it."""
    mine, its = pty.openpty()
    options = {"bash": ["--noprofile", "--norc", "-i"], "zsh": ["--no-rcs", "-i"]}[name]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    command = [require(name), *options]
    process = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, cwd=folder, env=environment, start_new_session=True
    )
    os.close(its)
    try:
        found = Shell(name, mine, process)
        begin = folder / "begin"
        begin.write_text({"bash": _BASH, "zsh": _ZSH}[name] + script, encoding="utf-8")
        found.said(b". ./begin")
        begin.unlink()
        yield found
    finally:
        process.kill()
        process.wait()
        os.close(mine)


def fish(folder: Path, script: str, lines: Sequence[str]) -> list[list[str]]:
    """Return, for each line, what fish offers to complete its last word."""
    commands = "; ".join(f"complete --do-complete {shlex.quote(line)}; echo DONE" for line in lines)
    done = subprocess.run(
        [require("fish"), "--no-config", "--command", f"{script}\n{commands}"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert done.stderr == "", done.stderr
    answers = done.stdout.split("DONE\n")
    return [[each.partition("\t")[0] for each in answer.splitlines()] for answer in answers[:-1]]
