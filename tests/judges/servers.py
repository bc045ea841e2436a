"""Servers of others, which say what they think of their configurations, or serve a network that is made for them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from judges.wim import require

_SECONDS = 30
TAP = "tap0"
"""The device of a machine in a network."""
_OTHER_SERVER = ("--port=0", "--user=root", "--dhcp-range=192.168.50.100,192.168.50.200,255.255.255.0,1h")


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


@contextmanager
def network(folder: Path, configuration: str, port: int) -> Iterator[str]:
    """Make a network with a bridge ``br0``, 192.168.50.1/24, and yield the namespace that it is in.

    dnsmasq goes by a configuration of the folder there, and Python hands the folder out by HTTP.  Where dnsmasq gives
    no addresses away, another one in a namespace of its own does, without telling anything of what is started.

    Args:
        folder: for network boot.
        configuration: the name of one in it.
        port: of HTTP.
    """
    ip = require("ip")
    here, there = (f"osdimage-{os.getpid()}-{name}" for name in ("a", "b"))
    dnsmasq = [require("dnsmasq"), "--keep-in-foreground", "--pid-file=", f"--log-facility={folder.parent}/dnsmasq.log"]
    lease_file = f"--dhcp-leasefile={folder.parent}/leases"
    with ExitStack() as stack:
        for name in (here, there):
            _run(ip, "netns", "add", name)
            stack.callback(_run, ip, "netns", "del", name)
            _run(ip, "-n", name, "link", "set", "lo", "up")
        ends = [f"osd{os.getpid() % 100000}{name}" for name in ("a", "b")]
        _run(ip, "link", "add", ends[0], "netns", here, "type", "veth", "peer", "name", ends[1], "netns", there)
        _run(ip, "-n", here, "link", "add", "br0", "type", "bridge")
        _run(ip, "-n", here, "addr", "add", "192.168.50.1/24", "dev", "br0")
        _run(ip, "-n", here, "tuntap", "add", TAP, "mode", "tap")
        for device in (TAP, ends[0]):
            _run(ip, "-n", here, "link", "set", device, "master", "br0", "up")
        _run(ip, "-n", here, "link", "set", "br0", "up")
        _run(ip, "-n", there, "addr", "add", "192.168.50.2/24", "dev", ends[1])
        _run(ip, "-n", there, "link", "set", ends[1], "up")
        conf = f"--conf-file={folder / configuration}"
        _start(stack, ip, "netns", "exec", here, *dnsmasq, "--user=root", lease_file, conf)
        if "proxy" in configuration:
            _start(
                stack,
                ip,
                "netns",
                "exec",
                there,
                *dnsmasq,
                f"{lease_file}-other",
                "--conf-file=/dev/null",
                *_OTHER_SERVER,
            )
        served = ("-m", "http.server", str(port), "--directory", str(folder))
        _start(stack, ip, "netns", "exec", here, sys.executable, *served)
        # Servers that end at once, for want of something, are told here and not by a machine that waits for them.
        time.sleep(0.5)
        yield here


def _start(stack: ExitStack, *command: str) -> None:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop() -> None:
        has_ended = process.poll() is not None
        process.terminate()
        process.wait(_SECONDS)
        assert not has_ended, f"{command} ended by itself"

    stack.callback(stop)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    return f"{done.returncode}: {done.stdout}{done.stderr}".strip()
