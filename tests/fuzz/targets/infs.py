"""INF files: their grammar, and what they say of models, files, services and the registry."""

from __future__ import annotations

from cases import infs
from osdimage.imaging.drivers.inf.inf_file import DEFAULT_INSTALL, read_inf
from osdimage.imaging.drivers.inf.lines import Parsed, parse
from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs

from fuzz.target import Target

_WINDOWS = (
    TargetOs.parse("10.0.22631", Architecture.AMD64),
    TargetOs.parse("10.0.26100", Architecture.ARM64),
    TargetOs.parse("6.1", Architecture.X86, product=ProductType.SERVER),
    TargetOs.parse("5.0", Architecture.X86),
)
_MOST_SECTIONS = 50


def written(parsed: Parsed) -> str:
    """Return a text with the same sections, everything in quotation marks."""
    lines: list[str] = []
    for section in parsed.sections.values():
        lines.append(f"[{section.name}]")
        for _, key, fields in section.lines:
            values = ",".join('"' + each.replace('"', '""') + '"' for each in fields)
            lines.append(values if key is None else '"' + key.replace('"', '""') + f'"={values}')
    return "\n".join(lines)


def told(parsed: Parsed) -> dict[str, list[tuple[str | None, tuple[str, ...]]]]:
    """Return what is in sections, without where."""
    return {name: [(key, fields) for _, key, fields in each.lines] for name, each in parsed.sections.items()}


def _inf(data: bytes) -> None:
    inf = read_inf(data, name="x.inf")
    assert told(parse(written(inf.text.parsed), name="y.inf")) == told(inf.text.parsed)
    everything = set(inf.all_models())
    for os in _WINDOWS:
        assert set(inf.models(os)) <= everything
        inf.files(os)
        assert inf.installs(os) == inf.installs(os)
    # What no model names is read all the same.
    for name in (DEFAULT_INSTALL, *list(inf.text.parsed.sections)[:_MOST_SECTIONS]):
        for setting in inf.install(name, _WINDOWS[0]).settings:
            assert setting.value is None or setting.value.name == setting.name


def _seeds() -> tuple[bytes, ...]:
    return infs.STORAGE.encode(), b"\xff\xfe" + infs.NETWORK.encode("utf-16-le"), infs.AUTORUN.encode()


TARGETS = (Target("inf", _inf, _seeds),)
