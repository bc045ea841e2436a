"""unattend.xml: names, passes and values are those of Microsoft's "Unattended Windows Setup Reference"."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging import InvalidInput, InvalidRequest
from osdimage.imaging.answers.document import MAX_BYTES
from osdimage.imaging.answers.settings import (
    Adapter,
    LicenseMode,
    Locales,
    Membership,
    NetworkSettings,
    WindowsSettings,
)
from osdimage.imaging.answers.unattend import Unattend, obfuscated

U = "{urn:schemas-microsoft-com:unattend}"
WCM = "{http://schemas.microsoft.com/WMIConfig/2002/State}"

# As Windows System Image Manager writes files: a component per architecture, wcm on the component, a comment, cpi.
USER = b"""<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend">
    <!-- ours -->
    <settings pass="specialize">
        <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"
            publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS"
            xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State"
            xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
            <ComputerName>FROM-USER</ComputerName>
            <CopyProfile>true</CopyProfile>
        </component>
        <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="x86"
            publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
            <ComputerName>OTHER-ARCH</ComputerName>
        </component>
        <component name="Microsoft-Windows-Deployment" processorArchitecture="amd64"
            publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
            <RunSynchronous>
                <RunSynchronousCommand w:action="add" xmlns:w="http://schemas.microsoft.com/WMIConfig/2002/State">
                    <Order>7</Order><Path>cmd /c echo &lt;hello&gt; &amp;&amp; exit</Path>
                </RunSynchronousCommand>
            </RunSynchronous>
        </component>
    </settings>
    <settings pass="oobeSystem">
        <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"
            publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
            <OOBE><ProtectYourPC>3</ProtectYourPC></OOBE>
        </component>
    </settings>
    <cpi:offlineImage cpi:source="wim:c:/x.wim#Pro" xmlns:cpi="urn:schemas-microsoft-com:cpi" />
</unattend>
"""


def component(document: bytes, configuration_pass: str, name: str, architecture: str = "amd64") -> ET.Element:
    root = ET.fromstring(document)  # noqa: S314 - what osdimage just wrote
    found = [
        each
        for settings in root.iterfind(f"{U}settings")
        if settings.get("pass") == configuration_pass
        for each in settings.iterfind(f"{U}component")
        if each.get("name") == f"Microsoft-Windows-{name}" and each.get("processorArchitecture") == architecture
    ]
    assert len(found) == 1, found
    assert found[0].get("publicKeyToken") == "31bf3856ad364e35"
    assert (found[0].get("language"), found[0].get("versionScope")) == ("neutral", "nonSxS")
    return found[0]


def texts(element: ET.Element) -> dict[str, str]:
    """Return the text of each leaf by its path."""
    found = {}
    for child in element:
        name = child.tag.removeprefix(U)
        if len(child):
            found |= {f"{name}/{path}": text for path, text in texts(child).items()}
        else:
            found[name] = child.text or ""
    return found


@pytest.mark.parametrize(
    ("architecture", "written"), [("x86", "x86"), ("x64", "amd64"), ("arm64", "arm64"), ("ia64", "ia64")]
)
def test_components_are_for_the_architecture_of_the_image(architecture: str, written: str) -> None:
    made = Unattend.default(architecture)
    assert texts(component(made.to_bytes(), "oobeSystem", "Shell-Setup", written)) == {
        "OOBE/HideEULAPage": "true",
        "OOBE/ProtectYourPC": "1",
    }


def test_settings_of_windows_stand_in_the_passes_that_read_them() -> None:
    made = Unattend.default("x64")
    unplaced = made.set_windows(
        WindowsSettings(
            computer_name="PC-1",
            product_key="AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
            registered_user="Jörg & <Co>",
            registered_organization="Org",
            time_zone="W. Europe Standard Time",
            admin_password="P@ss wörd",
            admin_enabled=True,
        )
    )
    document = made.to_bytes()
    assert unplaced == []
    assert texts(component(document, "specialize", "Shell-Setup")) == {
        "ComputerName": "PC-1",
        "ProductKey": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
        "RegisteredOwner": "Jörg & <Co>",
        "RegisteredOrganization": "Org",
        "TimeZone": "W. Europe Standard Time",
    }
    found = texts(component(document, "oobeSystem", "Shell-Setup"))
    password = found.pop("UserAccounts/AdministratorPassword/Value")
    assert base64.b64decode(password).decode("utf-16-le") == "P@ss wördAdministratorPassword"
    assert found["UserAccounts/AdministratorPassword/PlainText"] == "false"
    assert found["TimeZone"] == "W. Europe Standard Time"
    commands = texts(component(document, "specialize", "Deployment"))
    assert commands["RunSynchronous/RunSynchronousCommand/Path"] == "net user Administrator /active:yes"
    assert "P@ss" not in document.decode()


# "Microsoft-Windows-International-Core" of the unattend reference: its settings, and that it has the two passes.
def test_languages_stand_in_both_passes_and_replace_what_the_users_file_says() -> None:
    made = Unattend.from_bytes(
        USER.replace(b"Shell-Setup", b"International-Core").replace(b"ComputerName", b"UserLocale"), "x64", source="u"
    )
    made.set_windows(
        WindowsSettings(locales=Locales("0407:00000407;en-US", "de-DE", "de-DE", "en-US", user_locale="de-AT"))
    )
    document = made.to_bytes()
    expected = {
        "InputLocale": "0407:00000407;en-US",
        "SystemLocale": "de-DE",
        "UILanguage": "de-DE",
        "UILanguageFallback": "en-US",
        "UserLocale": "de-AT",
    }
    assert texts(component(document, "specialize", "International-Core")) == expected | {"CopyProfile": "true"}
    assert texts(component(document, "oobeSystem", "International-Core")) == expected | {"OOBE/ProtectYourPC": "3"}
    assert texts(component(document, "specialize", "International-Core", "x86")) == {"UserLocale": "OTHER-ARCH"}


# As they stand in answer files that Windows System Image Manager wrote and people published (vagrant boxes, and
# "P@ssw0rd" in many guides); base64 -d | iconv -f utf-16le shows the word behind the password.
@pytest.mark.parametrize(
    ("password", "written"),
    [
        ("vagrant", "dgBhAGcAcgBhAG4AdABBAGQAbQBpAG4AaQBzAHQAcgBhAHQAbwByAFAAYQBzAHMAdwBvAHIAZAA="),
        ("P@ssw0rd", "UABAAHMAcwB3ADAAcgBkAEEAZABtAGkAbgBpAHMAdAByAGEAdABvAHIAUABhAHMAcwB3AG8AcgBkAA=="),
    ],
)
def test_the_password_is_hidden_as_windows_system_image_manager_hides_it(password: str, written: str) -> None:
    assert obfuscated(password) == written


def test_a_license_mode_has_no_place() -> None:
    made = Unattend.default("x64")
    assert "OSDServerLicenseMode" in made.set_windows(WindowsSettings(license_mode=LicenseMode.PER_SEAT))[0]


def test_values_that_are_not_given_stay_as_they_are() -> None:
    made = Unattend.from_bytes(USER, "x64", source="user.xml")
    made.set_windows(WindowsSettings(registered_user="Me"))
    found = texts(component(made.to_bytes(), "specialize", "Shell-Setup"))
    assert found == {"ComputerName": "FROM-USER", "CopyProfile": "true", "RegisteredOwner": "Me"}
    assert made.text("specialize", "Microsoft-Windows-Shell-Setup", "ComputerName") == "FROM-USER"
    assert made.text("specialize", "Microsoft-Windows-Shell-Setup", "TimeZone/None") is None
    assert made.text("offlineServicing", "Microsoft-Windows-Shell-Setup", "TimeZone") is None


def test_the_users_file_wins_over_the_default_and_lists_stay_whole() -> None:
    made = Unattend.from_bytes(USER, "x64", source="user.xml")
    made.fill(Unattend.default("x64"))
    document = made.to_bytes()
    assert texts(component(document, "oobeSystem", "Shell-Setup")) == {
        "OOBE/ProtectYourPC": "3",
        "OOBE/HideEULAPage": "true",
    }
    assert texts(component(document, "specialize", "Shell-Setup", "x86")) == {"ComputerName": "OTHER-ARCH"}
    assert b"<!-- ours -->" in document
    root = ET.fromstring(document)  # noqa: S314 - what osdimage just wrote
    offline = root.find("{urn:schemas-microsoft-com:cpi}offlineImage")
    assert offline is not None
    assert offline.get("{urn:schemas-microsoft-com:cpi}source") == "wim:c:/x.wim#Pro"
    commands = component(document, "specialize", "Deployment").find(f"{U}RunSynchronous")
    assert commands is not None
    assert commands[0].get(f"{WCM}action") == "add"
    assert commands[0].findtext(f"{U}Path") == "cmd /c echo <hello> && exit"


def test_what_a_step_sets_later_replaces_what_the_users_file_says() -> None:
    made = Unattend.from_bytes(USER, "x64", source="user.xml")
    for enabled in (True, False):
        made.set_windows(WindowsSettings(computer_name="STEP", admin_enabled=enabled))
    document = made.to_bytes()
    assert texts(component(document, "specialize", "Shell-Setup"))["ComputerName"] == "STEP"
    commands = component(document, "specialize", "Deployment").find(f"{U}RunSynchronous")
    assert commands is not None
    orders = [(each.findtext(f"{U}Order"), each.findtext(f"{U}Path")) for each in commands]
    assert orders == [("7", "cmd /c echo <hello> && exit"), ("8", "net user Administrator /active:no")]


@pytest.mark.parametrize(
    ("account", "domain", "user"),
    [
        (r"CORP\joiner", "CORP", "joiner"),
        ("joiner@corp.example", "corp.example", "joiner@corp.example"),
        ("j", "corp.example", "j"),
    ],
)
def test_a_domain_is_joined_with_its_account(account: str, domain: str, user: str) -> None:
    made = Unattend.default("x64")
    made.set_membership(Membership(workgroup="OLD"))
    made.set_membership(
        Membership(domain="corp.example", organizational_unit="OU=A,DC=corp", account=account, password="s3cret")
    )
    assert texts(component(made.to_bytes(), "specialize", "UnattendedJoin")) == {
        "Identification/Credentials/Domain": domain,
        "Identification/Credentials/Password": "s3cret",
        "Identification/Credentials/Username": user,
        "Identification/JoinDomain": "corp.example",
        "Identification/MachineObjectOU": "OU=A,DC=corp",
    }
    made.set_membership(Membership(workgroup="NEW"))
    assert texts(component(made.to_bytes(), "specialize", "UnattendedJoin")) == {"Identification/JoinWorkgroup": "NEW"}


FIXED = Adapter(
    mac="00155D010203",
    dhcp=False,
    addresses=((IPv4Address("192.168.0.40"), 24), (IPv4Address("10.1.2.3"), 8)),
    gateways=(IPv4Address("192.168.0.1"),),
    gateway_metric=5,
    dns_servers=(IPv4Address("192.168.0.2"), IPv4Address("192.168.0.3")),
    dns_domain="corp.example",
    register_dns=False,
    register_full=True,
    netbios=2,
    wins_servers=(IPv4Address("192.168.0.4"),),
)


def test_an_adapter_is_set_up_in_the_three_components() -> None:
    made = Unattend.default("x64")
    settings = NetworkSettings(
        membership=Membership(workgroup="W"), dns_domain="pc.example", dns_suffixes=("a.b", "c.d"), adapters=(FIXED,)
    )
    assert made.set_network(settings) == []
    assert made.set_network(settings) == []
    document = made.to_bytes()
    tcpip = component(document, "specialize", "TCPIP")
    assert texts(tcpip) == {
        "Interfaces/Interface/Ipv4Settings/DhcpEnabled": "false",
        "Interfaces/Interface/Identifier": "00-15-5D-01-02-03",
        "Interfaces/Interface/UnicastIpAddresses/IpAddress": "10.1.2.3/8",
        "Interfaces/Interface/Routes/Route/Identifier": "0",
        "Interfaces/Interface/Routes/Route/Metric": "5",
        "Interfaces/Interface/Routes/Route/NextHopAddress": "192.168.0.1",
        "Interfaces/Interface/Routes/Route/Prefix": "0.0.0.0/0",
    }
    keys = [(each.get(f"{WCM}keyValue"), each.get(f"{WCM}action"), each.text) for each in tcpip.iter(f"{U}IpAddress")]
    assert keys == [("1", "add", "192.168.0.40/24"), ("2", "add", "10.1.2.3/8")]
    dns = component(document, "specialize", "DNS-Client")
    assert texts(dns) == {
        "DNSDomain": "pc.example",
        "DNSSuffixSearchOrder/DomainName": "c.d",
        "Interfaces/Interface/DisableDynamicUpdate": "true",
        "Interfaces/Interface/DNSDomain": "corp.example",
        "Interfaces/Interface/DNSServerSearchOrder/IpAddress": "192.168.0.3",
        "Interfaces/Interface/EnableAdapterDomainNameRegistration": "true",
        "Interfaces/Interface/Identifier": "00-15-5D-01-02-03",
    }
    assert [each.text for each in dns.iter(f"{U}DomainName")] == ["a.b", "c.d"]
    assert texts(component(document, "specialize", "NetBT")) == {
        "Interfaces/Interface/Identifier": "00-15-5D-01-02-03",
        "Interfaces/Interface/NameServerList/IpAddress": "192.168.0.4",
        "Interfaces/Interface/NetbiosOptions": "2",
    }


def test_an_adapter_may_be_known_by_its_connection() -> None:
    made = Unattend.default("arm64")
    made.set_network(NetworkSettings(adapters=(Adapter(name="Ethernet"),)))
    assert texts(component(made.to_bytes(), "specialize", "TCPIP", "arm64")) == {
        "Interfaces/Interface/Ipv4Settings/DhcpEnabled": "true",
        "Interfaces/Interface/Identifier": "Ethernet",
    }


def test_what_vista_does_not_know_is_said() -> None:
    made = Unattend.default("x64")
    adapter = Adapter(mac="00155D010203", name="LAN", lmhosts=True, tcp_ports=(80,))
    found = made.set_network(NetworkSettings(adapters=(adapter,), filtering=True))
    assert [text.split()[0] for text in found] == ["TCP/IP", "OSDAdapter<N>Name", "OSDAdapter<N>EnableLMHOSTS"]
    assert made.set_network(NetworkSettings()) == []


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><unattend>&b;</unattend>'
EXTERNAL = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><unattend>&a;</unattend>'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(BOMB, "declares a document type", id="entities"),
        pytest.param(EXTERNAL, "declares a document type", id="external entity"),
        pytest.param(b"<unattend/>", "its root must be .*, not without a namespace", id="no namespace"),
        pytest.param(b"<unattend xmlns='urn:x'/>", "its root must be .*, not in another namespace", id="namespace"),
        pytest.param(b"<a xmlns='urn:schemas-microsoft-com:unattend'/>", "its root must be", id="root"),
        pytest.param(b"<unattend", "not well-formed", id="cut off"),
        pytest.param(b"", "not well-formed", id="empty"),
        pytest.param(b"<unattend xmlns='urn:schemas-microsoft-com:unattend' w:a='1'/>", "unbound prefix", id="prefix"),
        pytest.param(b'<?xml version="1.0" encoding="klingon"?><unattend/>', "the encoding klingon", id="encoding"),
        pytest.param(b"<a>" * 200, "more than 100 deep", id="deep"),
        pytest.param(b" " * (MAX_BYTES + 1), "larger than", id="large"),
        pytest.param(b"\xff\xfe<\0\0", "not text", id="half a character"),
    ],
)
def test_what_is_no_answer_file_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        Unattend.from_bytes(data, "x64", source="user.xml")
    assert str(caught.value).startswith("user.xml")


def test_utf_16_is_read() -> None:
    text = USER.decode().replace('encoding="utf-8"', 'encoding="utf-16"')
    made = Unattend.from_bytes(text.encode("utf-16"), "x64", source="user.xml")
    assert made.text("specialize", "Microsoft-Windows-Shell-Setup", "CopyProfile") == "true"


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"<unattend>{text}</unattend>".encode()))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(InvalidInput):
        Unattend.from_bytes(data, "x64", source="user.xml").to_bytes()


printable = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=40)


@given(printable, printable)
def test_any_text_is_read_back(user: str, organization: str) -> None:
    made = Unattend.default("x64")
    made.set_windows(WindowsSettings(registered_user=user, registered_organization=organization))
    again = Unattend.from_bytes(made.to_bytes(), "x64", source="again")
    assert again.text("specialize", "Microsoft-Windows-Shell-Setup", "RegisteredOwner") == user.strip()
    assert again.to_bytes() == made.to_bytes()


# What people write besides that a merge must not touch: each was lost or came out as something else once.
HELD = {
    "an attribute in our namespace": '<a xmlns:u="urn:schemas-microsoft-com:unattend" u:foo="1" foo="2"/>',
    "a namespace with markup": '<a xmlns="q}b&gt;&lt;x"/>',
    "an element in no namespace": '<ComputerName xmlns="">NOT-MINE</ComputerName>',
    "a name in a value": '<a xmlns:t="urn:t" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="t:b"/>',
    "a line end in a value": '<a b="1&#13;&#10;2">1&#13;\n2</a>',
    "an instruction": "<?pi data?><!-- comment -->",
}


@pytest.mark.parametrize("inside", HELD.values(), ids=HELD)
def test_what_nobody_sets_is_written_as_it_was(inside: str) -> None:
    start = f'<unattend xmlns="{U[1:-1]}"><settings pass="specialize"><component name="c">'
    made = Unattend.from_bytes(f"{start}{inside}</component></settings></unattend>".encode(), "x64", source="user.xml")
    made.fill(Unattend.default("x64"))
    made.set_windows(WindowsSettings(computer_name="PC", admin_enabled=True))
    # To the letter, but for how a reference or the end of an empty element is spelled.
    plain = made.to_bytes().decode().replace(" />", "/>")
    assert inside in plain
    again = Unattend.from_bytes(made.to_bytes(), "x64", source="again")
    assert again.text("specialize", "Microsoft-Windows-Shell-Setup", "ComputerName") == "PC"


def test_a_file_with_prefixes_is_merged_with_its_prefixes() -> None:
    text = USER.decode().replace("<unattend xmlns=", '<unattend xmlns:u="urn:u" xmlns=')
    for name in ("unattend", "settings", "component", "ComputerName", "CopyProfile", "RunSynchronous", "OOBE"):
        text = text.replace(f"<{name}", f"<n:{name}").replace(f"</{name}", f"</n:{name}")
    text = text.replace("<n:RunSynchronousCommand", "<RunSynchronousCommand").replace(
        "</n:RunSynchronousCommand", "</RunSynchronousCommand"
    )
    text = text.replace(' xmlns="', ' xmlns="urn:schemas-microsoft-com:unattend" xmlns:n="')
    made = Unattend.from_bytes(text.encode(), "x64", source="user.xml")
    made.fill(Unattend.default("x64"))
    made.set_windows(WindowsSettings(computer_name="PC"))
    assert texts(component(made.to_bytes(), "specialize", "Shell-Setup"))["ComputerName"] == "PC"
    assert texts(component(made.to_bytes(), "oobeSystem", "Shell-Setup")) == {
        "OOBE/ProtectYourPC": "3",
        "OOBE/HideEULAPage": "true",
    }


@pytest.mark.parametrize("text", ["a\0b", "\x1b[0m", "\ud800", "\ufffe"])
def test_a_setting_that_xml_cannot_hold_is_refused(text: str) -> None:
    made = Unattend.default("x64")
    made.set_windows(WindowsSettings(registered_user=text))
    with pytest.raises(InvalidRequest, match="XML cannot hold the character U"):
        made.to_bytes()
