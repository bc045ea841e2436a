/*
 * What libwim does not tell of a tree: extended attributes, contents beside the data of a reparse point, and what tells who
 * wrote it.
 *
 * All are in the tree as it is stored (DIRENTRY, STREAMENTRY; "Windows Imaging File Format (WIM)", Microsoft 2007, and
 * wimlib's dentry.c and tagged_items.h for what stands behind the names).  libwim has loaded the tree before, so it is not
 * looked for damage here, but nothing of it is believed: what leaves the tree ends the list that it is in.
 */
#include "engine/stored.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bytes.h"
#include "engine/directory.h"
#include "wim/blob_table.h"

/* DIRENTRY */
enum {
	ATTRIBUTES_AT = 8,
	CHILDREN_AT = 16,
	HASH_AT = 64,
	TAG_AT = 88,
	RESERVED_AT = 92,		/* dwReparseReserved, of which the lower half is stored on NTFS */
	FLAGS_AT = 94,			/* and the upper half of it are flags of the WIM */
	STREAMS_AT = 96,
	SHORT_NAME_AT = 98,
	NAME_AT = 100,
	ENTRY_BYTES = 102,
};
/* STREAMENTRY */
enum {
	STREAM_HASH_AT = 16,
	STREAM_NAME_AT = 36,
	STREAM_BYTES = 38,
};
#define IS_FOLDER 0x10
#define IS_REPARSE 0x400
#define IS_ENCRYPTED 0x4000
/* A link whose target does not depend on where the image is (wimlib, inode.h: WIM_RP_FLAG_NOT_FIXED). */
#define IS_NOT_FIXED 1
#define HASH_BYTES 20
/* Tags of what stands behind the names: extended attributes since libwim 1.13 and Windows 10, and before. */
#define TAG_EXTENDED 0x00000002
#define TAG_EXTENDED_BEFORE 0x337DD874

/* The blobs of the links of a tree, and what is found of them. */
struct links {
	const struct osd_tree *tree;
	struct osd_map map;		/* of their hashes */
	uint8_t *found;
};

struct scan {
	const uint8_t *tree;
	size_t size;
	size_t *lists;			/* where lists of entries begin that are still to be looked at */
	size_t count, capacity, total;
	struct osd_stored *found;
	struct links *links;		/* or NULL */
	struct osd_map groups;		/* of files with several names whose extended attributes are counted */
};

static int
has_hash(const uint8_t *at)
{
	static const uint8_t zeros[HASH_BYTES];

	return memcmp(at, zeros, HASH_BYTES) != 0;
}

static int
add_list(struct scan *scan, uint64_t at)
{
	/* A tree has no more directories than it has room for; one that has is no tree. */
	if (at == 0 || at >= scan->size || scan->total > scan->size / ENTRY_BYTES)
		return 0;
	if (scan->count == scan->capacity) {
		size_t capacity = scan->capacity > 0 ? scan->capacity * 2 : 1024;
		size_t *grown = reallocarray(scan->lists, capacity, sizeof(*grown));

		if (grown == NULL)
			return ENOMEM;
		scan->lists = grown;
		scan->capacity = capacity;
	}
	scan->lists[scan->count++] = (size_t)at;
	scan->total++;
	return 0;
}

/* Whether extended attributes are among what stands behind the names of an entry. */
static int
has_extended(const uint8_t *entry, size_t length)
{
	size_t short_size = get16(entry + SHORT_NAME_AT), name_size = get16(entry + NAME_AT);
	size_t at = ENTRY_BYTES + (name_size > 0 ? name_size + 2 : 0) + (short_size > 0 ? short_size + 2 : 0);

	for (at = round_up(at, 8); at + 8 <= length;) {
		uint32_t tag = get32(entry + at), size = get32(entry + at + 4);

		if (size > length - at - 8)
			return 0;
		if (tag == TAG_EXTENDED || tag == TAG_EXTENDED_BEFORE)
			return size > 0;
		at += 8 + round_up(size, 8);
	}
	return 0;
}

/*
 * Go over the streams of an entry; count those without a name, the last of which has the hash then, and return where the
 * next entry begins, or 0.
 */
static size_t
pass_streams(const struct scan *scan, size_t at, unsigned streams, unsigned *unnamed, const uint8_t **hash)
{
	for (; streams > 0; streams--) {
		uint64_t length;

		if (at > scan->size || scan->size - at < STREAM_BYTES)
			return 0;
		length = get64(scan->tree + at);
		if (length < STREAM_BYTES || length > scan->size - at)
			return 0;
		if (get16(scan->tree + at + STREAM_NAME_AT) == 0 && has_hash(scan->tree + at + STREAM_HASH_AT)) {
			++*unnamed;
			*hash = scan->tree + at + STREAM_HASH_AT;
		}
		at += round_up(length, 8);
	}
	return at;
}

/* Note whether a link is fixed; one whose data are in no blob of the tree is none of it. */
static void
note_link(struct links *links, const uint8_t *entry, const uint8_t *hash)
{
	uint32_t tag = get32(entry + TAG_AT);
	size_t slot;

	if (tag != OSD_TAG_SYMLINK && tag != OSD_TAG_MOUNT_POINT)
		return;
	for (uint32_t blob = osd_map_first(&links->map, osd_map_hash(&links->map, hash, HASH_BYTES), &slot);
	     blob != OSD_MAP_NONE;
	     blob = osd_map_next(&links->map, osd_map_hash(&links->map, hash, HASH_BYTES), &slot))
		if (memcmp(links->tree->blobs[blob].sha1, hash, HASH_BYTES) == 0)
			links->found[blob] |= get16(entry + FLAGS_AT) & IS_NOT_FIXED ? OSD_LINK_NOT_FIXED : OSD_LINK_FIXED;
}

/* Count a file with extended attributes, by the first of its names.  0 or ENOMEM. */
static int
count_extended(struct scan *scan, const uint8_t *entry, uint32_t attributes)
{
	uint64_t group = get64(entry + TAG_AT), hash;
	size_t slot;

	if (attributes & (IS_FOLDER | IS_REPARSE) || group == 0) {
		scan->found->extended++;
		return 0;
	}
	hash = osd_map_hash(&scan->groups, &group, sizeof(group));
	/* 64 bits of hash are as good as the number of the group. */
	if (osd_map_first(&scan->groups, hash, &slot) != OSD_MAP_NONE)
		return 0;
	scan->found->extended++;
	return osd_map_add(&scan->groups, hash, 0);
}

/* Look at an entry; return where the next one begins, or 0 at the end of the list. */
static size_t
scan_entry(struct scan *scan, size_t at, int *error)
{
	const uint8_t *entry = scan->tree + at, *hash = entry + HASH_AT;
	uint32_t attributes;
	uint64_t length;
	unsigned unnamed;
	size_t next;

	if (at > scan->size || scan->size - at < ENTRY_BYTES)
		return 0;
	length = get64(entry);
	if (length < ENTRY_BYTES || length > scan->size - at)
		return 0;
	attributes = get32(entry + ATTRIBUTES_AT);
	unnamed = has_hash(entry + HASH_AT) != 0;
	next = pass_streams(scan, at + round_up(length, 8), get16(entry + STREAMS_AT), &unnamed, &hash);
	if (has_extended(entry, length))
		*error = count_extended(scan, entry, attributes);
	if (attributes & IS_REPARSE && (unnamed > 1 || get16(entry + RESERVED_AT) != 0))
		scan->found->beside++;
	if ((attributes & (IS_FOLDER | IS_ENCRYPTED)) == IS_FOLDER && get16(entry + STREAMS_AT) > 0)
		scan->found->marked++;
	else if (attributes & IS_REPARSE && !(get16(entry + FLAGS_AT) & IS_NOT_FIXED))
		scan->found->marked++;
	if (attributes & IS_REPARSE && scan->links != NULL)
		note_link(scan->links, entry, hash);
	if (*error == 0 && attributes & IS_FOLDER)
		*error = add_list(scan, get64(entry + CHILDREN_AT));
	return next;
}

/* Look at all entries of a tree.  0 or ENOMEM. */
static int
scan_all(struct scan *scan)
{
	int error = 0;

	if (scan->size < 8)
		return 0;
	/* The root stands alone, behind the descriptors. */
	scan_entry(scan, round_up(get32(scan->tree) > 8 ? get32(scan->tree) : 8, 8), &error);
	while (error == 0 && scan->count > 0) {
		size_t at = scan->lists[--scan->count];

		while (error == 0 && at != 0)
			at = scan_entry(scan, at, &error);
	}
	free(scan->lists);
	osd_map_release(&scan->groups);
	return error;
}

/* Count in a tree, as it is stored, what libwim does not tell of it.  0 or ENOMEM. */
int
osd_stored_scan(const uint8_t *tree, size_t size, struct osd_stored *found)
{
	struct scan scan = { .tree = tree, .size = size, .found = found };

	memset(found, 0, sizeof(*found));
	return scan_all(&scan);
}

/*
 * Find which links of a tree are fixed: of each blob that has the data of any, OSD_LINK_FIXED, OSD_LINK_NOT_FIXED or both
 * is set in links, which has a byte for each blob.  0, or ENOMEM or EOVERFLOW.
 */
int
osd_stored_links(const uint8_t *stored, size_t size, const struct osd_tree *tree, uint8_t *links)
{
	struct osd_stored found = { 0 };
	struct links known = { .tree = tree, .found = links };
	struct scan scan = { .tree = stored, .size = size, .found = &found, .links = &known };
	uint8_t *is_added = calloc((size_t)tree->blob_count + 1, 1);
	int error = is_added == NULL ? ENOMEM : 0;

	for (uint32_t i = 0; error == 0 && i < tree->inode_count; i++) {
		const struct osd_tree_inode *inode = &tree->inodes[i];
		uint32_t blob = inode->stream_count == 0 ? OSD_NONE : tree->streams[inode->first_stream].blob;

		if (!osd_is_link(inode) || blob >= tree->blob_count || is_added[blob])
			continue;
		is_added[blob] = 1;
		error = osd_map_add(&known.map, osd_map_hash(&known.map, tree->blobs[blob].sha1, HASH_BYTES), blob);
	}
	free(is_added);
	if (error == 0)
		error = scan_all(&scan);
	osd_map_release(&known.map);
	return error;
}
