/*
 * $Secure of a new volume: each descriptor once, found by its hash ($SDH) and by its number ($SII).
 *
 * $SDS holds the descriptors, each behind a head of 20 bytes, at multiples of 16.  Blocks of 256 KiB are followed by a copy
 * of them, and no descriptor crosses the end of one.  Those that the volume has stay as they are.
 *
 * Sources: the Linux-NTFS project's documentation of NTFS, "$Secure"; [MS-DTYP] 2.4 (descriptors, access lists, SIDs);
 * libntfs-3g (security.c) for the descriptor of files that have none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"

enum {
	HEAD = 20,			/* SECURITY_DESCRIPTOR_HEADER */
	ALIGNMENT = 16,
	BLOCK = 256 << 10,
	LARGEST_KEPT = 64 << 20,	/* of what is there; all of it may be of a fill that was stopped */
	FIRST_ID = 0x100,
	HASH_ENTRY = 0x30,
	ID_ENTRY = 0x28,
	DATA_AT = 24,			/* behind the head of an entry and a key of eight bytes */
};

/* "Everyone" may do all, as libntfs-3g gives it to files that have none. */
static const uint8_t usual[] = {
	1, 0, 4, 0x80, 20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0,
	1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0,
	1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0,
	2, 0, 28, 0, 1, 0, 0, 0, 0, 3, 20, 0, 0xFF, 1, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
};

/* ---- is it one? */

static int
is_sid(const uint8_t *bytes, size_t size)
{
	return size >= 8 && bytes[0] == 1 && bytes[1] <= 15 && size >= 8 + 4 * (size_t)bytes[1];
}

static int
is_access_list(const uint8_t *bytes, size_t size)
{
	size_t length, at = 8;
	unsigned count;

	if (size < 8 || (bytes[0] != 2 && bytes[0] != 4))
		return 0;
	length = get16(bytes + 2);
	count = get16(bytes + 4);
	if (length < 8 || length > size)
		return 0;
	for (; count > 0; count--) {
		size_t entry;

		if (length - at < 4)
			return 0;
		entry = get16(bytes + at + 2);
		if (entry < 4 || entry % 4 != 0 || entry > length - at)
			return 0;
		/* What allows, denies and audits without objects: a mask and a SID. */
		if (bytes[at] <= 3 && (entry < 8 || !is_sid(bytes + at + 8, entry - 8)))
			return 0;
		at += entry;
	}
	return 1;
}

/* Whether bytes are a descriptor: one that is all in one piece, with all parts in it and well-formed. */
int
osd_descriptor_is_sound(const uint8_t *bytes, size_t size)
{
	uint16_t control;

	if (size < 20 || size > BLOCK - HEAD || bytes[0] != 1)
		return 0;
	control = get16(bytes + 2);
	if ((control & 0x8000) == 0)
		return 0;
	for (unsigned part = 0; part < 4; part++) {
		uint32_t at = get32(bytes + 4 + 4 * part);
		/* Of the lists, the control tells whether they are there. */
		int is_there = part < 2 || (control & (part == 2 ? 0x10 : 0x04)) != 0;

		if (at == 0 || !is_there)
			continue;
		if (at < 20 || at > size || at % 4 != 0)
			return 0;
		if (part < 2 ? !is_sid(bytes + at, size - at) : !is_access_list(bytes + at, size - at))
			return 0;
	}
	return 1;
}

uint32_t
osd_descriptor_hash(const uint8_t *bytes, size_t size)
{
	uint32_t hash = 0;

	for (size_t i = 0; i + 4 <= size; i += 4)
		hash = get32(bytes + i) + (hash << 3 | hash >> 29);
	return hash;
}

/* ---- $SDS */

/* Add a descriptor and its copy, and its entries in both indexes.  0 or an errno. */
static int
add_descriptor(struct osd_bulk *bulk, const uint8_t *bytes, size_t size, uint32_t id)
{
	uint64_t at = round_up(bulk->secure_size, ALIGNMENT), length = HEAD + size, block;
	uint8_t *head, *entry;

	if (at % BLOCK + length > BLOCK)
		at = at / (2 * BLOCK) * (2 * BLOCK) + 2 * BLOCK;
	block = at / (2 * BLOCK) * (2 * BLOCK);
	if (block + 2 * BLOCK > bulk->secure_room) {
		uint8_t *grown = realloc(bulk->secure, block + 2 * BLOCK);

		if (grown == NULL)
			return ENOMEM;
		memset(grown + bulk->secure_room, 0, block + 2 * BLOCK - bulk->secure_room);
		bulk->secure = grown;
		bulk->secure_room = block + 2 * BLOCK;
	}
	head = bulk->secure + at;
	put32(head, osd_descriptor_hash(bytes, size));
	put32(head + 4, id);
	put64(head + 8, at);
	put32(head + 16, (uint32_t)length);
	memcpy(head + HEAD, bytes, size);
	memcpy(head + BLOCK, head, length);
	bulk->secure_size = at + length;

	entry = bulk->views[OSD_VIEW_HASHES].entries + bulk->views[OSD_VIEW_HASHES].count++ * HASH_ENTRY;
	put16(entry, DATA_AT);
	put16(entry + 2, HEAD);
	put16(entry + 8, HASH_ENTRY);
	put16(entry + 10, 8);
	memcpy(entry + 16, head, 8);
	memcpy(entry + DATA_AT, head, HEAD);
	memcpy(entry + DATA_AT + HEAD, "I\0I", 4);
	entry = bulk->views[OSD_VIEW_IDS].entries + bulk->views[OSD_VIEW_IDS].count++ * ID_ENTRY;
	put16(entry, DATA_AT - 4);
	put16(entry + 2, HEAD);
	put16(entry + 8, ID_ENTRY);
	put16(entry + 10, 4);
	memcpy(entry + 16, head + 4, 4);
	memcpy(entry + DATA_AT - 4, head, HEAD);
	return 0;
}

/* Go to the descriptor at a place of what a volume has, which must be sound; return its length, or 0 at the end. */
static uint32_t
length_at(const uint8_t *bytes, uint64_t size, uint64_t at)
{
	uint32_t length;

	if (at + HEAD > size || at + HEAD > BLOCK || get64(bytes + at + 8) != at)
		return 0;
	length = get32(bytes + at + 16);
	return length > HEAD && length <= size - at && length <= BLOCK - at ? length : 0;
}

static int
make_view(struct osd_view *view, const char *name, enum osd_collation collation, size_t entry_size, uint32_t key_size,
	  size_t most)
{
	*view = (struct osd_view){
		.file = OSD_FILE_SECURE,
		.name = name,
		.collation = collation,
		.entry_size = entry_size,
		.key_size = key_size,
		.is_written = 1,
		.entries = calloc(most + 1, entry_size),
	};
	return view->entries == NULL ? ENOMEM : 0;
}

/* Read what the volume has, and add it.  0 or an errno; next is the id behind them. */
static int
keep_descriptors(struct osd_bulk *bulk, const uint8_t *bytes, uint64_t size, uint32_t *next)
{
	uint32_t length;
	int error = 0;

	for (uint64_t at = 0; error == 0 && (length = length_at(bytes, size, at)) > 0; at = round_up(at + length, ALIGNMENT)) {
		uint32_t id = get32(bytes + at + 4);

		if (id < *next)
			return EBADMSG;
		*next = id + 1;
		error = add_descriptor(bulk, bytes + at + HEAD, length - HEAD, id);
	}
	return error;
}

static int
read_descriptors(struct osd_bulk *bulk, uint8_t **bytes, uint64_t *size)
{
	const uint8_t *record = osd_fresh_record(&bulk->fresh, OSD_FILE_SECURE);
	const uint8_t *data = osd_record_find(record, OSD_DATA, "$SDS");
	struct osd_extents runs = { 0 };
	int error = osd_attribute_runs(data, bulk->fresh.clusters, &runs);

	if (error == 0 && get64(data + 48) > LARGEST_KEPT)
		error = EBADMSG;
	if (error == 0) {
		*size = get64(data + 48);
		*bytes = malloc(*size + 1);
		error = *bytes == NULL ? ENOMEM : osd_extents_read(&bulk->fresh, &runs, *bytes, *size, 0);
	}
	osd_extents_release(&runs);
	return error;
}

/* Give every descriptor of the image a number, and make $SDS and its indexes in memory.  0 (see the reason) or an errno. */
int
osd_secure_plan(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	uint32_t next = FIRST_ID;
	uint64_t size = 0;
	uint8_t *bytes = NULL;
	int error = read_descriptors(bulk, &bytes, &size);
	size_t most = tree->descriptor_count + size / (HEAD + 20) + 1;

	if (error == 0)
		error = make_view(&bulk->views[OSD_VIEW_HASHES], "$SDH", OSD_COLLATE_SECURITY_HASH, HASH_ENTRY, 8, most);
	if (error == 0)
		error = make_view(&bulk->views[OSD_VIEW_IDS], "$SII", OSD_COLLATE_NUMBER, ID_ENTRY, 4, most);
	if (error == 0)
		error = keep_descriptors(bulk, bytes, size, &next);
	free(bytes);
	bulk->security_ids = calloc(tree->descriptor_count + 1, sizeof(*bulk->security_ids));
	if (error == 0 && bulk->security_ids == NULL)
		error = ENOMEM;
	if (error == 0) {
		bulk->usual_id = next++;
		error = add_descriptor(bulk, usual, sizeof(usual), bulk->usual_id);
	}
	for (uint32_t i = 0; error == 0 && i < tree->descriptor_count; i++) {
		bulk->security_ids[i] = next++;
		error = add_descriptor(bulk, tree->bytes + tree->descriptors[i].at, tree->descriptors[i].size,
				       bulk->security_ids[i]);
	}
	/* It ends with the last copy. */
	if (error == 0)
		bulk->secure_size += BLOCK;
	return error;
}
