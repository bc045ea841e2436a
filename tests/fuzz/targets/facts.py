"""Facts of computers, queries of WMI about them, and rules of Set Dynamic Variables."""

from __future__ import annotations

from osdimage.imaging.documents import as_text
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import evaluate
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.answers import ask
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts
from osdimage.imaging.tasksequence.facts.document import write_facts
from osdimage.imaging.tasksequence.facts.dynamic_variables import read_rules
from osdimage.imaging.tasksequence.facts.file_version import fixed_version
from osdimage.imaging.tasksequence.facts.given import facts_of_text
from osdimage.imaging.tasksequence.facts.known import ask_of

from fuzz.target import Target

_KNOWN = ComputerFacts.of(
    {
        "Win32_ComputerSystem": [{"Model": "HP ProBook 445 G6", "Memory": 17179869184, "Domain": False, "Group": None}],
        "Win32_SystemEnclosure": [{"ChassisTypes": (10, 12), "Tag": "a_%[1]"}],
    }
)


def _query(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert isinstance(ask(text, _KNOWN), (bool, str))


def _facts(data: bytes) -> None:
    facts = facts_of_text(as_text(data, source="x"), source="x")
    assert facts_of_text(write_facts(facts), source="y") == facts


def _rules(data: bytes) -> None:
    answers = ask_of(Machine())
    for rule in read_rules(data.decode("utf-8", "replace")):
        evaluate(rule.condition, Environment(), ask=answers)


def _version(data: bytes) -> None:
    found = fixed_version(data)
    assert found is None or all(0 <= each <= 0xFFFF for each in found)


_QUERIES = (
    b"SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '%Pro[A-C_]ook%' AND NOT (Memory >= 0x10 OR Domain = TRUE)",
    b"select Tag from Win32_SystemEnclosure where ChassisTypes = \"10\" or Tag is not null or '\\'' <> Tag",
)
_FACTS = (
    b'{"format": "osdimage-facts", "version": 1, "classes": {"root\\\\cimv2": {"A": [{"B": [1, null, "c"]}]}},'
    b' "tpm": {"present": true, "enabled": false}}'
)
_LIST = b"CimClass : root/cimv2:Win32_BIOS\nName : x\nNumbers : {1, 2}\nLong : ab...\nOn : True\n\n"
_DMI = b"Handle 0x0001, DMI type 1, 27 bytes\nSystem Information\n\tManufacturer: HP\n\tUUID: <OUT OF SPEC>\n"
_JSON = b'[{"CimClass": {"CimClassName": "Win32_BIOS"}, "Name": "x", "Numbers": [1, 2]}, [{"__CLASS": "A_B"}]]'
_RULE = (
    b'<Rules><Rule><condition><expression type="SMS_TaskSequence_ComputerConditionExpression"><variable name="UUID">1'
    b'</variable></expression></condition><Variables><Variable Name="A" IsSecret="false">b</Variable></Variables>'
    b"</Rule></Rules>"
)
_RESOURCE = b"\0" * 6 + "VS_VERSION_INFO\0".encode("utf-16-le") + b"\0\0\xbd\x04\xef\xfe" + b"\1\0\2\0" * 4

TARGETS = (
    Target("wql", _query, lambda: _QUERIES, (), largest=4096),
    Target("facts", _facts, lambda: (_FACTS, _LIST, _DMI, _JSON), (InvalidInput,), largest=4096),
    Target("dynamic-rules", _rules, lambda: (_RULE,), (InvalidInput,), largest=4096),
    Target("file-version", _version, lambda: (_RESOURCE,), (), largest=4096),
)
