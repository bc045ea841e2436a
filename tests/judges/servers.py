"""Servers of others, which say what they think of their configurations; nothing is started."""

from __future__ import annotations

import subprocess
from pathlib import Path

from judges.wim import require

_SECONDS = 30


def dnsmasq_judges(configuration: Path) -> str:
    """Return what dnsmasq says of a configuration: ``dnsmasq: syntax check OK.`` where it is one."""
    return _said(require("dnsmasq"), "--test", f"--conf-file={configuration}")


def nginx_judges(server: Path, folder: Path) -> str:
    """Return what nginx says of a server of its ``http``: that the test is successful.

    Args:
        server: the file with it.
        folder: where the configuration around it is put, and what nginx writes.
    """
    whole = folder / "whole.conf"
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole.write_text(f"pid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}include {server};\n}}\n")
    return _said(require("nginx"), "-t", "-q", "-e", "stderr", "-c", str(whole))


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    return f"{done.returncode}: {done.stdout}{done.stderr}".strip()
