"""Answer files of Windows Setup and of Mini-Setup."""

from __future__ import annotations

from osdimage.imaging.answers.settings import Membership, WindowsSettings
from osdimage.imaging.answers.setup_pass import take_setup_pass, wanted_image
from osdimage.imaging.answers.sysprep_inf import SysprepInf
from osdimage.imaging.answers.unattend import Unattend, check_answer_file
from osdimage.imaging.errors import InvalidInput, InvalidRequest

from fuzz.target import Target

_SETTINGS = WindowsSettings(
    computer_name="PC1", time_zone="W. Europe Standard Time", registered_user="me & <you>", admin_password="secret"
)


def _unattend(data: bytes) -> None:
    told = check_answer_file(data, "x64", source="x")
    repr(told)
    answers = Unattend.from_bytes(data, "amd64", source="x")
    written = answers.to_bytes()
    again = Unattend.from_bytes(written, "amd64", source="y")
    assert again.to_bytes() == written
    assert again.warnings == answers.warnings
    of_setup = Unattend.from_bytes(data, "amd64", source="x")
    repr(wanted_image(of_setup))
    repr(take_setup_pass(of_setup))
    answers.set_windows(_SETTINGS)
    answers.fill(Unattend.default("amd64"))
    Unattend.from_bytes(answers.to_bytes(), "amd64", source="z")


def _unattend_seed() -> bytes:
    answers = Unattend.default("amd64")
    answers.set_windows(_SETTINGS)
    answers.set_membership(Membership(workgroup="W"))
    return answers.to_bytes()


_OF_SETUP = b"""<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="windowsPE">\
<component name="Microsoft-Windows-Setup" processorArchitecture="amd64"><UserData><FullName>a</FullName>\
<ProductKey><Key>b</Key></ProductKey></UserData><ImageInstall><OSImage><InstallFrom><MetaData><Key>/IMAGE/INDEX</Key>\
<Value>1</Value></MetaData></InstallFrom></OSImage></ImageInstall></component></settings></unattend>"""


def _sysprep(data: bytes) -> None:
    answers = SysprepInf.from_bytes(data, source="x")
    repr(answers.warnings)
    written = answers.to_bytes()
    again = SysprepInf.from_bytes(written, source="y")
    assert again.to_bytes() == written
    answers.set_windows(_SETTINGS)
    answers.fill(SysprepInf.default())
    made = SysprepInf.from_bytes(answers.to_bytes(), source="z")
    assert made.get("UserData", "ComputerName") == answers.get("UserData", "ComputerName")


_INF = (
    b"; head\r\n[Unattended]\r\nOemSkipEula=Yes\r\n"
    b'[UserData]\r\nFullName = "a ""b"""\r\n[GuiUnattended]\r\nTimeZone=85\r\n'
)

_MAY_RAISE = (InvalidInput, InvalidRequest)
TARGETS = (
    Target(
        "unattend", _unattend, lambda: (_unattend_seed(), _OF_SETUP), (InvalidInput, InvalidRequest), largest=8 << 10
    ),
    Target("sysprep-inf", _sysprep, lambda: (_INF,), _MAY_RAISE, largest=4096),
)
