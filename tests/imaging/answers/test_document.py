"""Documents that come out as they went in; the canonical form of XML, by expat and ElementTree, is the judge."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.answers.document import MAX_BYTES, Name, read_document, write_document
from osdimage.imaging.errors import InvalidInput, InvalidRequest

OURS = "urn:schemas-microsoft-com:unattend"


def heard(data: bytes) -> list[tuple[object, ...]]:
    """Return what expat tells of a document: names with their namespaces, attributes, prefixes, texts."""
    found: list[tuple[object, ...]] = []
    parser = expat.ParserCreate("utf-8", "\x01")
    parser.buffer_text = True
    parser.namespace_prefixes = True
    parser.StartElementHandler = lambda *told: found.append(("start", *told))
    parser.EndElementHandler = lambda *told: found.append(("end", *told))
    parser.CharacterDataHandler = lambda text: found.append(("text", text))
    parser.CommentHandler = lambda text: found.append(("comment", text))
    parser.ProcessingInstructionHandler = lambda *told: found.append(("instruction", *told))
    parser.StartNamespaceDeclHandler = lambda *told: found.append(("namespace", *told))
    parser.Parse(data, True)
    return found


def same(text: str) -> bytes:
    data = text.encode("utf-8")
    written = write_document(read_document(data, source="x"))
    assert heard(written) == heard(data)
    if "}" not in text:
        # ElementTree takes no namespace with a brace.
        assert ET.canonicalize(written.decode(), with_comments=True) == ET.canonicalize(text, with_comments=True)
    return written


KEPT = {
    "prefixes": '<u:a xmlns:u="urn:u"><u:b u:c="1" c="2"/></u:a>',
    "two prefixes of one namespace": '<a xmlns:p="urn:p" xmlns:q="urn:p"><p:b/><q:b/></a>',
    "an attribute in the namespace of its element": f'<a xmlns="{OURS}" xmlns:u="{OURS}" u:foo="1" foo="2"/>',
    "a default that is taken back": f'<a xmlns="{OURS}"><b xmlns=""><c/></b></a>',
    "a prefix with another meaning": '<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"/><p:c/></p:a>',
    "a namespace with braces and markup": '<a xmlns="q}b&gt;&lt;x"><b xmlns="{urn}"/></a>',
    "names in values": '<a xmlns:xsi="urn:xsi" xmlns:t="urn:t" xsi:type="t:word">t:word</a>',
    "language and space": '<a xml:lang="de-DE" xml:space="preserve">  <b/>  </a>',
    "comments and instructions": "<?one?><!-- two --><a><!--three--><?four five?></a><!--six--><?seven  eight?>",
    "sections of CDATA": "<a><![CDATA[<b>&amp;</b>]]]]><![CDATA[>]]></a>",
    "entities and references": "<a b='&quot;&apos;&lt;&gt;&amp;&#x41;'>&quot;&apos;&lt;&gt;&amp;&#x1F600;</a>",
    "line ends in values": '<a b="1&#13;&#10;2&#9;3&#10;">1&#13;\r\n2&#13;&#10;3\r4</a>',
    "characters beyond the BMP": "<a \u00e4\u4e2d='\U0001f600'>\U0010fffd\u2028\u0085</a>",
    "space between elements": "<a>\n\t<b/>\n\n  <c> </c>text<d/>\n</a>",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_is_not_changed_is_written_as_it_was(text: str) -> None:
    assert same(text) == write_document(read_document(same(text), source="again"))


characters = st.characters(
    codec="utf-8",
    exclude_categories=("Cs",),
    exclude_characters="".join(map(chr, {*range(32)} - {9, 10, 13})) + "\ufffe\uffff",
)
texts = st.text(characters, max_size=8)
names = st.sampled_from(["a", "b", "p:a", "p:b", "q:a", "\u00e4", "xml:lang"])
DECLARATIONS = [
    {},
    {"xmlns": OURS},
    {"xmlns": ""},
    {"xmlns": "urn:p"},
    {"xmlns:p": OURS},
    {"xmlns:q": "urn:p", "xmlns:p": 'urn:{"<&'},
]


def escaped(text: str) -> str:
    return "".join(f"&#{ord(each)};" if each in "<&>\r\n\t" else each for each in text)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    tag = draw(names.filter(lambda name: not name.startswith("xml")))
    attributes = {"xmlns:p": "urn:p", "xmlns:q": "urn:q"} if not depth else {}
    attributes |= draw(st.sampled_from(DECLARATIONS))
    attributes |= draw(st.dictionaries(names, texts, max_size=3))
    inside = st.one_of(
        texts.map(escaped),
        st.sampled_from(["<!-- c -->", "<?pi data?>", "<![CDATA[<&>]]>", "\n  ", "&#xD;"]),
        *([elements(depth + 1)] if depth < 4 else []),
    )
    written = "".join(f" {key}={quoteattr(value, {chr(13): '&#13;'})}" for key, value in attributes.items())
    return f"<{tag}{written}>{''.join(draw(st.lists(inside, max_size=3)))}</{tag}>"


@given(elements())
def test_any_document_is_written_as_it_was(text: str) -> None:
    try:
        heard(text.encode())
    except expat.ExpatError:
        # Two attributes of one name in one namespace.
        with pytest.raises(InvalidInput, match="not well-formed"):
            read_document(text.encode(), source="x")
        return
    same(text)


def test_what_is_added_has_its_name_whatever_is_declared_there() -> None:
    for text in (
        f'<a xmlns="{OURS}"/>',
        f'<u:a xmlns:u="{OURS}"/>',
        '<a xmlns="urn:other" xmlns:ns0="urn:x" xmlns:wcm="urn:y"/>',
        f'<p:a xmlns:p="urn:other" xmlns="{OURS}">\n  <b/>\n</p:a>',
        "<a>\n\n</a>",
        "<a>text</a>",
    ):
        document = read_document(text.encode(), source="x")
        made = document.root.add(
            Name(OURS, "new"), {Name("urn:w", "action"): "add", Name("", "k"): 'v\r"'}, prefer={"urn:w": "wcm"}
        )
        made.add(Name("", "bare")).set_text("\r<&")
        made.add(Name("urn:third", "third"))
        root = ET.fromstring(write_document(document))  # noqa: S314 - written just now
        assert [(each.tag, each.attrib, each.text) for each in root[-1].iter()][1:] == [
            ("bare", {}, "\r<&"),
            ("{urn:third}third", {}, None),
        ]
        assert root[-1].tag == f"{{{OURS}}}new"
        assert root[-1].attrib == {"{urn:w}action": "add", "k": 'v\r"'}


def test_what_is_added_stands_on_a_line_of_its_own() -> None:
    document = read_document(b"<a>\n  <b>\n    <c/>\n  </b>\n</a>", source="x")
    document.root.children[0].add(Name("", "d")).set_text("1")
    document.root.add(Name("", "e")).add(Name("", "f"))
    assert write_document(document).decode().partition("\n")[2] == (
        "<a>\n  <b>\n    <c />\n    <d>1</d>\n  </b>\n  <e>\n      <f />\n  </e>\n</a>\n"
    )
    document.root.remove(document.root.children[1])
    assert write_document(document).decode().endswith("  </b>\n</a>\n")


UTF_16 = '<?xml version="1.0" encoding="{}"?><a>\u00e4</a>'
READ = {
    "UTF-8": UTF_16.format("UTF-8").encode(),
    "UTF-8 with a mark": UTF_16.format("utf-8").encode("utf-8-sig"),
    "UTF-16": UTF_16.format("utf-16").encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + UTF_16.format("UTF-16").encode("utf-16-be"),
    "UTF-16 without a mark": UTF_16.format("utf-16").encode("utf-16-le"),
    "nothing declared": "<a>\u00e4</a>".encode(),
    "nothing declared in UTF-16": "<a>\u00e4</a>".encode("utf-16"),
    "ISO 8859-15": UTF_16.format("iso-8859-15").encode("iso-8859-15"),
    "code page 1252": UTF_16.format("windows-1252").encode("cp1252"),
}


@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_encodings_of_windows_are_read(data: bytes) -> None:
    assert read_document(data, source="x").root.text == "\u00e4"


# Each is refused by expat as it stands: xml.parsers.expat.ParserCreate().Parse(data, True).
REFUSED = {
    "UTF-8 that declares UTF-16": (UTF_16.format("utf-16").encode(), "declares the encoding utf-16, but is not in it"),
    "UTF-8 with a mark that declares UTF-16": (
        UTF_16.format("utf-16").encode("utf-8-sig"),
        "is in UTF-8, but declares",
    ),
    "UTF-16 that declares UTF-8": (UTF_16.format("utf-8").encode("utf-16"), "is in UTF-16, but declares"),
    "Latin-1 that declares UTF-8": (UTF_16.format("utf-8").encode("latin-1"), "not text in UTF-8"),
    "Latin-1 that declares nothing": ("<a>\u00e4</a>".encode("latin-1"), "not text in UTF-8"),
    "an unknown encoding": (UTF_16.format("klingon").encode(), "the encoding klingon"),
    "an empty line before the declaration": (b'\n<?xml version="1.0"?><a/>', "not at start"),
    "text before the declaration": (b'x<?xml version="1.0"?><a/>', "line 1: not well-formed"),
    "two marks": (b"\xef\xbb\xbf\xef\xbb\xbf<a/>", "not well-formed"),
    "a document type": (b"<!DOCTYPE a><a/>", "declares a document type; an answer file has none"),
    "a prefix that is not declared": (b"<a p:b='1'/>", "unbound prefix"),
    "a prefix that is taken back": (b"<a xmlns:p='urn:p'><b xmlns:p=''/></a>", "undeclare"),
    "the reserved prefix": (b"<a xmlns:xmlns='urn:p'/>", "reserved prefix"),
    "the reserved namespace": (b"<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", "reserved namespace"),
    "an attribute twice": (b"<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", "duplicate attribute"),
    "a control character": (b"<a>\x01</a>", "not well-formed"),
    "a control character as a reference": (b"<a>&#1;</a>", "not well-formed"),
    "half a character as a reference": (b"<a>&#xD800;</a>", "not well-formed"),
    "two roots": (b"<a/><b/>", "junk after"),
    "nothing": (b"", "not well-formed"),
    "a comment": (b"<!-- -->", "not well-formed"),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED)
def test_what_readers_of_xml_refuse_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        read_document(data, source="user.xml")
    assert str(caught.value).startswith("user.xml")


def test_version_1_1_and_large_and_deep_documents_are_refused() -> None:
    for data, said in (
        (b'<?xml version="1.1"?><a/>', "another version"),
        (b" " * (MAX_BYTES + 1), "larger than"),
        (b"<a>" * 200, "more than 100 deep"),
    ):
        with pytest.raises(InvalidInput, match=said):
            read_document(data, source="x")


@pytest.mark.parametrize("text", ["\0", "\x1b", "\ud800", "\ufffe"])
def test_what_xml_cannot_write_is_refused(text: str) -> None:
    document = read_document(b"<a/>", source="x")
    document.root.set_text(text)
    with pytest.raises(InvalidRequest, match="cannot hold the character"):
        write_document(document)
