/*
 * Copying contents from WIM to WIM as they are stored: which entries of a blob table are wanted, and where they go.
 *
 * A file of 60,000 blobs is a copy of a few ranges and a new table, a matter of milliseconds; one object and some calls
 * of Python for each entry would take longer than the copy.  Here are only numbers: nothing is read and nothing written.
 *
 * Format: "Windows Imaging File Format (WIM)", Microsoft 2007 (RESHDR_DISK, DIRENTRY, STREAMENTRY), and for solid
 * resources wimlib's blob_table.c: their entries come first, each with a size of 2^32, and those of the blobs in them
 * follow, whose offsets count from the begin of the first.
 *
 * Everything comes from a file that nobody vouches for.
 */
#define _GNU_SOURCE
#include "wim/raw_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

#define ENTRY_BYTES 50
#define HEADER_BYTES 208
#define HASH_BYTES 20
#define SOLID_RESOURCE_SIZE (UINT64_C(1) << 32)
#define NOWHERE UINT32_MAX

enum { FLAG_METADATA = 0x02, FLAG_COMPRESSED = 0x04, FLAG_SOLID = 0x10 };
enum kind { KIND_PLAIN, KIND_TREE, KIND_SOLID, KIND_IN_SOLID };

struct entry {
	const uint8_t *stored;		/* in the table */
	uint64_t offset;
	uint64_t size;			/* in the file */
	uint64_t to;
	uint32_t references;
	uint32_t run;			/* of solid resources, by the number of its first entry */
	uint32_t part;
	uint8_t kind;
	uint8_t is_wanted;
};

struct osd_raw {
	struct entry *entries;
	size_t count;
	uint32_t *slots;		/* by hash: numbers of entries */
	size_t slot_count;		/* a power of two */
	uint32_t *order;		/* what lies in the file by itself and is wanted, by place */
	size_t ordered;
	uint32_t parts;
	const uint8_t *culprit;
};

static uint64_t
get(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | at[bytes];
	return value;
}

static void
put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++, value >>= 8)
		at[i] = (uint8_t)value;
}

/* ---- the table */

static size_t
slot_of(const struct osd_raw *raw, const uint8_t *sha1)
{
	size_t slot = (size_t)get(sha1, 8) & (raw->slot_count - 1);

	while (raw->slots[slot] != NOWHERE && memcmp(raw->entries[raw->slots[slot]].stored + 30, sha1, HASH_BYTES) != 0)
		slot = (slot + 1) & (raw->slot_count - 1);
	return slot;
}

/* Tell what an entry is; run is that of the entry before, and becomes its own.  -1: it is none that is copied as it is. */
static int
classify(struct osd_raw *raw, size_t number, uint32_t *run)
{
	struct entry *entry = &raw->entries[number];
	unsigned flags = entry->stored[7];
	uint64_t size = get(entry->stored + 16, 8);

	if ((flags & ~(unsigned)(FLAG_METADATA | FLAG_COMPRESSED | FLAG_SOLID)) != 0 || get(entry->stored + 24, 2) != 1)
		return -1;
	if ((flags & FLAG_SOLID) == 0) {
		entry->kind = flags & FLAG_METADATA ? KIND_TREE : KIND_PLAIN;
		*run = NOWHERE;
		return 0;
	}
	if (size == SOLID_RESOURCE_SIZE) {
		if (*run == NOWHERE || raw->entries[number - 1].kind != KIND_SOLID)
			*run = (uint32_t)number;
		entry->kind = KIND_SOLID;
	} else {
		if (*run == NOWHERE || (flags & FLAG_METADATA) != 0)
			return -1;
		entry->kind = KIND_IN_SOLID;
	}
	entry->run = *run;
	return 0;
}

/*
 * Make the plan of a table of so many entries of 50 bytes, which stays the caller's and must stay.  Returns NULL with
 * errno: ENOTSUP when there are entries that cannot be copied as they are, ENOMEM.
 */
struct osd_raw *
osd_raw_new(const uint8_t *table, size_t count)
{
	struct osd_raw *raw = calloc(1, sizeof(*raw));
	uint32_t run = NOWHERE;

	if (raw == NULL)
		return NULL;
	for (raw->slot_count = 16; raw->slot_count < count * 2; raw->slot_count *= 2)
		;
	raw->count = count;
	raw->entries = calloc(count + 1, sizeof(*raw->entries));
	raw->slots = malloc(raw->slot_count * sizeof(*raw->slots));
	raw->order = calloc(count + 1, sizeof(*raw->order));
	if (raw->entries == NULL || raw->slots == NULL || raw->order == NULL || count >= NOWHERE) {
		osd_raw_free(raw);
		errno = ENOMEM;
		return NULL;
	}
	memset(raw->slots, 0xFF, raw->slot_count * sizeof(*raw->slots));
	for (size_t i = 0; i < count; i++) {
		struct entry *entry = &raw->entries[i];

		entry->stored = table + i * ENTRY_BYTES;
		entry->size = get(entry->stored, 7);
		entry->offset = get(entry->stored + 8, 8);
		entry->run = NOWHERE;
		if (classify(raw, i, &run) != 0) {
			osd_raw_free(raw);
			errno = ENOTSUP;
			return NULL;
		}
		if (entry->kind == KIND_PLAIN || entry->kind == KIND_IN_SOLID) {
			size_t slot = slot_of(raw, entry->stored + 30);

			/* Of two with one hash the first counts, as with libwim. */
			if (raw->slots[slot] == NOWHERE)
				raw->slots[slot] = (uint32_t)i;
		}
	}
	return raw;
}

/* Free a plan; NULL is fine. */
void
osd_raw_free(struct osd_raw *raw)
{
	if (raw == NULL)
		return;
	free(raw->entries);
	free(raw->slots);
	free(raw->order);
	free(raw);
}

/* Put the numbers of the entries of trees into an array, in the order of the images; return how many there are. */
size_t
osd_raw_trees(const struct osd_raw *raw, uint32_t *numbers, size_t most)
{
	size_t found = 0;

	for (size_t i = 0; i < raw->count; i++) {
		if (raw->entries[i].kind != KIND_TREE)
			continue;
		if (found < most)
			numbers[found] = (uint32_t)i;
		found++;
	}
	return found;
}

/*
 * Want what has a hash; with may_miss it may be in another file.  Returns 0, or -1 with ENODATA when it is not in the
 * table.
 */
int
osd_raw_refer(struct osd_raw *raw, const uint8_t *sha1, int may_miss)
{
	static const uint8_t none[HASH_BYTES];
	/* That of nothing; programs that store it store no blob for it. */
	static const uint8_t empty[HASH_BYTES] = { 0xDA, 0x39, 0xA3, 0xEE, 0x5E, 0x6B, 0x4B, 0x0D, 0x32, 0x55,
						   0xBF, 0xEF, 0x95, 0x60, 0x18, 0x90, 0xAF, 0xD8, 0x07, 0x09 };
	uint32_t number;

	if (memcmp(sha1, none, HASH_BYTES) == 0)
		return 0;
	number = raw->slots[slot_of(raw, sha1)];
	if (number == NOWHERE)
		return may_miss || memcmp(sha1, empty, HASH_BYTES) == 0 ? 0 : fail(ENODATA);
	if (raw->entries[number].references < UINT32_MAX)
		raw->entries[number].references++;
	raw->entries[number].is_wanted = 1;
	return 0;
}

/* ---- where it goes */

static int
by_place(const void *left, const void *right, void *context)
{
	const struct entry *entries = context, *a = &entries[*(const uint32_t *)left], *b = &entries[*(const uint32_t *)right];

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Want whole runs of solid resources: their entries, and all that is in them. */
static int
want_runs(struct osd_raw *raw)
{
	for (size_t i = 0; i < raw->count; i++)
		if (raw->entries[i].kind == KIND_IN_SOLID && raw->entries[i].is_wanted)
			raw->entries[raw->entries[i].run].is_wanted = 1;
	for (size_t i = 0; i < raw->count; i++) {
		struct entry *entry = &raw->entries[i];

		if (entry->run == NOWHERE || !raw->entries[entry->run].is_wanted)
			continue;
		if (entry->kind == KIND_IN_SOLID && !entry->is_wanted)
			return fail(ENOTSUP);
		entry->is_wanted = 1;
	}
	return 0;
}

/*
 * Give what is wanted its place in the new file, or in several.  The resources keep their order.
 *
 * limit is how large a part may be, 0 for one of any size; fixed what each part has beside contents and their entries,
 * and first what only the first one has.  Both lie behind the contents, but for the header.  With may_exceed what is
 * larger than a part has one of its own, which is as large as it must be.
 *
 * Returns 0, or -1 with errno: EBADMSG when what is wanted does not lie in the file, ENOTSUP when only some of a solid
 * resource is wanted or a file with any is to have parts, EFBIG when something is larger than a part (osd_raw_culprit
 * tells what).
 */
int
osd_raw_lay_out(struct osd_raw *raw, uint64_t file_size, uint64_t limit, uint64_t fixed, uint64_t first,
		int may_exceed)
{
	uint64_t whole = 0, filled = fixed + first, to = HEADER_BYTES;

	if (want_runs(raw) != 0)
		return -1;
	raw->ordered = 0;
	raw->parts = 1;
	raw->culprit = NULL;
	if (limit != 0 && !may_exceed && (fixed > limit || first > limit - fixed))
		return fail(EFBIG);
	for (size_t i = 0; i < raw->count; i++) {
		struct entry *entry = &raw->entries[i];

		if (!entry->is_wanted || (entry->kind != KIND_PLAIN && entry->kind != KIND_SOLID))
			continue;
		if (limit != 0 && entry->kind == KIND_SOLID)
			return fail(ENOTSUP);
		if (entry->offset < HEADER_BYTES || entry->offset > file_size || entry->size > file_size - entry->offset)
			return fail(EBADMSG);
		whole += entry->size;
		/* Nobody stores two things in one place; who says so could fill a disk with it. */
		if (whole > file_size)
			return fail(EBADMSG);
		raw->order[raw->ordered++] = (uint32_t)i;
	}
	qsort_r(raw->order, raw->ordered, sizeof(*raw->order), by_place, raw->entries);
	for (size_t i = 0; i < raw->ordered; i++) {
		struct entry *entry = &raw->entries[raw->order[i]];
		uint64_t cost = entry->size + ENTRY_BYTES;

		if (limit != 0 && filled != fixed && (filled > limit || cost > limit - filled)) {
			raw->parts++;
			filled = fixed;
			to = HEADER_BYTES;
		}
		if (limit != 0 && !may_exceed && cost > limit - filled) {
			raw->culprit = entry->stored;
			return fail(EFBIG);
		}
		filled += cost;
		entry->part = raw->parts;
		entry->to = to;
		to += entry->size;
	}
	for (size_t i = 0; i < raw->count; i++)
		if (raw->entries[i].kind == KIND_IN_SOLID)
			raw->entries[i].part = 1;
	return 0;
}

/* Return how many parts there are. */
uint32_t
osd_raw_parts(const struct osd_raw *raw)
{
	return raw->parts;
}

/* Return the entry that is too large for a part, after EFBIG; NULL when it is what only the first one has. */
const uint8_t *
osd_raw_culprit(const struct osd_raw *raw)
{
	return raw->culprit;
}

/* Return the number of entries in the table of a part. */
size_t
osd_raw_entries(const struct osd_raw *raw, uint32_t part)
{
	size_t found = 0;

	for (size_t i = 0; i < raw->count; i++)
		found += raw->entries[i].is_wanted && raw->entries[i].part == part;
	return found;
}

/* Write the table of a part. */
void
osd_raw_table(const struct osd_raw *raw, uint32_t part, uint8_t *table)
{
	for (size_t i = 0; i < raw->count; i++) {
		const struct entry *entry = &raw->entries[i];

		if (!entry->is_wanted || entry->part != part)
			continue;
		memcpy(table, entry->stored, ENTRY_BYTES);
		if (entry->kind != KIND_IN_SOLID)
			put(table + 8, entry->to, 8);
		put(table + 24, part, 2);
		if (entry->kind != KIND_SOLID)
			put(table + 26, entry->references, 4);
		table += ENTRY_BYTES;
	}
}

/* Write the ranges that are copied to a part, joined where they touch; there are as many as entries at most. */
size_t
osd_raw_ranges(const struct osd_raw *raw, uint32_t part, struct osd_range *ranges)
{
	size_t count = 0;

	for (size_t i = 0; i < raw->ordered; i++) {
		const struct entry *entry = &raw->entries[raw->order[i]];

		if (entry->part != part)
			continue;
		if (count > 0 && ranges[count - 1].from + ranges[count - 1].size == entry->offset)
			ranges[count - 1].size += entry->size;
		else
			ranges[count++] = (struct osd_range){ .from = entry->offset, .to = entry->to, .size = entry->size };
	}
	return count;
}
