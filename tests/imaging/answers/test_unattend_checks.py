"""What Windows ignores of an answer file: Microsoft, "Unattended Windows Setup Reference" and its passes."""

from __future__ import annotations

import pytest
from osdimage.imaging.answers import check_answer_file
from osdimage.imaging.answers.unattend_checks import NAMESPACE, WCM

IDENTITY = 'publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS"'
SHELL = "Microsoft-Windows-Shell-Setup"


def component(
    inside: str = "<TimeZone>UTC</TimeZone>", name: str = SHELL, arch: str = "amd64", identity: str = IDENTITY
) -> str:
    return f'<component name="{name}" processorArchitecture="{arch}" {identity}>{inside}</component>'


def settings(inside: str = component(), name: str = "specialize") -> str:
    return f'<settings pass="{name}">{inside}</settings>'


def told(inside: str, architecture: str | None = "x64") -> list[str]:
    data = f'<unattend xmlns="{NAMESPACE}" xmlns:wcm="{WCM}">{inside}</unattend>'.encode()
    found = check_answer_file(data, architecture, source="u.xml")
    assert all(each.startswith("u.xml: ") for each in found)
    return [each.removeprefix("u.xml: ") for each in found]


ITEMS = '<Commands><C wcm:action="add"><Order>1</Order></C><C wcm:action="add"><Order>2</Order></C></Commands>'
SILENT = {
    "one component": settings(),
    "every pass that an applied image runs": "".join(
        settings(name=name) for name in ("specialize", "auditSystem", "auditUser", "oobeSystem")
    ),
    "the same settings for several architectures": settings(
        component() + component(arch="x86") + component(arch="arm64")
    ),
    "a name of fifteen characters": settings(component("<ComputerName>ABCDE-123456789</ComputerName>")),
    "a name that Windows makes up": settings(component("<ComputerName> * </ComputerName>")),
    "a name that is to be filled in": settings(component("<ComputerName></ComputerName>")),
    "a name in a pass that does not read it": settings()
    + settings(component("<ComputerName>much too long for one</ComputerName>"), "oobeSystem"),
    "items of a list": settings(component(ITEMS)),
    "what other tools keep there": settings() + '<cpi:offlineImage xmlns:cpi="urn:schemas-microsoft-com:cpi"/>',
    "an empty pass": settings() + settings("", "windowsPE"),
    "other letters for the architecture": settings(component(arch="AMD64")),
}


@pytest.mark.parametrize("inside", SILENT.values(), ids=SILENT)
def test_nothing_is_said_of_what_windows_reads(inside: str) -> None:
    assert told(inside) == []


IGNORED = {
    "another architecture": (
        settings(component(arch="x86")),
        ["nothing of it is used: the image is for amd64, and its components are for x86"],
    ),
    "another architecture for some": (
        settings(component() + component("<a/>", "Other", "x86")),
        ["the image is for amd64: Windows ignores what is for x86 only: Other (specialize)"],
    ),
    "more settings for another architecture": (
        settings(component() + component("<ComputerName>A</ComputerName>", arch="x86")),
        [f"the image is for amd64: Windows ignores what is for x86 only: {SHELL} (specialize)"],
    ),
    "the same in another pass": (
        settings() + settings(component(arch="arm64"), "oobeSystem"),
        [f"the image is for amd64: Windows ignores what is for arm64 only: {SHELL} (oobeSystem)"],
    ),
    "Windows PE alone": (
        settings(name="windowsPE"),
        ["the pass windowsPE is not used by an image that is applied: ", "nothing of it is used: an image"],
    ),
    "passes of other ways to install": (
        settings() + settings(name="offlineServicing") + settings(name="generalize"),
        ["the pass offlineServicing is not used", "the pass generalize is not used"],
    ),
    "a pass with other letters": (
        settings() + settings(name="oobesystem"),
        ["Windows has no pass 'oobesystem' and ignores its settings; oobeSystem may be meant"],
    ),
    "no such pass": (
        settings() + settings(name="xyz"),
        ["Windows has no pass 'xyz' and ignores its settings; valid are"],
    ),
    "no pass": (settings() + f"<settings>{component()}</settings>", ["Windows has no pass ''"]),
    "a component without its attributes": (
        settings(component() + component(name="Other", identity='language="neutral"')),
        ["without publicKeyToken, versionScope Windows does not know what is meant by the component Other"],
    ),
    "attributes with no value of theirs": (
        settings(
            component() + component(name="O", arch="x64", identity=IDENTITY.replace("31b", "x").replace("nonS", "s"))
        ),
        [
            "the publicKeyToken of",
            "the versionScope of",
            "the processorArchitecture of the component O (specialize) is none; valid: x86, amd64",
            "the image is for",
        ],
    ),
    **{
        f"a name {why}": (
            settings(component(f"<ComputerName>{name}</ComputerName>")),
            [f"Windows ends its setup at a <ComputerName> that no computer can have: {SHELL} (specialize); valid"],
        )
        for why, name in {"of sixteen": "ABCDE-1234567890", "with a blank": "PC 42", "of digits": "0042"}.items()
    },
    "a component twice": (
        settings(component("<a/>") + component("<b/>")),
        [f"Windows takes one of two components of one name in a pass: {SHELL} (specialize)"],
    ),
    "a pass twice": (
        settings() + settings(component(name="Other")),
        ["Windows expects the settings of a pass in one place, but specialize is there twice"],
    ),
    "a setting twice": (
        settings(component("<TimeZone/><TimeZone/>")),
        [f"Windows takes one of two settings of one name that are no items of a list: <TimeZone> in {SHELL}"],
    ),
    "a setting in no namespace": (
        settings(component('<a/><ComputerName xmlns="">x</ComputerName>')),
        ["Windows ignores settings that are not in the namespace of answer files: <ComputerName>"],
    ),
    "elements that mean nothing": (
        settings(component() + "<componet/>") + '<setting/><settings xmlns="urn:x"/>',
        ["Windows ignores <componet> in <settings>, <setting>, <settings> of another namespace: it reads"],
    ),
    "a pass that was processed": (
        settings() + settings(name="oobeSystem").replace("<settings", '<settings wasPassProcessed="true"'),
        ["Windows skips passes that are marked as processed (wasPassProcessed): oobeSystem"],
    ),
    "packages": (settings() + "<servicing/>", ["<servicing> is not used by an image that is applied"]),
    "nothing": ("", ["nothing of it is used"]),
}


@pytest.mark.parametrize(("inside", "sentences"), IGNORED.values(), ids=IGNORED)
def test_what_windows_ignores_is_told(inside: str, sentences: list[str]) -> None:
    found = told(inside)
    assert len(found) == len(sentences), found
    assert all(each.startswith(start) for each, start in zip(found, sentences, strict=True)), found


def test_of_an_image_that_does_not_tell_its_architecture_nothing_is_said_about_that() -> None:
    assert told(settings(component(arch="x86")), None) == []
    assert told(settings(component(arch="x86")), "x86") == []


def test_a_file_with_many_faults_has_few_sentences() -> None:
    found = told("".join(settings(component(name=f"c{number}\u202e" * 30, arch=f"a{number}")) for number in range(500)))
    assert len(found) < 10
    assert max(map(len, found)) < 1000
    assert all(each.isprintable() for each in found)
