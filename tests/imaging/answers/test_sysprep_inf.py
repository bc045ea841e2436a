"""sysprep.inf.  Sections, keys and values are those of Microsoft's deployment tools reference (ref.chm).

What a file says is read back with configparser, which shares nothing with osdimage.
"""

from __future__ import annotations

import configparser
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging import InvalidInput, InvalidRequest
from osdimage.imaging.answers.settings import (
    Adapter,
    LicenseMode,
    Locales,
    Membership,
    NetworkSettings,
    WindowsSettings,
)
from osdimage.imaging.answers.sysprep_inf import SysprepInf

USER = b"""; made by hand
[Unattended]
    OemSkipEula = No   \r
[GuiUnattended]
AdminPassword="old" ; see the safe
TimeZone=4

[Display]
Xresolution=1024
"""


def parsed(made: SysprepInf) -> dict[str, dict[str, str]]:
    data = made.to_bytes()
    text = data.decode("utf-16") if data[:2] == b"\xff\xfe" else data.decode("ascii")
    assert text.count("\n") == text.count("\r\n")
    reader = configparser.RawConfigParser(strict=True)
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    reader.read_string(text)
    return {section: dict(reader[section]) for section in reader.sections()}


def test_the_default_skips_the_pages_of_mini_setup() -> None:
    assert parsed(SysprepInf.default()) == {
        "Unattended": {"OemSkipEula": "Yes"},
        "GuiUnattended": {"OEMSkipRegional": "1", "OemSkipWelcome": "1"},
        "Networking": {"InstallDefaultComponents": "Yes"},
    }


@pytest.mark.parametrize(("windows_2000", "key"), [(False, "ProductKey"), (True, "ProductID")])
def test_settings_of_windows_stand_in_their_sections(windows_2000: bool, key: str) -> None:
    made = SysprepInf.default(windows_2000=windows_2000)
    settings = WindowsSettings(
        computer_name="PC-1",
        product_key="AAAAA-BBBBB",
        registered_user="Me, Myself",
        registered_organization="Org",
        time_zone="gmt standard time",
        license_mode=LicenseMode.PER_SERVER,
        license_connections=5,
        admin_password="p w;d",
        admin_enabled=True,
    )
    assert made.set_windows(settings) == []
    found = parsed(made)
    assert found["UserData"] == {
        "ComputerName": "PC-1",
        key: "AAAAA-BBBBB",
        "FullName": '"Me, Myself"',
        "OrgName": '"Org"',
    }
    # MDT's CustomSettings.ini for the United Kingdom: TimeZoneName=GMT Standard Time, TimeZone=085.
    assert found["GuiUnattended"]["TimeZone"] == "085"
    assert found["GuiUnattended"]["AdminPassword"] == '"p w;d"'
    assert found["GuiUnattended"]["EncryptedAdminPassword"] == "No"
    assert found["LicenseFilePrintData"] == {"AutoMode": "PerServer", "AutoUsers": "5"}


def test_disabling_the_administrator_has_no_place() -> None:
    assert "stays enabled" in SysprepInf.default().set_windows(WindowsSettings(admin_enabled=False))[0]


def test_languages_have_no_place() -> None:
    unplaced = SysprepInf.default().set_windows(WindowsSettings(locales=Locales(user_locale="de-DE")))
    assert unplaced == ["OSDWindowsSettings...: languages and region have no such names in sysprep.inf"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(WindowsSettings(admin_password="x" * 128), "at most 127", id="long password"),
        pytest.param(WindowsSettings(admin_password='a"b'), "quotation marks", id="quotation mark"),
        pytest.param(WindowsSettings(registered_user="a\nb"), "control characters", id="line end"),
        pytest.param(WindowsSettings(time_zone="Yukon Standard Time"), "before Vista", id="later time zone"),
        pytest.param(WindowsSettings(time_zone="Hora"), "no time zone", id="no time zone"),
    ],
)
def test_what_the_file_cannot_hold_is_refused(settings: WindowsSettings, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as caught:
        SysprepInf.default().set_windows(settings)
    assert settings.admin_password is None or settings.admin_password not in str(caught.value)


def test_the_users_file_wins_over_the_default_and_stays() -> None:
    made = SysprepInf.from_bytes(USER, source="user.inf")
    made.fill(SysprepInf.default())
    made.set_windows(WindowsSettings(computer_name="PC", time_zone="Tokyo Standard Time"))
    text = made.to_bytes().decode("ascii")
    assert text.startswith("; made by hand\r\n[Unattended]\r\n")
    assert made.get("unattended", "oemskipeula") == "No"
    assert made.get("GuiUnattended", "AdminPassword") == "old"
    assert made.get("GuiUnattended", "TimeZone") == "235"
    assert made.get("GuiUnattended", "OEMSkipRegional") == "1"
    assert made.get("Display", "Xresolution") == "1024"
    assert made.get("Display", "none") is None
    assert made.get("None", "none") is None
    assert '"old" ; see the safe' in text
    # In its section, before the blank line that ends it.
    assert text.index("OEMSkipRegional") < text.index("[Display]")


def test_a_domain_and_a_workgroup_take_the_place_of_each_other() -> None:
    made = SysprepInf.default()
    unit = "OU=My Unit,DC=corp,DC=example"
    made.set_membership(Membership(domain="corp.example", organizational_unit=unit, account=r"corp\j", password="pw"))
    assert parsed(made)["Identification"] == {
        "JoinDomain": "corp.example",
        "DomainAdmin": '"corp\\j"',
        "DomainAdminPassword": '"pw"',
        "MachineObjectOU": f'"{unit}"',
    }
    made.set_membership(Membership(workgroup="WORK"))
    assert parsed(made)["Identification"] == {"JoinWorkgroup": "WORK"}


def test_adapters_have_sections_of_their_own() -> None:
    made = SysprepInf.default()
    adapter = Adapter(
        mac="00155D010203",
        dhcp=False,
        addresses=((IPv4Address("192.168.0.40"), 24), (IPv4Address("10.1.2.3"), 9)),
        gateways=(IPv4Address("192.168.0.1"),),
        dns_servers=(IPv4Address("192.168.0.2"), IPv4Address("192.168.0.3")),
        register_dns=True,
        netbios=1,
        wins_servers=(IPv4Address("192.168.0.4"),),
        lmhosts=False,
        tcp_ports=(80, 443),
        udp_ports=(),
        protocols=(6, 17),
    )
    settings = NetworkSettings(
        membership=Membership(workgroup="W"),
        dns_domain="x.y",
        dns_suffixes=("a.b", "c.d"),
        filtering=True,
        adapters=(adapter, Adapter(mac="00155D010204", name="LAN")),
    )
    unplaced = made.set_network(settings)
    assert [text.split()[0] for text in unplaced] == ["OSDDNSDomain", "OSDAdapter<N>Name"]
    found = parsed(made)
    assert found["Networking"] == {"InstallDefaultComponents": "No"}
    assert found["NetAdapters"] == {"Adapter1": "params.Adapter1", "Adapter2": "params.Adapter2"}
    assert found["params.Adapter1"] == {"INFID": "*", "NetCardAddress": "0x00155D010203"}
    assert found["params.MS_TCPIP"] == {
        "DNSSuffixSearchOrder": "a.b,c.d",
        "EnableSecurity": "Yes",
        "AdapterSections": "params.MS_TCPIP.Adapter1,params.MS_TCPIP.Adapter2",
        "EnableLMHosts": "No",
    }
    assert found["params.MS_TCPIP.Adapter1"] == {
        "SpecificTo": "Adapter1",
        "DHCP": "No",
        "IPAddress": "192.168.0.40,10.1.2.3",
        "SubnetMask": "255.255.255.0,255.128.0.0",
        "DefaultGateway": "192.168.0.1",
        "DNSServerSearchOrder": "192.168.0.2,192.168.0.3",
        "DisableDynamicUpdate": "No",
        "NetBIOSOptions": "1",
        "WINS": "Yes",
        "WinsServerList": "192.168.0.4",
        "TcpAllowedPorts": "80,443",
        "IpAllowedProtocols": "6,17",
    }
    assert found["params.MS_TCPIP.Adapter2"] == {"SpecificTo": "Adapter2", "DHCP": "Yes"}


def test_text_beyond_ascii_is_written_as_utf_16() -> None:
    made = SysprepInf.default()
    made.set_windows(WindowsSettings(registered_user="Jörg Großmann"))
    again = SysprepInf.from_bytes(made.to_bytes(), source="again")
    assert made.to_bytes()[:2] == b"\xff\xfe"
    assert again.get("UserData", "FullName") == "Jörg Großmann"


@pytest.mark.parametrize(
    "data",
    ["[A]\r\nb=ö\r\n".encode("utf-8-sig"), "[A]\r\nb=ö\r\n".encode("cp1252"), "[A]\nb=ö".encode("utf-16-be")],
)
def test_encodings_of_windows_are_read(data: bytes) -> None:
    bom = b"\xfe\xff" if data[:1] == b"\0" else b""
    assert SysprepInf.from_bytes(bom + data, source="x").get("a", "B") == "ö"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "no \\[section\\]", id="empty"),
        pytest.param(b"\x81\x8d", "not a text", id="no character"),
        pytest.param(b"[A]\0", "not a text", id="binary"),
        pytest.param(b"\xff\xfe\0", "not a text", id="half a character"),
        pytest.param(b"[A]\n" * 400_000, "larger than 1 MB", id="large"),
    ],
)
def test_what_is_no_answer_file_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        SysprepInf.from_bytes(data, source="user.inf")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        made = SysprepInf.from_bytes(data, source="x")
    except InvalidInput:
        return
    made.fill(SysprepInf.default())
    assert made.get("GuiUnattended", "OEMSkipRegional") is not None
    SysprepInf.from_bytes(made.to_bytes(), source="again")


def test_lines_that_nobody_sets_stay_as_they_are() -> None:
    text = (
        '; first\r\n[A] ; of ours\r\nPath="C:\\x;y=z"\r\nList=[x],"a ""b"""\r\nOdd = a=b;c\r\n\r\n'
        "[B]\r\n\x0b\x1c\x85\u2028=\u2029\r\n\r\n[a]\r\nLast=1\r\n\r\n"
    )
    made = SysprepInf.from_bytes(text.encode("utf-16"), source="x")
    assert made.to_bytes().decode("utf-16") == text
    # As GetPrivateProfileString and SetupAPI read them.
    assert made.get("A", "Path") == r"C:\x;y=z"
    assert made.get("a", "list") == '[x],"a ""b"""'
    assert made.get("A", "Odd") == "a=b"
    assert made.get("A", "Last") == "1"
    made.set("A", "List", "[1]")
    assert made.to_bytes().decode("utf-16") == text.replace('List=[x],"a ""b"""', 'List="[1]"')


def test_an_entry_that_is_taken_out_is_gone_from_wherever_it_was() -> None:
    made = SysprepInf.from_bytes(b"[A]\na=1\nA = 2\nb=3\n[a]\na=4\n", source="x")
    assert made.get("A", "a") == "1"
    made.delete("A", "A")
    assert made.get("A", "a") is None
    assert made.get("A", "b") == "3"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        pytest.param('[UserData]\nFullName="a" ; x\n\n; y\n[GuiRunOnce]\n"cmd"\n', [], id="nothing"),
        pytest.param("a=1\n[UserData]\n", ["before the first"], id="before"),
        pytest.param("[Users]\na=1\n", ["reads none of its sections"], id="no section"),
        pytest.param("[UserData]\na=1\nA=2\n[userdata]\na=3\n", ["of one name: [UserData] A, [user"], id="twice"),
        pytest.param("[UserData]\nS3cret\n", ["a line is neither an entry"], id="no entry"),
        pytest.param('[UserData]\na="S3cret\n', ["a line is neither an entry"], id="open"),
    ],
)
def test_what_mini_setup_ignores_is_told_without_quoting_it(text: str, sentences: list[str]) -> None:
    found = SysprepInf.from_bytes(text.encode(), source="x").warnings
    assert len(found) == len(sentences), found
    assert all(each in one for each, one in zip(sentences, found, strict=True)), found
    assert "S3cret" not in str(found)


def test_a_long_line_takes_no_long_time() -> None:
    data = b"[A]\n" + b"a" + b" " * 900_000 + b"\n" + b"b=\n" * 20_000
    made = SysprepInf.from_bytes(data, source="x")
    made.delete("A", "b")
    assert made.get("A", "b") is None
