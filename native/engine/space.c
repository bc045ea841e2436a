/*
 * The clusters of a new volume that are given to files, one behind the other.
 *
 * The MFT grows behind itself, as far as it can in one piece.  Files begin behind the zone that NTFS keeps free for the
 * MFT, an eighth of the volume, so that it goes on in one piece when Windows makes more files; what else is free comes
 * last.  Which clusters were taken needs no list: all of the order up to a point.
 */
#include "engine/space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bytes.h"
#include "engine/fresh.h"

/* The zone is an eighth of the volume, behind the first cluster of the MFT ("fsutil behavior set mftzone 1"). */
#define ZONE_SHARE 8
#define BITMAP_PIECE 65536

/* Add the part of a run that is within a range of clusters. */
static int
add_within(struct osd_extents *runs, const struct osd_extent *run, uint64_t begin, uint64_t end)
{
	uint64_t first = run->lcn > begin ? run->lcn : begin;
	uint64_t last = run->lcn + run->length < end ? run->lcn + run->length : end;

	return first < last ? osd_extents_add(runs, first, last - first) : 0;
}

/* Begin to give the free clusters of a volume.  0 or ENOMEM; it must be closed. */
int
osd_space_open(struct osd_space *space, const struct osd_fresh *fresh)
{
	uint64_t begin = fresh->mft.runs[0].lcn, end = begin + fresh->clusters / ZONE_SHARE;
	int error = 0;

	memset(space, 0, sizeof(*space));
	for (size_t i = 0; error == 0 && i < fresh->free.count; i++)
		error = add_within(&space->mft, &fresh->free.runs[i], begin, end);
	for (size_t i = 0; error == 0 && i < fresh->free.count; i++)
		error = add_within(&space->order, &fresh->free.runs[i], end, UINT64_MAX);
	for (size_t i = 0; error == 0 && i < fresh->free.count; i++)
		error = add_within(&space->order, &fresh->free.runs[i], 0, begin);
	for (size_t i = 0; error == 0 && i < space->mft.count; i++)
		error = osd_extents_add(&space->order, space->mft.runs[i].lcn, space->mft.runs[i].length);
	space->left = space->order.clusters;
	return error;
}

void
osd_space_close(struct osd_space *space)
{
	osd_extents_release(&space->mft);
	osd_extents_release(&space->order);
	osd_extents_release(&space->released);
	memset(space, 0, sizeof(*space));
}

/* Take clusters for the MFT, before any others.  0, ENOSPC or ENOMEM. */
int
osd_space_take_for_mft(struct osd_space *space, uint64_t clusters, struct osd_extents *taken)
{
	struct osd_extents rest = { 0 };
	int error = 0;

	if (clusters > space->left)
		return ENOSPC;
	/* From the front of the zone; the zone ends the order. */
	for (size_t i = 0; error == 0 && i < space->mft.count && clusters > 0; i++) {
		struct osd_extent *run = &space->mft.runs[i];
		uint64_t part = run->length < clusters ? run->length : clusters;

		error = osd_extents_add(taken, run->lcn, part);
		clusters -= part;
		space->left -= part;
		run->lcn += part;
		run->length -= part;
	}
	/* The order anew, without what was taken. */
	for (size_t i = 0; error == 0 && i < space->order.count; i++) {
		const struct osd_extent *run = &space->order.runs[i];
		int is_zone = 0;

		for (size_t zone = 0; zone < space->mft.count; zone++) {
			const struct osd_extent *left = &space->mft.runs[zone];

			if (left->lcn + left->length == run->lcn + run->length) {
				is_zone = 1;
				error = osd_extents_add(&rest, left->lcn, left->length);
			}
		}
		if (!is_zone)
			error = osd_extents_add(&rest, run->lcn, run->length);
	}
	osd_extents_release(&space->order);
	space->order = rest;
	return error != 0 || clusters == 0 ? error : osd_space_take(space, clusters, taken);
}

/* Take clusters behind those that were taken last.  0, ENOSPC or ENOMEM. */
int
osd_space_take(struct osd_space *space, uint64_t clusters, struct osd_extents *taken)
{
	if (clusters > space->left)
		return ENOSPC;
	while (clusters > 0) {
		const struct osd_extent *run = &space->order.runs[space->at];
		uint64_t part = run->length - space->used < clusters ? run->length - space->used : clusters;
		int error = osd_extents_add(taken, run->lcn + space->used, part);

		if (error != 0)
			return error;
		space->used += part;
		space->left -= part;
		clusters -= part;
		if (space->used == run->length) {
			space->at++;
			space->used = 0;
		}
	}
	return 0;
}

/*
 * Take clusters in one piece; what is left of a run that is too short for them stays free.  0, ENOSPC or ENOMEM.
 */
int
osd_space_take_whole(struct osd_space *space, uint64_t clusters, uint64_t *lcn)
{
	while (space->at < space->order.count) {
		const struct osd_extent *run = &space->order.runs[space->at];
		uint64_t rest = run->length - space->used;

		if (rest > clusters) {
			*lcn = run->lcn + space->used;
			space->used += clusters;
			space->left -= clusters;
			return 0;
		}
		space->at++;
		space->left -= rest;
		if (rest == clusters) {
			*lcn = run->lcn + space->used;
			space->used = 0;
			return 0;
		}
		if (rest > 0 && osd_extents_add(&space->released, run->lcn + space->used, rest) != 0)
			return ENOMEM;
		space->used = 0;
	}
	return ENOSPC;
}

/* Remember runs that are free again.  They are not given once more: until the commit the old state needs them. */
int
osd_space_release(struct osd_space *space, const struct osd_extents *runs)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < runs->count; i++)
		if (runs->runs[i].lcn != OSD_HOLE)
			error = osd_extents_add(&space->released, runs->runs[i].lcn, runs->runs[i].length);
	return error;
}

/* ---- the bitmap of the volume */

static void
set_bits(uint8_t *bits, uint64_t first, uint64_t count, int value)
{
	for (uint64_t bit = first; bit < first + count;) {
		if (bit % 8 == 0 && first + count - bit >= 8) {
			uint64_t whole = (first + count - bit) / 8;

			memset(bits + bit / 8, value ? 0xFF : 0, whole);
			bit += 8 * whole;
		} else {
			if (value)
				bits[bit / 8] |= (uint8_t)(1 << bit % 8);
			else
				bits[bit / 8] &= (uint8_t)~(1 << bit % 8);
			bit++;
		}
	}
}

static int
set_range(const struct osd_fresh *fresh, uint8_t *piece, uint64_t first, uint64_t count, int value)
{
	while (count > 0) {
		uint64_t at = first / 8, shift = first % 8;
		uint64_t part = count < 8 * BITMAP_PIECE - shift ? count : 8 * BITMAP_PIECE - shift;
		uint64_t size = (shift + part + 7) / 8;
		int error = osd_extents_read(fresh, &fresh->bitmap, piece, size, at);

		if (error != 0)
			return error;
		set_bits(piece, shift, part, value);
		error = osd_extents_write(fresh, &fresh->bitmap, piece, size, at);
		if (error != 0)
			return error;
		first += part;
		count -= part;
	}
	return 0;
}

static int
set_runs(const struct osd_fresh *fresh, uint8_t *piece, const struct osd_extents *runs, int value)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < runs->count; i++)
		error = set_range(fresh, piece, runs->runs[i].lcn, runs->runs[i].length, value);
	return error;
}

/* Write into the bitmap of the volume what was taken, the MFT among it, and what is free again.  0, or an errno. */
int
osd_space_commit(const struct osd_space *space, const struct osd_fresh *fresh, const struct osd_extents *mft)
{
	uint8_t *piece = malloc(BITMAP_PIECE);
	int error = piece == NULL ? ENOMEM : 0;

	/* What an earlier fill had taken. */
	if (error == 0 && fresh->has_leaks)
		error = set_runs(fresh, piece, &fresh->free, 0);
	if (error == 0)
		error = set_runs(fresh, piece, mft, 1);
	for (size_t i = 0; error == 0 && i <= space->at && i < space->order.count; i++)
		error = set_range(fresh, piece, space->order.runs[i].lcn,
				  i < space->at ? space->order.runs[i].length : space->used, 1);
	if (error == 0)
		error = set_runs(fresh, piece, &space->released, 0);
	free(piece);
	return error;
}
