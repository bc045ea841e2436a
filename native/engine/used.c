/*
 * Which clusters of a new volume are in use: those that the files of the system have, and its bitmap must say the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bytes.h"
#include "engine/fresh.h"
#include "engine/record.h"

/* More pieces of free space are a volume that was used. */
#define MOST_FREE_RUNS 64
#define BITMAP_PIECE 65536

static int
compare_extents(const void *left, const void *right)
{
	const struct osd_extent *a = left, *b = right;

	return a->lcn < b->lcn ? -1 : a->lcn > b->lcn;
}

/* Collect the runs of all files of the system. */
static int
collect_used(const struct osd_fresh *fresh, struct osd_extents *used)
{
	for (uint32_t i = 0; i < fresh->record_count; i++) {
		const uint8_t *record = osd_fresh_record(fresh, i);

		if (!osd_record_is_in_use(record))
			continue;
		for (const uint8_t *each = osd_record_next(record, NULL); each != NULL;
		     each = osd_record_next(record, each)) {
			struct osd_extents runs = { 0 };
			int error = each[8] == 0 ? 0 : osd_attribute_runs(each, fresh->clusters, &runs);

			for (size_t run = 0; error == 0 && run < runs.count; run++)
				if (runs.runs[run].lcn != OSD_HOLE)
					error = osd_extents_add(used, runs.runs[run].lcn, runs.runs[run].length);
			osd_extents_release(&runs);
			if (error != 0)
				return error;
		}
	}
	return 0;
}

/* Find what no file of the system has; no two may have the same.  0, EBADMSG or ENOMEM. */
int
osd_fresh_find_free(struct osd_fresh *fresh)
{
	struct osd_extents used = { 0 };
	uint64_t at = 0;
	int error = collect_used(fresh, &used);

	if (error == 0 && used.count > 0)
		qsort(used.runs, used.count, sizeof(*used.runs), compare_extents);
	for (size_t i = 0; error == 0 && i < used.count; i++) {
		if (used.runs[i].lcn < at)
			error = EBADMSG;
		else
			error = osd_extents_add(&fresh->free, at, used.runs[i].lcn - at);
		at = used.runs[i].lcn + used.runs[i].length;
	}
	if (error == 0)
		error = osd_extents_add(&fresh->free, at, fresh->clusters - at);
	osd_extents_release(&used);
	return error != 0 ? error : fresh->free.count > MOST_FREE_RUNS ? EBADMSG : 0;
}

static int
has_bits(const uint8_t *bits, uint64_t first, uint64_t count, int value)
{
	for (uint64_t bit = first; bit < first + count;) {
		uint64_t left = first + count - bit;

		if (bit % 64 == 0 && left >= 64 && get64(bits + bit / 8) == (value ? UINT64_MAX : 0)) {
			bit += 64;
			continue;
		}
		if ((bits[bit / 8] >> bit % 8 & 1) != value)
			return 0;
		bit++;
	}
	return 1;
}

/* Tell whether all bits of a range of clusters have a value: 1, 0, or -1 with the error set. */
static int
all_bits(const struct osd_fresh *fresh, uint8_t *piece, uint64_t first, uint64_t count, int value, int *error)
{
	while (count > 0) {
		uint64_t shift = first % 64, part = count < 8 * BITMAP_PIECE - shift ? count : 8 * BITMAP_PIECE - shift;

		*error = osd_extents_read(fresh, &fresh->bitmap, piece, (shift + part + 7) / 8, first / 64 * 8);
		if (*error != 0)
			return -1;
		if (!has_bits(piece, shift, part, value))
			return 0;
		first += part;
		count -= part;
	}
	return 1;
}

/*
 * Compare the bitmap with what is in use.  It may call more than that in use only on a volume that is marked dirty: then a
 * fill was stopped in its last steps, and what it had taken is free.  0, EBADMSG, or another errno.
 */
int
osd_fresh_compare_bitmap(struct osd_fresh *fresh)
{
	const uint8_t *data = osd_record_find(osd_fresh_record(fresh, OSD_FILE_BITMAP), OSD_DATA, "");
	uint8_t *piece = malloc(BITMAP_PIECE);
	int error = piece == NULL ? ENOMEM : osd_attribute_runs(data, fresh->clusters, &fresh->bitmap);
	uint64_t at = 0;

	if (error == 0 && get64(data + 48) < (fresh->clusters + 7) / 8)
		error = EBADMSG;
	for (size_t i = 0; error == 0 && i < fresh->free.count; i++) {
		const struct osd_extent *run = &fresh->free.runs[i];

		if (all_bits(fresh, piece, at, run->lcn - at, 1, &error) == 0)
			error = EBADMSG;
		if (error == 0 && all_bits(fresh, piece, run->lcn, run->length, 0, &error) == 0)
			fresh->has_leaks = 1;
		at = run->lcn + run->length;
	}
	if (error == 0 && all_bits(fresh, piece, at, fresh->clusters - at, 1, &error) == 0)
		error = EBADMSG;
	if (error == 0 && fresh->has_leaks && !(fresh->volume_flags & OSD_VOLUME_IS_DIRTY))
		error = EBADMSG;
	free(piece);
	return error;
}
