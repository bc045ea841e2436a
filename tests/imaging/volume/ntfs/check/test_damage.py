"""Each rule of the checker by a volume on which that rule alone is broken: exactly that is found, and nothing else."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from cases import ntfs_patient as p
from cases.ntfs_patient import CLUSTER, RECORD, Bytes, Entry, Node, Patient, find, put, utf16, value_at
from osdimage.imaging.volume import FaultKind as K
from osdimage.imaging.volume import NtfsCheckOptions, NtfsReport, check_ntfs

pytestmark = pytest.mark.foreign

MFT, VOLUME, ATTRDEF, BITMAP, BAD, SECURE, UPCASE = 0, 3, 4, 6, 8, 9, 10
FEW, PLAIN, EMPTY = "/few", "/few/plain", "/few/empty"
STREAMS, LARGE, OTHER, ONE, ISLANDS = "/streams", "/large", "/other", "/one", "/islands"
LONG, TRACKED, LINK, DENIED = "/dos/A long file name.text", "/dos/tracked", "/dos/relative link", "/dos/denied"
SHORT = "ALONGF~1.TEX"


def checked(patient: Patient, *, is_fresh: bool = False) -> NtfsReport:
    return check_ntfs(Bytes(patient.data), NtfsCheckOptions(is_fresh=is_fresh))


def test_what_mkntfs_and_ntfs_3g_made_is_sound(healthy: Patient) -> None:
    report = checked(healthy)
    assert report.counts == {}
    assert report.is_complete
    # Records 0 to 11, the four that are kept, those of $Extend, and what was made; the root is among both.
    assert report.files > len(set(healthy.records.values()))
    assert report.directories > 8
    # 1535 clusters: ntfsinfo -m "Volume Size in Clusters"; every one of them is in $Bitmap or free.
    assert report.clusters == 6 * (1 << 20) // CLUSTER - 1
    assert 0 < report.used < report.clusters


# ---- the boot sector and the files of the system


def boot(v: Patient) -> None:
    v.data[510:512] = b"\xaa\x55"


def boot_copy(v: Patient) -> None:
    # Number of sectors, in the copy behind the last of them.
    v.data[p.u64(v.data, 40) * 512 + 40] ^= 1


def mft(v: Patient) -> None:
    v.data[v.place(MFT)] ^= 1


def mirror(v: Patient) -> None:
    v.data[p.u64(v.data, 56) * CLUSTER + RECORD + 8] ^= 1


def no_volume_information(v: Patient) -> None:
    with v.record(VOLUME) as record:
        p.remove(record, p.INFORMATION)


def upcase(v: Patient) -> None:
    put(v.data, v.clusters(UPCASE)[0] * CLUSTER + 2 * 0x7F, "H", 0x80)


def attribute_table(v: Patient) -> None:
    at = v.clusters(ATTRDEF)[0] * CLUSTER
    assert v.data[at : at + 4] == utf16("$S")
    v.data[at + 2] ^= 0x20


def no_bad_clusters(v: Patient) -> None:
    with v.record(BAD) as record:
        p.remove(record, p.DATA, "$Bad")


def version(v: Patient) -> None:
    with v.record(VOLUME) as record:
        begin, _ = value_at(record, find(record, p.INFORMATION))
        assert record[begin + 8 : begin + 10] == b"\3\1"
        record[begin + 9] = 2


def dirty(v: Patient) -> None:
    with v.record(VOLUME) as record:
        begin, _ = value_at(record, find(record, p.INFORMATION))
        record[begin + 10] |= 1


# ---- records


def magic(v: Patient) -> None:
    v.data[v.place(LARGE)] ^= 1


def fixup_count(v: Patient) -> None:
    v.data[v.place(LARGE) + 6] ^= 1


def torn(v: Patient) -> None:
    v.data[v.place(LARGE) + 1023] ^= 0x80


def allocated_bytes(v: Patient) -> None:
    with v.record(PLAIN) as record:
        put(record, 28, "I", RECORD * 2)


def bytes_in_use(v: Patient) -> None:
    with v.record(PLAIN) as record:
        put(record, 24, "I", p.u32(record, 24) + 8)


def other_number(v: Patient) -> None:
    v.data[v.place(PLAIN) + 44] ^= 1


def sequence_0(v: Patient) -> None:
    put(v.data, v.place(PLAIN) + 16, "H", 0)


def next_instance(v: Patient) -> None:
    put(v.data, v.place(PLAIN) + 40, "H", 1)


def record_free(v: Patient) -> None:
    v.set_bit(MFT, p.BITMAP, v.number(PLAIN), value=False)


def record_lost(v: Patient) -> None:
    v.set_bit(MFT, p.BITMAP, v.unused(), value=True)


def extension_of_nobody(v: Patient) -> None:
    v.make(STREAMS, base=v.reference(PLAIN))


def extension_without_anything(v: Patient) -> None:
    with v.record(v.make(STREAMS, base=v.reference(PLAIN))) as record:
        for kind, name in ((p.STANDARD, ""), (0x50, ""), (p.DATA, ""), *((p.DATA, name) for name in "abc")):
            try:
                p.remove(record, kind, name)
            except LookupError:
                assert kind == 0x50


# ---- attributes


def attribute_length(v: Patient) -> None:
    with v.record(PLAIN) as record:
        put(record, find(record, p.DATA) + 4, "I", 20)


def attribute_type(v: Patient) -> None:
    with v.record(STREAMS) as record:
        put(record, find(record, p.DATA, "c"), "I", 0x0F10)


def attribute_name(v: Patient) -> None:
    with v.record(STREAMS) as record:
        put(record, find(record, p.DATA, "c") + 10, "H", 0x100)


def attributes_swapped(v: Patient) -> None:
    with v.record(STREAMS) as record:
        first, second = (find(record, p.DATA, name) for name in "ab")
        for at, name in ((first, "b"), (second, "a")):
            begin = at + p.u16(record, at + 10)
            record[begin : begin + 2] = utf16(name)


def attribute_twice(v: Patient) -> None:
    with v.record(STREAMS) as record:
        at = find(record, p.DATA, "b")
        record[at + p.u16(record, at + 10)] = ord("a")


def instance_twice(v: Patient) -> None:
    with v.record(STREAMS) as record:
        at = find(record, p.DATA, "b")
        record[at + 14 : at + 16] = record[find(record, p.DATA, "a") + 14 :][:2]


def value_too_long(v: Patient) -> None:
    with v.record(PLAIN) as record:
        put(record, find(record, p.DATA) + 16, "I", 0x1000)


def value_too_short(v: Patient) -> None:
    with v.record(PLAIN) as record:
        put(record, find(record, p.STANDARD) + 16, "I", 40)


def root_in_clusters(v: Patient) -> None:
    with v.record("/big streams") as record:
        put(record, find(record, p.DATA, "large"), "I", p.ROOT)


def name_not_indexed(v: Patient) -> None:
    with v.record(PLAIN) as record:
        record[find(record, p.NAME) + 22] = 0


def attribute_flags(v: Patient) -> None:
    with v.record(PLAIN) as record:
        record[find(record, p.DATA) + 13] |= 0x10


def record_flags(v: Patient) -> None:
    v.data[v.place(PLAIN) + 23] |= 1


def _runs(record: bytearray, kind: int = p.DATA, name: str = "") -> int:
    at = find(record, kind, name)
    return at + p.u16(record, at + 32)


def endless_runs(v: Patient) -> None:
    with v.record(LARGE) as record:
        record[_runs(record)] = 0x10


def cluster_too_many(v: Patient) -> None:
    with v.record(LARGE) as record:
        at = find(record, p.DATA)
        put(record, at + 24, "Q", p.u64(record, at + 24) + 1)


def run_outside(v: Patient) -> None:
    with v.record(LARGE) as record:
        at = _runs(record)
        record[at + (record[at] & 15) + (record[at] >> 4)] = 0x7F


def hole(v: Patient) -> None:
    with v.record(LARGE) as record:
        at = _runs(record)
        assert record[at + (record[at] & 15) + (record[at] >> 4) + 1] == 0
        record[at] &= 15
        record[at + 1 + record[at]] = 0


def initialized_beyond(v: Patient) -> None:
    with v.record(LARGE) as record:
        at = find(record, p.DATA)
        put(record, at + 56, "Q", p.u64(record, at + 48) + 1)


def allocated_too_little(v: Patient) -> None:
    with v.record(LARGE) as record:
        at = find(record, p.DATA)
        put(record, at + 40, "Q", p.u64(record, at + 40) + CLUSTER)


def stored_too_little(v: Patient) -> None:
    with v.record("/packed/text") as record:
        at = find(record, p.DATA)
        put(record, at + 64, "Q", p.u64(record, at + 64) - CLUSTER)


def unit(v: Patient) -> None:
    with v.record("/packed/text") as record:
        record[find(record, p.DATA) + 34] = 3


# ---- attribute lists


def _list(v: Patient, file: str = ONE) -> tuple[int, list[int]]:
    """Return where a list is on the volume, and where its entries are in it."""
    at = v.value_place(file, p.LIST)
    record = v.look(file)
    begin = find(record, p.LIST)
    size = p.u64(record, begin + 48) if record[begin + 8] else p.u32(record, begin + 16)
    entries, offset = [], 0
    while offset < size:
        entries.append(offset)
        offset += p.u16(v.data, at + offset + 4)
    return at, entries


def _entry(v: Patient, kind: int, number: int = 0, file: str = ONE) -> int:
    """Return where an entry of a list is on the volume: the one with a number of those in other records."""
    at, entries = _list(v, file)
    own = v.number(file)
    found = [at + each for each in entries if p.u32(v.data, at + each) == kind and p.u32(v.data, at + each + 16) != own]
    return found[number]


def list_entry_length(v: Patient) -> None:
    put(v.data, _entry(v, p.NAME, -1) + 4, "H", 4)


def list_swapped(v: Patient) -> None:
    """Swap the first two entries: what is of another type comes first."""
    at, entries = _list(v)
    first, second = (bytes(v.data[at + each : at + each + 32]) for each in entries[:2])
    assert len({p.u16(first, 4), p.u16(second, 4), 32}) == 1
    v.data[at : at + 64] = second + first


def list_names_nothing(v: Patient) -> None:
    put(v.data, _entry(v, p.NAME) + 24, "H", 0x7000)


def list_lacks_one(v: Patient) -> None:
    last = _list(v)[1][-1]
    with v.record(ONE) as record:
        begin = find(record, p.LIST)
        assert record[begin + 8]
        put(record, begin + 48, "QQ", last, last)


def list_of_another(v: Patient) -> None:
    put(v.data, _entry(v, p.NAME) + 22, "H", 0x7000)


def list_with_gap(v: Patient) -> None:
    at = _entry(v, p.DATA, -1, ISLANDS)
    first, holder = p.u64(v.data, at + 8), p.u32(v.data, at + 16)
    put(v.data, at + 8, "Q", first + 1)
    with v.record(holder) as record:
        part = find(record, p.DATA)
        assert p.u64(record, part + 16) == first
        put(record, part + 16, "QQ", first + 1, p.u64(record, part + 24) + 1)


# ---- files and names


def no_standard(v: Patient) -> None:
    with v.record(PLAIN) as record:
        p.remove(record, p.STANDARD)


def no_name(v: Patient) -> None:
    v.make(STREAMS)


def no_data(v: Patient) -> None:
    with v.record(EMPTY) as record:
        p.remove(record, p.DATA)


def file_as_folder(v: Patient) -> None:
    v.data[v.place(PLAIN) + 22] |= 2


def folder_as_file(v: Patient) -> None:
    v.data[v.place("/few/upper/lower") + 22] &= 0xFD


def reparse_flag(v: Patient) -> None:
    with v.record(PLAIN) as record:
        begin, _ = value_at(record, find(record, p.STANDARD))
        record[begin + 33] |= 4


def reparse_length(v: Patient) -> None:
    at = v.value_place(LINK, p.REPARSE)
    put(v.data, at + 4, "H", p.u16(v.data, at + 4) + 2)


def half_of_attributes(v: Patient) -> None:
    with v.record(PLAIN) as record:
        p.add(record, p.EA_INFORMATION, bytes(8))


def link_count(v: Patient) -> None:
    v.data[v.place(PLAIN) + 18] += 1


def name_length(v: Patient) -> None:
    with v.record(PLAIN) as record:
        begin, _ = value_at(record, find(record, p.NAME))
        record[begin + 64] += 1


def name_twice(v: Patient) -> None:
    with v.record("/few/linked") as record:
        (one, end), (two, _) = (value_at(record, find(record, p.NAME, number=number)) for number in (0, 1))
        record[two : two + end - one] = record[one:end]


def _name_of(record: bytearray, namespace: int) -> int:
    """Return where the name of a file begins that is in a namespace."""
    begins = (value_at(record, find(record, p.NAME, number=number))[0] for number in (0, 1))
    return next(begin for begin in begins if record[begin + 65] == namespace)


def dos_name_alone(v: Patient) -> None:
    with v.record(LONG) as record:
        record[_name_of(record, 1) + 65] = 0
    v.change_key("/dos", LONG, 65, b"\0")


def dos_name_of_no_form(v: Patient) -> None:
    v.records[f"/dos/{SHORT}"] = v.number(LONG)
    at = 66 + 2 * SHORT.index("~")
    with v.record(LONG) as record:
        begin = _name_of(record, 2) + at
        assert record[begin : begin + 2] == utf16("~")
        record[begin : begin + 2] = utf16("+")
    v.change_key("/dos", f"/dos/{SHORT}", at, utf16("+"))


def _with_name(v: Patient, parent: int) -> int:
    """Make a file that has a name and is in no index."""
    number = v.make(STREAMS, names=1)
    name = "unheard of"
    with v.record(number) as record:
        value = struct.pack("<Q32xQQII BB", parent, 8, 4, 0x20, 0, len(name), 0) + utf16(name)
        p.add(record, p.NAME, value)
    return number


def parent_not_there(v: Patient) -> None:
    _with_name(v, v.unused() | 1 << 48)


def not_in_folder(v: Patient) -> None:
    _with_name(v, v.reference(FEW))


def twins(v: Patient) -> None:
    with v.record("/few/twin") as record:
        begin, _ = value_at(record, find(record, p.NAME))
        record[begin + 65] = 1
    v.change_key(FEW, "/few/twin", 65, b"\1")


def folder_in_itself(v: Patient) -> None:
    """Move a folder into one that is in it, by its name and by both indexes."""
    upper, lower = "/few/upper", "/few/upper/lower"
    above = _flat(v.tree(FEW))
    moved = next(each for each in above if each.reference == v.reference(upper))
    above.remove(moved)
    parent = struct.pack("<Q", v.reference(lower))
    v.plant(FEW, Node([], Node(above)))
    v.plant(lower, Node([Entry(moved.reference, parent + moved.key[8:])]))
    with v.record(upper) as record:
        begin, _ = value_at(record, find(record, p.NAME))
        record[begin : begin + 8] = parent


# ---- indexes


def _flat(node: Node) -> list[Entry]:
    """Return the entries of a tree in order, without what is below them."""
    found = []
    for each in node.entries:
        found += _flat(each.child) if each.child else []
        found.append(Entry(each.reference, each.key))
    return found + (_flat(node.child) if node.child else [])


def collation(v: Patient) -> None:
    with v.record(FEW) as record:
        begin, _ = value_at(record, find(record, p.ROOT, "$I30"))
        put(record, begin + 4, "I", 0)


def root_header(v: Patient) -> None:
    with v.record(FEW) as record:
        begin, _ = value_at(record, find(record, p.ROOT, "$I30"))
        put(record, begin + 16, "I", 12)


def root_small(v: Patient) -> None:
    with v.record("/folder") as record:
        begin, _ = value_at(record, find(record, p.ROOT, "$I30"))
        assert record[begin + 28] == 1
        record[begin + 28] = 0


def block_size(v: Patient) -> None:
    with v.record(FEW) as record:
        begin, _ = value_at(record, find(record, p.ROOT, "$I30"))
        put(record, begin + 8, "I", 8192)


def no_index_bitmap(v: Patient) -> None:
    with v.record("/folder") as record:
        p.remove(record, p.BITMAP, "$I30")


def block_magic(v: Patient) -> None:
    v.data[v.block("/folder", 0)] ^= 1


def block_number(v: Patient) -> None:
    v.data[v.block("/folder", 0) + 16] ^= 1


def block_torn(v: Patient) -> None:
    v.data[v.block("/folder", 0) + 1023] ^= 1


def entry_length(v: Patient) -> None:
    with v.index_block("/folder", 0) as block:
        put(block, 24 + p.u32(block, 24) + 8, "H", 12)


def half_of_children(v: Patient) -> None:
    """Take the child of the last entry away, and what it held goes before."""
    entries = _flat(v.tree("/shrunk"))
    v.plant("/shrunk", Node([Entry(entries[-1].reference, entries[-1].key, Node(entries[:-1]))]))


def key_length(v: Patient) -> None:
    with v.index_block("/folder", 0) as block:
        at = 24 + p.u32(block, 24)
        put(block, at + 10, "H", p.u16(block, at + 10) - 2)


def child_beyond(v: Patient) -> None:
    with v.record("/folder") as record:
        end = value_at(record, find(record, p.ROOT, "$I30"))[1]
        put(record, end - 8, "Q", 1 << 40)


def swapped(v: Patient) -> None:
    first, second, *others = _flat(v.tree(FEW))
    v.plant(FEW, Node([], Node([second, first, *others])))


def sound_tree(v: Patient) -> None:
    """Write the tree anew, to see that what writes the damaged ones is right."""
    entries = _flat(v.tree("/shrunk"))
    v.plant("/shrunk", Node([Entry(entries[3].reference, entries[3].key, Node(entries[:3]))], Node(entries[4:])))


def uneven(v: Patient) -> None:
    entries = _flat(v.tree("/shrunk"))
    deep = Node([Entry(entries[1].reference, entries[1].key, Node(entries[:1]))], Node(entries[2:3]))
    v.plant("/shrunk", Node([Entry(entries[3].reference, entries[3].key, deep)], Node(entries[4:])))


def empty_block(v: Patient) -> None:
    entries = _flat(v.tree("/shrunk"))
    v.plant("/shrunk", Node([Entry(entries[-1].reference, entries[-1].key, Node(entries[:-1]))], Node([])))


def block_free(v: Patient) -> None:
    v.set_bit(v.number("/folder"), p.BITMAP, 0, value=False, name="$I30")


def block_lost(v: Patient) -> None:
    sound_tree(v)
    v.set_bit(v.number("/shrunk"), p.BITMAP, 2, value=True, name="$I30")


def _ghost(v: Patient, reference: int) -> None:
    """Put an entry that no file has behind the others of a small directory."""
    tree = v.tree("/few/upper")
    name = "zz"
    key = struct.pack("<Q32xQQIIBB", v.reference("/few/upper"), 0, 0, 0x20, 0, len(name), 0) + utf16(name)
    tree.entries.append(Entry(reference, key))
    v.plant("/few/upper", tree)


def entry_of_nothing(v: Patient) -> None:
    _ghost(v, v.unused() | 1 << 48)


def entry_of_former_file(v: Patient) -> None:
    _ghost(v, v.reference(PLAIN) + (1 << 48))


def entry_with_other_name(v: Patient) -> None:
    _ghost(v, v.reference(PLAIN))


def entry_of_other_folder(v: Patient) -> None:
    v.change_key(FEW, PLAIN, 0, struct.pack("<Q", v.reference("/folder")))


def entry_as_folder(v: Patient) -> None:
    v.change_key(FEW, PLAIN, 59, b"\x10")


def entry_size(v: Patient) -> None:
    v.change_key(FEW, PLAIN, 48, b"\x01")


# ---- $Secure and $Extend


def _descriptor(v: Patient, number: int = 0) -> tuple[int, int]:
    """Return where a descriptor and its copy are, with their headers."""
    clusters = v.clusters(SECURE, p.DATA, "$SDS")
    at = 0
    for _ in range(number):
        at += (p.u32(v.data, clusters[at // CLUSTER] * CLUSTER + at % CLUSTER + 16) + 15) // 16 * 16
    assert at < CLUSTER
    return clusters[0] * CLUSTER + at, clusters[0x40000 // CLUSTER] * CLUSTER + at


def secure_offset(v: Patient) -> None:
    for at in _descriptor(v):
        v.data[at + 8] ^= 16


def secure_hash(v: Patient) -> None:
    for at in _descriptor(v):
        v.data[at + 60] ^= 1


def secure_copy(v: Patient) -> None:
    v.data[_descriptor(v)[1] + 60] ^= 1


def secure_index(v: Patient) -> None:
    with v.record(SECURE) as record:
        begin, _ = value_at(record, find(record, p.ROOT, "$SII"))
        # The length of the first descriptor, in the data of its entry.
        record[begin + 32 + 20 + 16] ^= 1


def secure_number(v: Patient) -> None:
    for at in _descriptor(v, 1):
        put(v.data, at + 4, "I", 0x10)


def secure_form(v: Patient) -> None:
    """Give a descriptor revision 2, and change its next word so that the hash is the same."""
    for at in _descriptor(v):
        first, second = struct.unpack_from("<II", v.data, at + 20)
        put(v.data, at + 20, "II", first + 1, (second + _turn(first) - _turn(first + 1)) & 0xFFFFFFFF)


def secure_acl(v: Patient) -> None:
    """Let the last entry of a DACL say that it is longer than the list."""
    for at in _descriptor(v):
        body = at + 20
        acl = body + p.u32(v.data, body + 16)
        words = list(struct.unpack_from("<3I", v.data, acl + 8))
        # The size of the first entry is in its first word; the mask behind it takes back what the hash gains.
        other = words[0] + (0x4000 << 16)
        turned = [(word << 3 | word >> 29) & 0xFFFFFFFF for word in (words[0] & 0xFFFFFFFF, other)]
        del turned
        before = _hash(v.data[body : acl + 8])
        wanted = _step(_step(before, words[0]), words[1])
        put(v.data, acl + 8, "II", other, (wanted - _turn(_step(before, other))) & 0xFFFFFFFF)


def _turn(value: int) -> int:
    return (value << 3 | value >> 29) & 0xFFFFFFFF


def _step(value: int, word: int) -> int:
    return (word + _turn(value)) & 0xFFFFFFFF


def _hash(data: bytes | bytearray) -> int:
    value = 0
    for (word,) in struct.iter_unpack("<I", bytes(data)):
        value = _step(value, word)
    return value


def own_descriptor(v: Patient) -> None:
    """Give a file that has a descriptor of its own one of revision 3."""
    v.data[v.value_place(FEW, 0x50)] ^= 2


def secure_unknown(v: Patient) -> None:
    with v.record(DENIED) as record:
        begin, end = value_at(record, find(record, p.STANDARD))
        assert end - begin == 72
        put(record, begin + 52, "I", 0x7FFF)


def object_id(v: Patient) -> None:
    v.data[v.value_place(TRACKED, p.OBJECT_ID)] ^= 1


def reparse_tag(v: Patient) -> None:
    v.data[v.value_place(LINK, p.REPARSE)] ^= 1


# ---- clusters


def shared(v: Patient) -> None:
    """Give one file the clusters of another one of its size; those that it had become free."""
    for cluster in v.clusters(LARGE):
        v.set_bit(BITMAP, p.DATA, cluster, value=False)
    with v.record(OTHER) as other, v.record(LARGE) as record:
        begin, size = _runs(other), p.u32(other, find(other, p.DATA) + 4)
        assert size == p.u32(record, find(record, p.DATA) + 4)
        record[_runs(record) : find(record, p.DATA) + size] = other[begin : find(other, p.DATA) + size]


def cluster_free(v: Patient) -> None:
    v.set_bit(BITMAP, p.DATA, v.clusters(LARGE)[3], value=False)


def cluster_lost(v: Patient) -> None:
    at = v.value_place(BITMAP, p.DATA)
    free = next(bit for bit in range(1000) if not v.data[at + bit // 8] >> bit % 8 & 1)
    v.set_bit(BITMAP, p.DATA, free, value=True)


def bitmap_small(v: Patient) -> None:
    with v.record(BITMAP) as record:
        put(record, find(record, p.DATA) + 48, "QQ", 8, 8)


def bitmap_end(v: Patient) -> None:
    v.set_bit(BITMAP, p.DATA, len(v.data) // CLUSTER - 1, value=False)


DAMAGE: list[tuple[Callable[[Patient], None], K]] = [
    (boot, K.BOOT), (boot_copy, K.BOOT_COPY), (mft, K.MFT), (mirror, K.MIRROR),
    (no_volume_information, K.SYSTEM_FILE), (upcase, K.UPCASE), (attribute_table, K.ATTRIBUTE_TABLE),
    (no_bad_clusters, K.BAD_CLUSTERS), (version, K.VERSION), (dirty, K.DIRTY),
    (magic, K.RECORD_MAGIC), (fixup_count, K.RECORD_FIXUPS), (torn, K.RECORD_TORN),
    (allocated_bytes, K.RECORD_HEADER), (bytes_in_use, K.RECORD_HEADER), (other_number, K.RECORD_NUMBER),
    (sequence_0, K.RECORD_SEQUENCE), (next_instance, K.RECORD_INSTANCE), (record_free, K.RECORD_FREE),
    (record_lost, K.RECORD_LOST), (extension_of_nobody, K.EXTENSION_LOST),
    (extension_without_anything, K.EXTENSION_EMPTY),
    (attribute_length, K.ATTRIBUTE_LENGTH), (attribute_type, K.ATTRIBUTE_TYPE), (attribute_name, K.ATTRIBUTE_NAME),
    (attributes_swapped, K.ATTRIBUTE_ORDER), (attribute_twice, K.ATTRIBUTE_TWICE),
    (instance_twice, K.ATTRIBUTE_INSTANCE), (value_too_long, K.ATTRIBUTE_VALUE), (value_too_short, K.ATTRIBUTE_SIZE),
    (root_in_clusters, K.ATTRIBUTE_PLACE), (name_not_indexed, K.ATTRIBUTE_INDEXED),
    (attribute_flags, K.ATTRIBUTE_FLAGS), (record_flags, K.RECORD_HEADER),
    (endless_runs, K.RUNS_DAMAGED), (cluster_too_many, K.RUNS_COUNT), (run_outside, K.RUNS_OUTSIDE),
    (hole, K.RUNS_HOLE), (initialized_beyond, K.SIZES), (allocated_too_little, K.SIZES), (stored_too_little, K.SIZES),
    (unit, K.COMPRESSION),
    (list_entry_length, K.LIST), (list_swapped, K.LIST_ORDER), (list_names_nothing, K.LIST_MISSING),
    (list_lacks_one, K.LIST_UNLISTED), (list_of_another, K.LIST_BASE), (list_with_gap, K.LIST_GAP),
    (no_standard, K.FILE_STANDARD), (no_name, K.FILE_NAMELESS), (no_data, K.FILE_DATA),
    (file_as_folder, K.FILE_DIRECTORY), (folder_as_file, K.FILE_DIRECTORY), (reparse_flag, K.FILE_REPARSE),
    (reparse_length, K.REPARSE_LENGTH), (half_of_attributes, K.EXTENDED_ATTRIBUTES), (link_count, K.LINK_COUNT),
    (name_length, K.NAME_DAMAGED), (name_twice, K.NAME_TWICE), (dos_name_alone, K.NAME_DOS),
    (dos_name_of_no_form, K.NAME_CHARACTERS), (parent_not_there, K.NAME_PARENT), (not_in_folder, K.NAME_LOST),
    (twins, K.NAME_TWINS), (folder_in_itself, K.DIRECTORY_LOOP),
    (collation, K.INDEX_ROOT), (root_header, K.INDEX_ROOT), (root_small, K.INDEX_ROOT),
    (block_size, K.INDEX_ROOT),
    (no_index_bitmap, K.INDEX_PARTS), (block_magic, K.INDEX_BLOCK), (block_number, K.INDEX_BLOCK),
    (block_torn, K.INDEX_BLOCK), (entry_length, K.INDEX_ENTRY), (half_of_children, K.INDEX_ENTRY),
    (key_length, K.INDEX_KEY), (child_beyond, K.INDEX_CHILD), (swapped, K.INDEX_ORDER), (uneven, K.INDEX_DEPTH),
    (empty_block, K.INDEX_EMPTY), (block_free, K.INDEX_FREE), (block_lost, K.INDEX_LOST),
    (entry_of_nothing, K.ENTRY_STALE), (entry_of_former_file, K.ENTRY_STALE), (entry_with_other_name, K.ENTRY_NAME),
    (entry_of_other_folder, K.ENTRY_PARENT), (entry_as_folder, K.ENTRY_KIND), (entry_size, K.ENTRY_SIZE),
    (secure_offset, K.SECURE), (secure_hash, K.SECURE_HASH), (secure_copy, K.SECURE_COPY),
    (secure_index, K.SECURE_INDEX), (secure_number, K.SECURE_ID), (secure_form, K.SECURE_FORM),
    (secure_acl, K.SECURE_FORM), (own_descriptor, K.SECURE_FORM),
    (secure_unknown, K.SECURE_UNKNOWN), (object_id, K.OBJECT_IDS), (reparse_tag, K.REPARSE_POINTS),
    (shared, K.CLUSTERS_SHARED), (cluster_free, K.CLUSTERS_FREE), (cluster_lost, K.CLUSTERS_LOST),
    (bitmap_small, K.BITMAP_SIZE), (bitmap_end, K.BITMAP_END),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "kind"), DAMAGE, ids=[damage.__name__ for damage, _ in DAMAGE])
def test_each_rule_is_found_broken_alone(healthy: Patient, damage: Callable[[Patient], None], kind: K) -> None:
    patient = healthy.copy()
    damage(patient)
    report = checked(patient)
    assert set(report.counts) == {kind}, [(each.kind.code, each.text, each.place) for each in report.faults]
    assert report.faults[0].text


def test_every_kind_of_fault_is_planted_by_some_test() -> None:
    # Those that are left have tests of their own, below and beside the hostile volumes.
    assert {kind for _, kind in DAMAGE} | {K.NAME_STALE, K.RECORD_UNWRITTEN, K.TOO_MUCH} == set(K)


def test_a_tree_that_is_written_anew_is_sound(healthy: Patient) -> None:
    patient = healthy.copy()
    sound_tree(patient)
    assert checked(patient).counts == {}
