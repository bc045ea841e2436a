"""Facts files, presets, and what several of them tell together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.tasksequence.facts.answers import ask
from osdimage.imaging.tasksequence.facts.computer import TPM_NAMESPACE, ComputerFacts
from osdimage.imaging.tasksequence.facts.document import read_facts, write_facts
from osdimage.imaging.tasksequence.facts.given import given_facts

# The example of the specification, 6.2.
EXAMPLE = r"""{"format": "osdimage-facts", "version": 1,
 "classes": {"root\\cimv2": {"Win32_ComputerSystem": [{"Manufacturer": "HP", "Model": "HP ProBook 445 G6",
   "TotalPhysicalMemory": 17179869184}],
   "Win32_SystemEnclosure": [{"ChassisTypes": [10], "SMBIOSAssetTag": "A1", "SerialNumber": "S"}],
   "Win32_BIOS": [{"SerialNumber": "S"}], "Win32_Battery": []}},
 "tpm": {"present": false}}"""
SYSTEM = "SELECT * FROM Win32_ComputerSystem WHERE"


def test_a_facts_file_is_read() -> None:
    facts = read_facts(EXAMPLE, source="x")
    assert facts.text("win32_computersystem", "MODEL") == "HP ProBook 445 G6"
    assert facts.number("Win32_ComputerSystem", "TotalPhysicalMemory") == 17179869184
    assert facts.number("Win32_SystemEnclosure", "ChassisTypes") == 10
    assert facts.number("Win32_BIOS", "SerialNumber") is None
    assert facts.instances("Win32_Battery") == ()
    assert facts.instances("Win32_Tpm", TPM_NAMESPACE) == ()
    assert facts.instances("Win32_Processor") is None
    assert facts.text("Win32_Battery", "Name") is None
    assert read_facts(write_facts(facts), source="y") == facts


def test_a_tpm_is_an_instance_of_its_class() -> None:
    text = EXAMPLE.replace('{"present": false}', '{"present": true, "enabled": true, "version": "2.0"}')
    facts = read_facts(text, source="x")
    assert facts.text("Win32_Tpm", "IsEnabled_InitialValue", TPM_NAMESPACE) == "True"
    query = "SELECT * FROM Win32_Tpm WHERE IsActivated_InitialValue = TRUE"
    assert ask(query, facts, TPM_NAMESPACE) == "Win32_Tpm.IsActivated_InitialValue of the computer"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "it is a list; expected is an object"),
        ("{", "not JSON"),
        ('{"format": "other", "version": 1, "classes": {}}', "format is not valid; expected is osdimage-facts"),
        ('{"format": "osdimage-facts", "version": 2, "classes": {}}', "is of version 2; this osdimage reads 1"),
        ('{"format": "osdimage-facts", "version": 1}', "'classes' is missing"),
        ('{"format": "osdimage-facts", "version": 1, "classes": {}, "tmp": {}}', "'tmp' is not known; valid are cl"),
        ('{"format": "osdimage-facts", "version": 1, "classes": {"a": []}}', "a is a list; expected is an object"),
        ('{"format": "osdimage-facts", "version": 1, "classes": {"a": {"b": {}}}}', "a.b is an object; expected is a "),
        ('{"format": "osdimage-facts", "version": 1, "classes": {"a": {"b": [1]}}}', r"a.b\[0\] is a whole number"),
        (
            '{"format": "osdimage-facts", "version": 1, "classes": {"a": {"b": [{"c": {}}]}}}',
            r"a.b\[0\].c is an object; expected is text, a number, true, false, null or a list of them",
        ),
        (
            '{"format": "osdimage-facts", "version": 1, "classes": {"a": {"b": [{"c": [[1]]}]}}}',
            r"a.b\[0\].c\[0\] is a list",
        ),
        (
            '{"format": "osdimage-facts", "version": 1, "classes": {}, "tpm": {"present": 1}}',
            "tpm.present is a whole number; expected is true or false",
        ),
        (
            '{"format": "osdimage-facts", "version": 1, "classes": {}, "tpm": {"present": true, "on": true}}',
            "'tpm.on' is not known; valid are activated, enabled, present, version",
        ),
        (
            '{"format": "osdimage-facts", "version": 1, "classes": {"a": {"b": [{"c": "' + "x" * 9000 + '"}]}}}',
            "has 9000 characters; valid are at most 8192",
        ),
    ],
)
def test_what_is_not_valid_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidDocument, match=said):
        read_facts(text, source="x")


_SCALARS = st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.text(alphabet="aé\0\n", max_size=4)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3)
_INSTANCES = st.lists(st.dictionaries(st.text("dE", max_size=2), _VALUES, max_size=3), max_size=3)


@given(st.dictionaries(st.text("abC", max_size=2), _INSTANCES, max_size=3))
def test_what_is_written_is_read_again_or_refused(classes: dict[str, list[dict[str, object]]]) -> None:
    text = json.dumps({"format": "osdimage-facts", "version": 1, "classes": {"root": classes}})
    try:
        facts = read_facts(text, source="x")
    except InvalidDocument:
        return
    assert read_facts(write_facts(facts), source="y") == facts


def test_of_several_files_the_later_one_counts_and_single_instances_are_put_together(tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    own = {"Win32_ComputerSystem": [{"Model": "Mine"}], "Win32_Battery": [{}], "Win32_SystemEnclosure": [{}, {}]}
    mine.write_text(json.dumps({"format": "osdimage-facts", "version": 1, "classes": {r"root\cimv2": own}}))
    facts = given_facts(["qemu", str(mine)])
    assert facts.text("Win32_ComputerSystem", "Model") == "Mine"
    assert facts.text("Win32_ComputerSystem", "Manufacturer") == "QEMU"
    assert len(facts.instances("Win32_SystemEnclosure") or ()) == 2
    assert given_facts([str(mine), "qemu"]).text("Win32_ComputerSystem", "Model") == "Standard PC (Q35 + ICH9, 2009)"
    assert given_facts([]) == ComputerFacts()


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("qemu", "Manufacturer = 'QEMU'"),
        # MDT's ZTIGather takes these for virtual machines.
        ("hyper-v", "Manufacturer = 'Microsoft Corporation' AND Model = 'Virtual Machine'"),
        ("VMware", "Manufacturer LIKE 'VMware%' AND Model = 'VMware Virtual Platform'"),
        ("virtualbox", "Manufacturer = 'innotek GmbH' AND Model = 'VirtualBox'"),
    ],
)
def test_presets_are_what_their_machines_say(name: str, query: str) -> None:
    assert ask(f"{SYSTEM} {query}", given_facts([name], Firmware.BIOS)) is True


def test_what_hangs_on_more_than_the_make_is_not_known() -> None:
    facts = given_facts(["vmware"], Firmware.UEFI)
    query = "SELECT * FROM Win32_ComputerSystem WHERE Model = 'VMware Virtual Platform'"
    assert ask(query, facts) == "Win32_ComputerSystem.Model of the computer"


def test_what_is_no_facts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidRequest, match=r"there is no 'vmwere' .* valid are a file, host, hyper-v, qemu, virtualbox, vm"
    ):
        given_facts(["vmwere"])
    other = tmp_path / "x.txt"
    other.write_text("hello")
    with pytest.raises(InvalidDocument, match="holds no facts of a computer"):
        given_facts([str(other)])
    other.write_bytes(b" " * (1 << 20) + b" ")
    with pytest.raises(InvalidDocument, match=r"larger than 1\.0 MB"):
        given_facts([str(other)])
