/*
 * Runs of clusters, and the form in which an attribute of NTFS lists its own ("mapping pairs").
 *
 * A pair is a byte with the sizes of two numbers, low nibble first, then the length of the run and the distance of its
 * place from that of the run before, both signed; a hole has no distance.  A byte 0 ends the list.
 * Source: the Linux-NTFS project's documentation of NTFS, "Data Runs".
 */
#include "engine/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Add a run behind the others, as part of the last one where it goes on.  0, or an errno. */
int
osd_extents_add(struct osd_extents *runs, uint64_t lcn, uint64_t length)
{
	struct osd_extent *last = runs->count > 0 ? &runs->runs[runs->count - 1] : NULL;

	if (length == 0)
		return 0;
	runs->clusters += length;
	if (last != NULL && (lcn == OSD_HOLE ? last->lcn == OSD_HOLE :
			     last->lcn != OSD_HOLE && last->lcn + last->length == lcn)) {
		last->length += length;
		return 0;
	}
	if (runs->count == runs->capacity) {
		size_t capacity = runs->capacity > 0 ? runs->capacity * 2 : 4;
		struct osd_extent *grown = reallocarray(runs->runs, capacity, sizeof(*grown));

		if (grown == NULL)
			return ENOMEM;
		runs->runs = grown;
		runs->capacity = capacity;
	}
	runs->runs[runs->count++] = (struct osd_extent){ .lcn = lcn, .length = length };
	return 0;
}

/* Free the runs; the list is empty then. */
void
osd_extents_release(struct osd_extents *runs)
{
	free(runs->runs);
	memset(runs, 0, sizeof(*runs));
}

static int64_t
get_signed(const uint8_t *at, unsigned size)
{
	uint64_t value = size > 0 && at[size - 1] & 0x80 ? UINT64_MAX : 0;

	for (unsigned i = size; i-- > 0;)
		value = value << 8 | at[i];
	return (int64_t)value;
}

/*
 * Read the pairs of an attribute, of which size bytes are there, into an empty list.  0, or EBADMSG where one is cut off,
 * empty or not within so many clusters, or ENOMEM; what was read stays, to be released.
 */
int
osd_extents_decode(struct osd_extents *runs, const uint8_t *pairs, size_t size, uint64_t clusters)
{
	size_t at = 0;
	int64_t lcn = 0;

	while (at < size && pairs[at] != 0) {
		unsigned length_size = pairs[at] & 15, distance_size = pairs[at] >> 4;
		int64_t length, distance;
		int error;

		if (length_size == 0 || length_size > 8 || distance_size > 8 ||
		    size - at < 1 + length_size + distance_size)
			return EBADMSG;
		length = get_signed(pairs + at + 1, length_size);
		distance = get_signed(pairs + at + 1 + length_size, distance_size);
		if (length <= 0 || (uint64_t)length > clusters || (uint64_t)length > clusters - runs->clusters)
			return EBADMSG;
		if (distance_size > 0) {
			/* Unsigned, so that what is too large wraps and is out of the volume. */
			lcn = (int64_t)((uint64_t)lcn + (uint64_t)distance);
			if (lcn < 0 || (uint64_t)lcn > clusters - (uint64_t)length)
				return EBADMSG;
		}
		error = osd_extents_add(runs, distance_size > 0 ? (uint64_t)lcn : OSD_HOLE, (uint64_t)length);
		if (error != 0)
			return error;
		at += 1 + length_size + distance_size;
	}
	return at < size ? 0 : EBADMSG;
}

static unsigned
put_signed(uint8_t *at, int64_t value)
{
	unsigned size = 0;
	int is_negative;

	do {
		at[size] = (uint8_t)value;
		value = value >> 8;
		is_negative = at[size++] >> 7;
	} while (size < 8 && value != (is_negative ? -1 : 0));
	return size;
}

static unsigned
put_pair(uint8_t *at, const struct osd_extent *run, uint64_t *before)
{
	unsigned length_size = put_signed(at + 1, (int64_t)run->length), distance_size = 0;

	if (run->lcn != OSD_HOLE) {
		distance_size = put_signed(at + 1 + length_size, (int64_t)(run->lcn - *before));
		*before = run->lcn;
	}
	at[0] = (uint8_t)(length_size | distance_size << 4);
	return 1 + length_size + distance_size;
}

/*
 * Return how many of the runs can be listed in so much room, and into size what their list takes, with its end.  (A list
 * begins anew in each record: the first place is a distance from 0.)
 */
size_t
osd_extents_fitting(const struct osd_extent *runs, size_t count, size_t room, size_t *size)
{
	uint64_t before = 0;
	uint8_t pair[17];
	size_t used = 1, fitting;

	for (fitting = 0; fitting < count; fitting++) {
		size_t more = put_pair(pair, &runs[fitting], &before);

		if (used + more > room)
			break;
		used += more;
	}
	*size = used;
	return fitting;
}

/* Write the pairs of runs and their end; return their size, that of osd_extents_fitting(). */
size_t
osd_extents_encode(const struct osd_extent *runs, size_t count, uint8_t *pairs)
{
	uint64_t before = 0;
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		used += put_pair(pairs + used, &runs[i], &before);
	pairs[used++] = 0;
	return used;
}
