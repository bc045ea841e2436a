"""JSON of osdimage: plans, saved tables, deployments, the state of a sequence; and files of variables."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from cases import documents as cases
from cases.disk import variables
from cases.offline_windows import HeldFiles
from osdimage.imaging.deploy import document as deployments
from osdimage.imaging.deploy.set_document import set_from_json, to_set_document
from osdimage.imaging.deploy.sets import SetPlan
from osdimage.imaging.disk import plan as plans
from osdimage.imaging.disk.layouts.presets import Preset
from osdimage.imaging.disk.layouts.variables import layout_from_variables, parse_variables
from osdimage.imaging.disk.tables import backup as backups
from osdimage.imaging.documents import as_text
from osdimage.imaging.errors import InvalidDocument, InvalidInput, InvalidRequest
from osdimage.imaging.firststart import FOLDER, FirstStep, first_start_files, read_results
from osdimage.imaging.firststart.results import read_variables
from osdimage.imaging.firststart.steps import takes_value
from osdimage.imaging.media import (
    MediaSettings,
    Stretching,
    manifest_from_json,
    manifest_to_json,
    seal,
    settings_from_json,
    settings_to_json,
    sums_from_text,
    unseal,
)
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.tasksequence.staging.first_start_log import log_lines

from fuzz.places import as_file
from fuzz.target import Target


def _again(load: Callable[..., object], dump: Callable[..., str]) -> Callable[[bytes], None]:
    """Return a target: what is read is written, and reads the same."""

    def read(data: bytes) -> None:
        found = load(as_text(data, source="x"), source="x")
        assert load(dump(found), source="y") == found

    return read


def _deployment_text(plan: object) -> str:
    assert isinstance(plan, deployments.DeployPlan)
    return json.dumps(deployments.plan_to_document(plan))


def _machine_text(plan: object) -> str:
    assert isinstance(plan, SetPlan)
    return json.dumps(to_set_document(plan))


def _state(data: bytes) -> None:
    state = RunState.load(as_file(data))
    saved = state.env.to_document()
    assert Environment.from_document(saved, source="y").to_document() == saved


def _state_seed() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        yield json.dumps(cases.state(Path(folder))).encode()


def _variables(data: bytes) -> None:
    found = parse_variables(as_text(data, source="x"), source="x")
    assert parse_variables(json.dumps(found), source="y") == found
    layout_from_variables(found)


def _variables_seeds() -> Iterator[bytes]:
    gpt = variables("GPT", "EFI FAT32 260 MB", "MSR 16 MB", "Primary NTFS 50 Percent", "Primary NTFS")
    yield "".join(f"{name}={value}\n" for name, value in gpt.items()).encode()
    yield json.dumps(variables("MBR", "Primary NTFS 100 MB active", "Extended", "Logical NTFS")).encode()


def _settings(data: bytes) -> None:
    found = settings_from_json(data, source="x")
    assert settings_from_json(settings_to_json(found), source="y") == found


def _manifest(data: bytes) -> None:
    found = manifest_from_json(data, source="x")
    assert manifest_from_json(manifest_to_json(found), source="y") == found


def _sealed(data: bytes) -> None:
    # What scrypt would take is bounded, and much for each of a million inputs.
    if len(data) < 14 or (data[11] <= 4 and data[12] <= 1 and data[13] <= 1):
        unseal(data, b"swordfish", name="x")


def _sealed_seeds() -> Iterator[bytes]:
    # Salt and nonce of the same seed must be the same.
    with mock.patch("osdimage.imaging.media.sequence.sealed.os.urandom", bytes):
        for contents in (b"", b"{}", bytes(5000)):
            yield seal(contents, b"swordfish", stretching=Stretching(log_n=4, r=1))


def _sums(data: bytes) -> None:
    assert all(len(each) == 64 for each in sums_from_text(data, source="x").values())


_PARTS = ("plan.json", "results.txt", "starts.txt", "1/begin", "1/end", "1/output.txt", "vars.txt")
_BETWEEN = b"\x1e"


def _first_start(data: bytes) -> None:
    """Read what a computer left of a first start, a file after the other."""
    left = dict(zip(_PARTS, data.split(_BETWEEN), strict=False))
    files = HeldFiles({f"{FOLDER}/{name}".replace("\\", "/"): held for name, held in left.items()})
    lines = list(log_lines(files, read_results(files), now=datetime(2026, 1, 2, tzinfo=UTC)))
    assert lines
    assert all(takes_value(value) for value in read_variables(files).values() if value)
    assert all(line.count("]LOG]!>") == 1 and line.isprintable() for line in lines)


def _first_start_seed() -> bytes:
    steps = [FirstStep("one", ("@rem",), label="1"), FirstStep("two", ("@rem",), label="2")]
    plan = first_start_files(steps, "cp850")["plan.json"]
    said, variables = b"said\r\n]LOG]!>\r\n", b"A=1\r\nB=\r\n"
    return _BETWEEN.join((plan, b"1 done 0\r\n2 failed 5\r\n", b"2 2 1\r\n", b"1", b"done 0", said, variables))


TARGETS = (
    Target(
        "disk-plan",
        _again(plans.from_json, plans.to_json),
        lambda: (plans.to_json(cases.disk_plan(preset)).encode() for preset in Preset),
        (InvalidDocument,),
    ),
    Target(
        "table-backup",
        _again(backups.from_json, backups.to_json),
        lambda: (backups.to_json(cases.backup()).encode(),),
        (InvalidDocument,),
    ),
    Target(
        "deployment",
        _again(deployments.plan_from_json, _deployment_text),
        lambda: (_deployment_text(cases.deployment()).encode(),),
        (InvalidDocument,),
    ),
    Target(
        "machine",
        _again(set_from_json, _machine_text),
        lambda: (_machine_text(cases.machine()).encode(),),
        (InvalidDocument,),
    ),
    Target(
        "media-manifest",
        _manifest,
        lambda: (manifest_to_json(cases.media_manifest(volume)) for volume in (1, 2)),
        (InvalidDocument,),
    ),
    Target("sealed-file", _sealed, _sealed_seeds, (InvalidInput,)),
    Target("sums", _sums, lambda: (b"0" * 64 + b"  a/b\n" + b"f" * 64 + b" *c d\n",), (InvalidDocument,)),
    Target(
        "media-variables",
        _settings,
        lambda: (settings_to_json(MediaSettings({"A": "1"}, ("A",), replaced=(("7", "cmd /c exit"),))),),
        (InvalidDocument,),
    ),
    Target("first-start", _first_start, lambda: (_first_start_seed(),), (InvalidDocument, InvalidRequest)),
    Target("run-state", _state, _state_seed, (InvalidDocument,)),
    Target("variables", _variables, _variables_seeds, (InvalidInput, InvalidRequest), largest=4096),
)
