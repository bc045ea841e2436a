"""Reading and writing the files of task sequences.

The shapes are those of real exports: ConfigMgr's (version 3.10: action before defaultVarList, no white space) and MDT's
(version 3.00: defaultVarList before action, empty actions in groups), and the two wrappers of ConfigMgr.  That nothing
is lost is judged by xml.etree's C14N, which is not part of osdimage.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.element import Element, make, read_element, write_element
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError
from osdimage.imaging.tasksequence.conditions import Compare, Joined, Joint, Operator
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.xml import load_sequence, read_sequence, write_sequence
from osdimage.imaging.tasksequence.result import RunIn
from osdimage.imaging.tasksequence.sequence import Group, Step

FIXTURES = Path(__file__).parents[4] / "fixtures" / "tasksequence"

CONFIGMGR = (
    '<sequence version="3.10"><referenceList><reference package="ABC00001"/><reference package="ABC00002" program="*"/>'
    '<reference application="ScopeId_1/Application_2"/></referenceList><globalVarList><variable name="OSDAdapterCount" '
    'property="NumAdapters">0</variable></globalVarList><group name="Install" description="">'
    '<step type="SMS_TaskSequence_ApplyOperatingSystemAction" name="Apply OS" description="" runIn="WinPE" '
    'successCodeList="0" retryCount="0" runFromNet="false"><action>OSDApplyOS.exe /image:ABC00001,%OSDImageIndex% '
    '/runfromnet:False</action><defaultVarList><variable name="OSDImageIndex" property="ImageIndex">2</variable>'
    '<variable name="ImagePackageID" property="ImagePackageID" hidden="true">ABC00001</variable></defaultVarList>'
    "</step>"
    '<subtasksequence type="SMS_TaskSequence_SubTasksequence" name="Run Task Sequence" description="" '
    'successCodeList="0" retryCount="0" runFromNet="false"><action>SubTasksequence.exe</action></subtasksequence>'
    "</group></sequence>"
)


def only_step(text: str) -> Step:
    (found,) = read_sequence(f'<sequence version="3.0">{text}</sequence>'.encode(), source="x").steps
    return found


def canonical(text: str) -> str:
    return ET.canonicalize(text, strip_text=True)


def test_an_export_of_configmgr_is_read() -> None:
    read = read_sequence(CONFIGMGR.encode(), source="ts.xml")
    assert (read.version, read.name, read.packages) == ("3.10", "", ("ABC00001", "ABC00002"))
    assert read.variables == {"OSDAdapterCount": "0"}
    (install,) = read.members
    assert isinstance(install, Group)
    apply, run = read.steps
    assert (apply.name, apply.type) == ("Apply OS", "SMS_TaskSequence_ApplyOperatingSystemAction")
    assert apply.run_in is RunIn.WINPE
    assert apply.success_codes == (0,)
    # What is hidden is part of the command line, not of the environment.
    assert apply.defaults == {"OSDImageIndex": "2"}
    assert dict(apply.properties) == {"ImageIndex": "2", "ImagePackageID": "ABC00001"}
    assert apply.command == "OSDApplyOS.exe /image:ABC00001,%OSDImageIndex% /runfromnet:False"
    assert dict(apply.told) == {**apply.properties, "CommandLine": apply.command}
    assert (apply.is_disabled, apply.continue_on_error) == (False, False)
    assert run.type == "SMS_TaskSequence_SubTasksequence"


def test_an_export_of_mdt_is_read() -> None:
    read = load_sequence(FIXTURES / "mdt-client.xml")
    assert (read.version, read.name) == ("3.00", "Client from MDT")
    gather, _, partition, own = read.steps
    assert gather.success_codes == (0, 3010)
    assert gather.defaults == {"GatherLocalOnly": "true", "RulesFile": ""}
    assert partition.defaults["OSDPartitions"] == "3"
    assert partition.condition == Joined(
        Joint.ALL,
        (
            Joined(
                Joint.ANY,
                (
                    Compare("IsUEFI", Operator.EQUALS, "True"),
                    Compare("_SMSTSBootUEFI", Operator.EQUALS, "true"),
                ),
            ),
        ),
    )
    assert (own.type, own.is_disabled, own.continue_on_error) == (None, True, True)
    first, last = read.members
    assert isinstance(first, Group)
    assert first.condition == Joined(Joint.ALL, ())
    assert last.condition is None


def test_the_hidden_count_of_partitions_is_set_all_the_same() -> None:
    found = only_step(
        '<step name="a"><defaultVarList><variable name="OSDPartitions" property="Partitions" hidden="true">1</variable>'
        '<variable name="Secret" property="S" hidden="true">x</variable></defaultVarList><action/></step>'
    )
    assert found.defaults == {"OSDPartitions": "1"}


@pytest.mark.parametrize("text", [CONFIGMGR, (FIXTURES / "mdt-client.xml").read_text()], ids=["ConfigMgr", "MDT"])
def test_nothing_is_lost_when_it_is_written_again(text: str) -> None:
    written = write_sequence(read_sequence(text.encode(), source="x")).decode()
    assert canonical(written) == canonical(text)
    assert write_sequence(read_sequence(written.encode(), source="x")).decode() == written


def test_what_is_not_known_is_kept() -> None:
    text = (
        '<sequence version="3.10" xmlns:o="urn:own" o:mark="1"><!-- a note --><own deep="&lt;&quot;&#10;">text &amp; '
        'more<i>inside</i> after</own><step name="a" own="&#9;x"><o:thing/><action>  a  &#13; b </action></step>'
        "</sequence>"
    )
    written = write_sequence(read_sequence(text.encode(), source="x")).decode()
    assert ET.canonicalize(written, with_comments=True).replace("\n", "").replace("  ", "") == ET.canonicalize(
        text, with_comments=True
    ).replace("\n", "").replace("  ", "")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(CONFIGMGR.encode("utf-16"), id="UTF-16 with mark"),
        pytest.param(CONFIGMGR.encode("utf-16-le"), id="UTF-16 little endian without mark"),
        pytest.param(CONFIGMGR.encode("utf-16-be"), id="UTF-16 big endian without mark"),
        pytest.param(('<?xml version="1.0" encoding="utf-16"?>' + CONFIGMGR).encode("utf-16"), id="UTF-16 declared"),
        pytest.param(('<?xml version="1.0" encoding="utf-16"?>' + CONFIGMGR).encode(), id="UTF-8 that says UTF-16"),
        pytest.param(b"\xef\xbb\xbf" + CONFIGMGR.encode(), id="UTF-8 with mark"),
        pytest.param(('<?xml version="1.0" encoding="Windows-1252"?>\r\n' + CONFIGMGR).encode("cp1252"), id="cp1252"),
    ],
)
def test_every_encoding_gives_the_same_sequence(data: bytes) -> None:
    assert read_sequence(data, source="x") == read_sequence(CONFIGMGR.encode(), source="x")


def test_the_wrapper_of_configmgr_2007_is_read_and_kept() -> None:
    text = (
        "<SmsTaskSequencePackage><BootImageID>ABC00005</BootImageID><Name>Deploy</Name><PackageID>ABC00009</PackageID>"
        f"<SequenceData>{CONFIGMGR}</SequenceData><SourceDate>2007-07-17T18:21:22</SourceDate></SmsTaskSequencePackage>"
    )
    read = read_sequence(text.encode(), source="x")
    assert (read.name, read.package_id, len(read.steps)) == ("Deploy", "ABC00009", 2)
    assert canonical(write_sequence(read, wrapped=True).decode()) == canonical(text)
    assert canonical(write_sequence(read).decode()) == canonical(CONFIGMGR)


def test_the_form_of_wmi_is_read_and_kept() -> None:
    text = (
        '<INSTANCE CLASSNAME="SMS_TaskSequencePackage"><PROPERTY NAME="Name" TYPE="string"><VALUE>Deploy</VALUE>'
        '</PROPERTY><PROPERTY NAME="PackageID" TYPE="string"><VALUE>ABC00009</VALUE></PROPERTY><PROPERTY '
        f'NAME="Sequence" TYPE="string"><VALUE><![CDATA[{CONFIGMGR}]]></VALUE></PROPERTY></INSTANCE>'
    )
    read = read_sequence(text.encode(), source="x")
    assert (read.name, read.package_id, len(read.steps)) == ("Deploy", "ABC00009", 2)
    assert canonical(write_sequence(read, wrapped=True).decode()) == canonical(text)


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ('runIn="Mars"', "runIn='Mars'; valid are WinPE, FullOS, WinPEandFullOS"),
        ('successCodeList="0 x"', "successCodeList='0 x'; valid are numbers"),
        ('disable="maybe"', "disable='maybe'; valid are true and false"),
        ('continueOnError="2"', "continueOnError='2'; valid are true and false"),
        ('retryCount="-1"', "retryCount='-1'; valid are whole numbers"),
    ],
)
def test_an_attribute_that_is_not_valid_is_told_with_its_step(attributes: str, why: str) -> None:
    text = f'<sequence version="3.0"><step name="Apply" {attributes}><action/></step></sequence>'
    with pytest.raises(InvalidInput, match=r"deploy\.xml: .*step '?Apply") as caught:
        read_sequence(text.encode(), source="deploy.xml")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "codes"),
    [("", (0,)), ('successCodeList=""', (0,)), ('successCodeList="0  3010 0x80070001"', (0, 3010, 0x80070001)),
     ('successCodeList="-2147024895"', (0x80070001,))],
)  # fmt: skip
def test_success_codes_are_numbers_of_32_bits(attributes: str, codes: tuple[int, ...]) -> None:
    assert only_step(f'<step name="a" {attributes}/>').success_codes == codes


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "not well-formed|is empty", id="empty"),
        pytest.param("<sequence", "not well-formed", id="cut off"),
        pytest.param('<sequence version="3.0"/><b/>', "not well-formed", id="two roots"),
        pytest.param("<unattend/>", "holds no task sequence; the root is <unattend>", id="another document"),
        pytest.param('<a><sequence version="3.0"/><sequence version="3.0"/></a>', "holds 2 task sequences", id="two"),
        pytest.param('<sequence version="2.0"/>', "version '2.0' is not known", id="version"),
        pytest.param("<sequence/>", "version '' is not known", id="no version"),
        pytest.param('<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>', "declares the encoding", id="encoding"),
        pytest.param("<a>" * 101 + "</a>" * 101, "more than 100 deep", id="deep"),
        pytest.param("<a>\ud800</a>", "half a character|not text", id="half a character"),
    ],
)
def test_what_is_no_sequence_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_sequence(text.encode("utf-8", "surrogatepass"), source="x.xml")


BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol0 "lol">'
    + "".join(f'<!ENTITY lol{n} "' + f"&lol{n - 1};" * 10 + '">' for n in range(1, 10))
    + ']><sequence version="3.0">&lol9;</sequence>'
)
QUADRATIC = f'<!DOCTYPE a [<!ENTITY a "{"x" * 100_000}">]><a>{"&a;" * 10_000}</a>'
EXTERNAL = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><sequence version="3.0" name="&x;"/>'
EXTERNAL_DTD = '<!DOCTYPE sequence SYSTEM "http://127.0.0.1:9/a.dtd"><sequence version="3.0"/>'
PARAMETER = '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>'


@pytest.mark.parametrize("text", [BILLION_LAUGHS, QUADRATIC, EXTERNAL, EXTERNAL_DTD, PARAMETER])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_and_so_every_entity_is_refused(text: str, encoding: str) -> None:
    with pytest.raises(InvalidInput, match="declares a document type"):
        read_sequence(text.encode(encoding), source="x")


def test_an_entity_bomb_inside_the_text_of_a_wrapper_is_refused() -> None:
    text = f'<INSTANCE><PROPERTY NAME="Sequence"><VALUE><![CDATA[{BILLION_LAUGHS}]]></VALUE></PROPERTY></INSTANCE>'
    with pytest.raises(InvalidInput, match="declares a document type"):
        read_sequence(text.encode(), source="x")


def test_a_document_that_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"larger than 32\.0 MB"):
        read_sequence(b" " * (33 << 20), source="x")


def test_an_error_quotes_nothing_of_the_document() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_sequence(b"<a>swordfish<b></a>", source="x")
    assert "swordfish" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        load_sequence(tmp_path / "ts.xml")


@pytest.mark.parametrize("character", ["\0", "\x1b", "\ufffe"])
def test_a_character_that_xml_cannot_hold_is_refused(character: str) -> None:
    with pytest.raises(InvalidRequest, match=f"U\\+{ord(character):04X}"):
        write_element(make("a", None, character))


def test_a_sequence_that_was_made_in_python_reads_back_equal() -> None:
    made = sequence(
        "Deploy <&> ü",
        group(
            "Install",
            step("Partition", "PartitionDisk", {"OSDDiskIndex": "0", "OSDPartitions0Type": "Primary"}),
            step(
                "Apply",
                "ApplyOperatingSystem",
                {"OSDImageIndex": "1"},
                {"ImagePackageID": "ABC00001"},
                command="OSDApplyOS.exe",
                condition=Joined(
                    Joint.ALL,
                    (
                        Compare("A", Operator.EXISTS),
                        Joined(Joint.NONE, (Compare("B", Operator.GREATER_EQUAL, " 1\r\n"),)),
                    ),
                ),
                run_in=RunIn.WINPE,
                success_codes=(0, 3010),
                retry_count=2,
                continue_on_error=True,
            ),
            condition=Compare("_SMSTSInWinPE", Operator.EQUALS, "true"),
            continue_on_error=True,
        ),
        step("Restart", "Reboot", disable=True),
        description="two lines\nof text",
        variables={"OSDComputerName": "PC1"},
    )
    read = read_sequence(write_sequence(made), source="x")
    assert read == made
    assert read.packages == ("ABC00001",)
    _, apply, restart = read.steps
    assert apply.condition == Joined(
        Joint.ALL,
        (Compare("A", Operator.EXISTS), Joined(Joint.NONE, (Compare("B", Operator.GREATER_EQUAL, " 1\r\n"),))),
    )
    assert (apply.retry_count, apply.success_codes, apply.type) == (
        2, (0, 3010), "SMS_TaskSequence_ApplyOperatingSystemAction",
    )  # fmt: skip
    assert restart.is_disabled


XML_TEXT = st.text(
    alphabet=st.characters(
        exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n\r"
    )
)
XML_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9._-]{0,6}", fullmatch=True)
LEAVES = st.builds(
    lambda tag, attributes, text: Element(tag, tuple(attributes.items()), (text,) if text else ()),
    XML_NAMES,
    st.dictionaries(XML_NAMES, XML_TEXT, max_size=3),
    XML_TEXT,
)
ELEMENTS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda tag, attributes, children: Element(tag, tuple(attributes.items()), tuple(children)),
        XML_NAMES,
        st.dictionaries(XML_NAMES, XML_TEXT, max_size=3),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


@given(ELEMENTS)
def test_any_element_reads_back_equal_and_etree_reads_the_same(element: Element) -> None:
    data = write_element(element)
    assert read_element(data, source="x") == element
    foreign = ET.fromstring(data)  # noqa: S314 - written by us

    def same(ours: Element, theirs: ET.Element) -> None:
        assert (ours.tag, dict(ours.attributes)) == (theirs.tag, theirs.attrib)
        assert len(ours.children) == len(theirs)
        if not ours.children:
            assert ours.text == (theirs.text or "")
        for one, other in zip(ours.children, theirs, strict=True):
            same(one, other)

    same(element, foreign)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(InvalidInput):
        read_sequence(data, source="x")


@given(st.lists(st.sampled_from(
    ["<sequence version='3.1'>", "</sequence>", "<step name='a'>", "</step>", "<group>", "</group>", "<condition>",
     "</condition>", "<expression type='x'>", "</expression>", "<operator type='or'>", "</operator>", "<action/>",
     "<variable name='A'>", "</variable>", "<defaultVarList>", "</defaultVarList>", "text", "&amp;", "disable='x'"]
), max_size=25))  # fmt: skip
def test_any_mixture_of_its_elements_is_read_or_refused(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        read = read_sequence(f"<sequence version='3.1'>{text}</sequence>".encode(), source="x")
    except InvalidInput:
        return
    assert read_sequence(write_sequence(read), source="x").element == read.element
