"""What Windows Setup would take of the pass windowsPE, written where Windows itself reads it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from osdimage.imaging.answers.setup_pass import WantedImage, take_setup_pass, wanted_image
from osdimage.imaging.answers.unattend import Unattend
from osdimage.imaging.errors import InvalidRequest

# The form of "Unattended Windows Setup Reference", as its samples have it.
IDENTITY = 'publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS"'
FILE = f"""\
<unattend xmlns="urn:schemas-microsoft-com:unattend" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
<settings pass="windowsPE">
<component name="Microsoft-Windows-Setup" processorArchitecture="amd64" {IDENTITY}>
<DiskConfiguration><Disk wcm:action="add"><DiskID>0</DiskID></Disk></DiskConfiguration>
<ImageInstall><OSImage><InstallFrom><MetaData wcm:action="add">
<Key>/IMAGE/NAME</Key><Value>Windows Pro</Value></MetaData></InstallFrom></OSImage></ImageInstall>
<UserData><ProductKey><Key>AAAAA-BBBBB-CCCCC-DDDDD-EEEEE</Key></ProductKey><FullName>Me</FullName>
<Organization>Org</Organization><AcceptEula>true</AcceptEula></UserData>%s
</component>
<component name="Microsoft-Windows-International-Core-WinPE" processorArchitecture="amd64" {IDENTITY}>
<InputLocale>0407:00000407</InputLocale><UILanguage>de-DE</UILanguage><UserLocale>de-DE</UserLocale></component>
</settings>
<settings pass="specialize">
<component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64" {IDENTITY}>
<RegisteredOwner>You</RegisteredOwner></component></settings></unattend>
"""
NAMESPACE = "{urn:schemas-microsoft-com:unattend}"


def settings(answers: Unattend) -> dict[tuple[str, str, str], str]:
    """Return the text of each setting by its pass, its component and its name, as a foreign reader finds them."""
    root = ET.fromstring(answers.to_bytes())  # noqa: S314 - our own
    return {
        (each.get("pass", ""), component.get("name", ""), leaf.tag.removeprefix(NAMESPACE)): leaf.text or ""
        for each in root.iter(f"{NAMESPACE}settings")
        for component in each.iter(f"{NAMESPACE}component")
        for leaf in component.iter()
        if leaf is not component and len(leaf) == 0
    }


def test_what_is_about_windows_goes_where_windows_reads_it() -> None:
    answers = Unattend.from_bytes((FILE % "").encode(), "x64", source="a.xml")
    told = take_setup_pass(answers)
    shell, core = "Microsoft-Windows-Shell-Setup", "Microsoft-Windows-International-Core"
    found = settings(answers)
    assert found["specialize", shell, "ProductKey"] == "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
    # What the file says there already, stays.
    assert found["specialize", shell, "RegisteredOwner"] == "You"
    assert found["specialize", shell, "RegisteredOrganization"] == "Org"
    for where in ("specialize", "oobeSystem"):
        assert found[where, core, "InputLocale"] == "0407:00000407"
        assert found[where, core, "UILanguage"] == "de-DE"
    assert "windowsPE" not in {where for where, _, _ in found}
    assert len(told) == 1
    assert told[0].endswith("not carried out: <DiskConfiguration>")
    assert answers.warnings == ()


@pytest.mark.parametrize("name", ["RunSynchronous", "RunAsynchronous"])
def test_commands_of_windows_pe_are_refused(name: str) -> None:
    answers = Unattend.from_bytes((FILE % f"<{name}/>").encode(), "x64", source="a.xml")
    with pytest.raises(InvalidRequest, match="commands of the pass windowsPE"):
        take_setup_pass(answers)


@pytest.mark.parametrize(
    ("text", "architecture", "expected"),
    [
        (FILE % "", "x64", WantedImage(name="Windows Pro")),
        ((FILE % "").replace("/IMAGE/NAME", "/image/index").replace("Windows Pro", " 3 "), "x64", WantedImage("3")),
        (FILE % "", "x86", WantedImage()),
    ],
)
def test_the_image_that_is_asked_for(text: str, architecture: str, expected: WantedImage) -> None:
    assert wanted_image(Unattend.from_bytes(text.encode(), architecture, source="a.xml")) == expected


def test_a_file_without_the_pass_stays_as_it_is() -> None:
    answers = Unattend.default("x64")
    before = answers.to_bytes()
    assert take_setup_pass(answers) == []
    assert answers.to_bytes() == before
