"""What can be wrong with an NTFS volume: a word for scripts, how much it matters, and what it means for the files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from osdimage.imaging.finding import Severity

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class _KindFacts:
    """What is to be said of every fault of a kind.

    Attributes:
        code: a stable word for scripts.
        severity: an error makes Windows or other readers refuse, lose or overwrite something; a warning does not, and a
            note is what Windows itself leaves behind on sound volumes.
        title: what is wrong, in a few words.
        meaning: what it means for the files.
    """

    code: str
    severity: Severity
    title: str
    meaning: str


def _error(code: str, title: str, meaning: str) -> _KindFacts:
    return _KindFacts(code, _ERROR, title, meaning)


def _warning(code: str, title: str, meaning: str) -> _KindFacts:
    return _KindFacts(code, _WARNING, title, meaning)


def _note(code: str, title: str, meaning: str) -> _KindFacts:
    return _KindFacts(code, _NOTE, title, meaning)


_UNREADABLE = "Windows cannot read the file, and chkdsk may delete it"
_PART_LOST = "part of the file cannot be read"
_SEARCH = "files may not be found by their name, though they are there"
_OVERWRITTEN = "it is given to the next file that is written, over what is there"
_SECURITY = "files may get the wrong permissions, or none"
_LISTED = "it is listed, and cannot be opened"
_SMALL = "nothing is lost; chkdsk corrects it"


class FaultKind(Enum):
    """The kinds, by what they are about."""

    # The boot sector and the files of the system.
    BOOT = _error("boot-sector", "the boot sector is damaged", "Windows does not mount the volume")
    BOOT_COPY = _warning(
        "boot-copy", "the copy of the boot sector differs", "the volume cannot be saved when its first sector is lost"
    )
    MFT = _error("mft", "the master file table cannot be read", "Windows does not mount the volume")
    MIRROR = _error(
        "mft-mirror", "the mirror of the MFT differs", "ntfs-3g refuses the volume, and Windows asks for chkdsk"
    )
    SYSTEM_FILE = _error("system-file", "a file of the system is missing", "Windows may not mount the volume")
    UPCASE = _error("upcase", "the table of upper-case letters is damaged", _SEARCH)
    ATTRIBUTE_TABLE = _error("attrdef", "the table of attributes is damaged", "Windows does not mount the volume")
    BAD_CLUSTERS = _warning("bad-clusters", "the list of bad clusters does not fit the volume", _SMALL)
    VERSION = _error("volume-version", "the version of the volume is not known", "Windows may not mount the volume")
    DIRTY = _warning("volume-dirty", "the volume is marked dirty", "an earlier write was not finished")

    # Records of the MFT.
    RECORD_MAGIC = _error("record-magic", "a record that is in use does not begin with FILE", _UNREADABLE)
    RECORD_FIXUPS = _error("record-fixups", "the update sequence of a record is damaged", _UNREADABLE)
    RECORD_TORN = _error("record-torn", "a record was not written whole", _UNREADABLE)
    RECORD_HEADER = _error("record-header", "the header of a record contradicts itself", _UNREADABLE)
    RECORD_NUMBER = _error("record-number", "a record says that it is another one", _UNREADABLE)
    RECORD_SEQUENCE = _error("record-sequence", "a record has the sequence number 0", _UNREADABLE)
    RECORD_INSTANCE = _warning("record-instance", "the next attribute would get a number that is taken", _SMALL)
    RECORD_FREE = _error("record-free", "a record in use is free in the bitmap of the MFT", _OVERWRITTEN)
    RECORD_LOST = _warning("record-lost", "a record that is not in use is taken in the bitmap of the MFT", _SMALL)
    RECORD_UNWRITTEN = _error(
        "record-unwritten", "a record that is not in use was not written", "who made the volume made it wrong"
    )
    EXTENSION_LOST = _error("extension-lost", "a record continues a file that does not know of it", _PART_LOST)
    EXTENSION_EMPTY = _warning("extension-empty", "a record in use belongs to no file, and holds nothing", _SMALL)

    # Attributes.
    ATTRIBUTE_LENGTH = _error("attribute-length", "the length of an attribute is impossible", _UNREADABLE)
    ATTRIBUTE_TYPE = _error("attribute-type", "an attribute is of no known type", "chkdsk deletes the attribute")
    ATTRIBUTE_NAME = _error("attribute-name", "the name of an attribute leaves it", _UNREADABLE)
    ATTRIBUTE_ORDER = _error(
        "attribute-order", "the attributes of a record are not sorted", "attributes may not be found"
    )
    ATTRIBUTE_TWICE = _error("attribute-twice", "a file has an attribute twice", "only one of them can be reached")
    ATTRIBUTE_INSTANCE = _error("attribute-instance", "two attributes of a record have one number", _UNREADABLE)
    ATTRIBUTE_VALUE = _error("attribute-value", "the value of an attribute leaves it", _UNREADABLE)
    ATTRIBUTE_SIZE = _error("attribute-size", "a value has a size that its type cannot have", _UNREADABLE)
    ATTRIBUTE_PLACE = _error("attribute-place", "an attribute is not where its type must be", _UNREADABLE)
    ATTRIBUTE_INDEXED = _error("attribute-indexed", "an attribute is wrongly marked as indexed, or not", _SEARCH)
    ATTRIBUTE_FLAGS = _error("attribute-flags", "an attribute has flags that there are not", _UNREADABLE)
    RUNS_DAMAGED = _error("runs-damaged", "the list of clusters of an attribute is damaged", _PART_LOST)
    RUNS_COUNT = _error("runs-count", "an attribute has more or fewer clusters than it says", _PART_LOST)
    RUNS_OUTSIDE = _error("runs-outside", "an attribute has clusters outside of the volume", _PART_LOST)
    RUNS_HOLE = _error("runs-hole", "an attribute has holes, and is neither sparse nor compressed", _PART_LOST)
    SIZES = _error("sizes", "the sizes of an attribute contradict each other", _PART_LOST)
    COMPRESSION = _error("compression", "a compressed attribute is laid out as none can be", _PART_LOST)

    # Attribute lists.
    LIST = _error("list-damaged", "an attribute list is damaged", _PART_LOST)
    LIST_ORDER = _error("list-order", "an attribute list is not sorted", "attributes may not be found")
    LIST_MISSING = _error("list-missing", "an attribute list names what is not there", _PART_LOST)
    LIST_UNLISTED = _error("list-unlisted", "an attribute is not in the list of its file", _PART_LOST)
    LIST_BASE = _error("list-base", "an attribute list names a record of another file", _PART_LOST)
    LIST_GAP = _error("list-gap", "parts of an attribute do not follow each other", _PART_LOST)

    # Files and their names.
    FILE_STANDARD = _error("file-standard", "a file has no times and flags", _UNREADABLE)
    FILE_NAMELESS = _error("file-nameless", "a file has no name", "nothing leads to it; chkdsk moves it to found.000")
    FILE_DATA = _error("file-data", "a file has no data", _UNREADABLE)
    FILE_DIRECTORY = _error("file-directory", "a file is marked as a directory, or the reverse", _UNREADABLE)
    FILE_REPARSE = _error(
        "file-reparse",
        "the flag of a reparse point does not fit the file",
        "a link opens as a file, or a file not at all",
    )
    REPARSE_LENGTH = _error("reparse-length", "the length of a reparse point is wrong", "the link does not open")
    EXTENDED_ATTRIBUTES = _error("file-ea", "the extended attributes of a file are damaged", "they cannot be read")
    LINK_COUNT = _error(
        "link-count", "a file has more or fewer names than it counts", "deleting a name may delete the file, or never"
    )
    NAME_DAMAGED = _error("name-damaged", "a name is damaged", _UNREADABLE)
    NAME_TWICE = _error("name-twice", "a file has one name twice", "deleting one of them leaves a name without a file")
    NAME_DOS = _error("name-dos", "a DOS name is not beside one long name", "it may outlive the file")
    NAME_CHARACTERS = _warning("name-characters", "a DOS name is not of the form 8.3", "old programs cannot open it")
    NAME_PARENT = _error(
        "name-parent", "a name is in a directory that is not there", "nothing leads to it; chkdsk moves it to found.000"
    )
    NAME_LOST = _error("name-lost", "a name is not in its directory", "the file cannot be opened by it")
    NAME_TWINS = _warning("name-twins", "two names of a directory differ in case only", "Windows opens one of them")
    NAME_STALE = _error(
        "name-stale", "a name has other sizes or flags than its file", "who made the volume made it wrong"
    )
    DIRECTORY_LOOP = _error("directory-loop", "a directory lies in itself", "nothing leads to it from the root")

    # Indexes.
    INDEX_ROOT = _error("index-root", "the root of an index is damaged", _SEARCH)
    INDEX_PARTS = _error("index-parts", "an index lacks a part", _SEARCH)
    INDEX_BLOCK = _error("index-block", "a block of an index is damaged", _SEARCH)
    INDEX_ENTRY = _error("index-entry", "an entry of an index is damaged", _SEARCH)
    INDEX_KEY = _error("index-key", "the key of an entry of an index is damaged", _SEARCH)
    INDEX_CHILD = _error("index-child", "an index leads to a block that it does not have, or twice", _SEARCH)
    INDEX_ORDER = _error("index-order", "the entries of an index are not sorted", _SEARCH)
    INDEX_DEPTH = _warning("index-depth", "the branches of an index are not equally deep", _SMALL)
    INDEX_EMPTY = _warning("index-empty", "a block of an index has no entry", _SMALL)
    INDEX_FREE = _error("index-free", "a block of an index in use is free in its bitmap", _OVERWRITTEN)
    INDEX_LOST = _warning("index-lost", "a block of an index that nothing leads to is taken in its bitmap", _SMALL)
    ENTRY_STALE = _error("entry-stale", "an entry leads to a file that is not there", _LISTED)
    ENTRY_NAME = _error("entry-name", "an entry has a name that its file has not", _LISTED)
    ENTRY_PARENT = _error("entry-parent", "an entry is in another directory than it says", _LISTED)
    ENTRY_KIND = _error("entry-kind", "an entry says directory of a file, or the reverse", _LISTED)
    ENTRY_SIZE = _note(
        "entry-size", "a directory shows another size than the file has", "opening the file shows the right one"
    )

    # $Secure and $Extend.
    SECURE = _error("secure-damaged", "the store of security descriptors is damaged", _SECURITY)
    SECURE_HASH = _error("secure-hash", "a security descriptor does not match its hash", _SECURITY)
    SECURE_COPY = _warning("secure-copy", "a security descriptor and its copy differ", _SMALL)
    SECURE_INDEX = _error("secure-index", "an index of the security descriptors does not fit them", _SECURITY)
    SECURE_ID = _error("secure-id", "the number of a security descriptor is there twice, or reserved", _SECURITY)
    SECURE_FORM = _error("secure-form", "a security descriptor is not well-formed", _SECURITY)
    SECURE_UNKNOWN = _error("secure-unknown", "a file has a security descriptor that there is not", _SECURITY)
    OBJECT_IDS = _warning(
        "object-ids",
        "the index of object ids does not fit the files",
        "shortcuts do not find files that were moved",
    )
    REPARSE_POINTS = _warning(
        "reparse-points", "the index of reparse points does not fit the files", "programs that list them miss some"
    )

    # Clusters.
    CLUSTERS_SHARED = _error("clusters-shared", "two files have the same clusters", "writing to one destroys the other")
    CLUSTERS_FREE = _error("clusters-free", "clusters of a file are free in $Bitmap", _OVERWRITTEN)
    CLUSTERS_LOST = _warning("clusters-lost", "clusters of no file are taken in $Bitmap", "space is lost, nothing else")
    BITMAP_SIZE = _error("bitmap-size", "$Bitmap is smaller than the volume", "clusters may be given to two files")
    BITMAP_END = _warning("bitmap-end", "$Bitmap has free clusters behind the end of the volume", _SMALL)

    # The checker itself.
    TOO_MUCH = _error(
        "too-much",
        "the volume makes more work than one of its size can",
        "it was made to mislead; the rest was not checked",
    )

    @property
    def code(self) -> str:
        """The word for scripts."""
        return self.value.code

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return self.value.severity

    @property
    def title(self) -> str:
        """What is wrong, in a few words."""
        return self.value.title

    @property
    def meaning(self) -> str:
        """What it means for the files."""
        return self.value.meaning
