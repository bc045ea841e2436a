/*
 * Contents of files that are sparse or compressed: in units, each of which is a hole, stored as it is or compressed, and
 * gets its clusters when that is known.
 *
 * A unit of a compressed file has 16 clusters; it is compressed when it has less, so one that does not become shorter is
 * stored in 16.  A unit of a file that is only sparse is a hole or has all of them: programs that know no better take it
 * for compressed otherwise.  Where clusters are too large for compression, each is a unit.  Units of a piece are prepared
 * one after the other, gathered, and get their clusters together: files that come at once do not lie in each other.
 *
 * The pieces of a large file may begin and end inside of a unit: such a unit waits in memory for the others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/lznt1.h"

/* A unit of which a part has come. */
struct osd_partial {
	struct osd_partial *next;
	uint32_t unit;
	uint32_t come;			/* bytes */
	uint8_t bytes[];
};

/* A unit that was prepared and has no place yet. */
struct osd_waiting {
	struct osd_late *late;
	uint32_t unit;
	uint32_t clusters;
};

/* Prepare what a sparse or compressed stream needs.  0 or ENOMEM; it must be closed. */
int
osd_late_open(struct osd_bulk *bulk, struct osd_late *late)
{
	uint64_t size = bulk->tree->streams[late->stream].size;

	late->unit_size = OSD_UNIT_CLUSTERS * bulk->fresh.cluster_size;
	if (bulk->fresh.cluster_size > OSD_LARGEST_COMPRESSED)
		late->unit_size = bulk->fresh.cluster_size;
	late->unit_count = (uint32_t)(round_up(size, late->unit_size) / late->unit_size);
	late->lcn = calloc(late->unit_count, sizeof(*late->lcn));
	late->stored = calloc(late->unit_count, sizeof(*late->stored));
	return late->lcn == NULL || late->stored == NULL ? ENOMEM : 0;
}

void
osd_late_close(struct osd_late *late)
{
	while (late->partial != NULL) {
		struct osd_partial *next = late->partial->next;

		free(late->partial);
		late->partial = next;
	}
	free(late->lcn);
	free(late->stored);
	late->lcn = NULL;
	late->stored = NULL;
}

static int
is_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* How many bytes of the stream are in a unit. */
static uint32_t
length_of(const struct osd_bulk *bulk, const struct osd_late *late, uint32_t unit)
{
	uint64_t left = bulk->tree->streams[late->stream].size - (uint64_t)unit * late->unit_size;

	return left < late->unit_size ? (uint32_t)left : late->unit_size;
}

/* ---- prepared units, and their place */

/* Choose the places of the units that a worker has gathered, and write them. */
int
osd_late_flush(struct osd_bulk *bulk, struct osd_gather *gather)
{
	uint32_t cluster_size = bulk->fresh.cluster_size;
	const uint8_t *bytes = gather->late_bytes;
	size_t i = 0;
	int error = 0;

	pthread_mutex_lock(&bulk->lock);
	for (i = 0; error == 0 && i < gather->waiting_count; i++) {
		const struct osd_waiting *each = &gather->waiting[i];

		error = osd_space_take_whole(&bulk->space, each->clusters, &each->late->lcn[each->unit]);
		if (error == 0)
			each->late->stored[each->unit] = (uint16_t)each->clusters;
	}
	pthread_mutex_unlock(&bulk->lock);
	/* What lies together is written together. */
	for (i = 0; error == 0 && i < gather->waiting_count;) {
		const struct osd_waiting *each = &gather->waiting[i];
		uint64_t first = each->late->lcn[each->unit], clusters = 0;

		while (i < gather->waiting_count && each->late->lcn[each->unit] == first + clusters) {
			clusters += each->clusters;
			each = &gather->waiting[++i];
		}
		error = osd_area_write(&bulk->fresh.area, bytes, clusters * cluster_size, first * cluster_size);
		bytes += clusters * cluster_size;
	}
	gather->waiting_count = 0;
	gather->late_size = 0;
	return error;
}

/* Make room for one more unit. */
static int
make_room(struct osd_bulk *bulk, struct osd_gather *gather, const struct osd_late *late)
{
	size_t needed = late->unit_size > OSD_GATHERED ? late->unit_size : OSD_GATHERED;
	int error = 0;

	if (gather->waiting_count == gather->waiting_room || gather->late_size + late->unit_size > gather->late_room)
		error = osd_late_flush(bulk, gather);
	if (error == 0 && gather->late_room < needed) {
		free(gather->late_bytes);
		gather->late_bytes = malloc(needed);
		gather->late_room = gather->late_bytes == NULL ? 0 : needed;
	}
	if (error == 0 && gather->waiting == NULL) {
		gather->waiting_room = OSD_GATHERED / OSD_FIXUP_BLOCK;
		gather->waiting = calloc(gather->waiting_room, sizeof(*gather->waiting));
	}
	return error != 0 ? error : gather->late_bytes == NULL || gather->waiting == NULL ? ENOMEM : 0;
}

/* Take all of a unit: prepare what is stored of it. */
static int
take_unit(struct osd_bulk *bulk, struct osd_gather *gather, struct osd_late *late, uint32_t unit, const uint8_t *data)
{
	size_t size = length_of(bulk, late, unit), cluster_size = bulk->fresh.cluster_size, used = 0, room;
	uint8_t *out;
	int error;

	if (is_zero(data, size))
		return 0;
	error = make_room(bulk, gather, late);
	if (error != 0)
		return error;
	out = gather->late_bytes + gather->late_size;
	if (late->flags & OSD_IS_COMPRESSED)
		/* Only what saves a cluster. */
		used = osd_lznt1_compress(data, size, out, late->unit_size - cluster_size);
	if (used > 0) {
		room = round_up(used, cluster_size);
	} else {
		memcpy(out, data, size);
		used = size;
		room = late->unit_size;
	}
	memset(out + used, 0, room - used);
	gather->late_size += room;
	gather->waiting[gather->waiting_count++] =
		(struct osd_waiting){ .late = late, .unit = unit, .clusters = (uint32_t)(room / cluster_size) };
	return 0;
}

/* ---- pieces */

/* Add bytes to a unit of which others are still to come; hand it out when it is whole, and 0 or ENOMEM. */
static int
add_part(struct osd_bulk *bulk, struct osd_late *late, uint32_t unit, size_t at, const uint8_t *data, size_t size,
	 struct osd_partial **whole)
{
	struct osd_partial **link, *partial;
	int error = 0;

	*whole = NULL;
	pthread_mutex_lock(&bulk->lock);
	for (link = &late->partial; *link != NULL && (*link)->unit != unit;)
		link = &(*link)->next;
	partial = *link;
	if (partial == NULL) {
		partial = malloc(sizeof(*partial) + late->unit_size);
		if (partial == NULL) {
			error = ENOMEM;
		} else {
			partial->next = NULL;
			partial->unit = unit;
			partial->come = 0;
			*link = partial;
		}
	}
	if (error == 0) {
		memcpy(partial->bytes + at, data, size);
		partial->come += (uint32_t)size;
		if (partial->come == length_of(bulk, late, unit)) {
			*link = partial->next;
			*whole = partial;
		}
	}
	pthread_mutex_unlock(&bulk->lock);
	return error;
}

/* Take a piece of a sparse or compressed stream.  0 or an errno. */
int
osd_late_piece(struct osd_bulk *bulk, struct osd_gather *gather, struct osd_late *late, uint64_t offset,
	       const uint8_t *data, size_t size)
{
	int error = 0;

	while (error == 0 && size > 0) {
		uint32_t unit = (uint32_t)(offset / late->unit_size);
		size_t at = offset % late->unit_size, length = length_of(bulk, late, unit);
		size_t part = length - at < size ? length - at : size;
		struct osd_partial *whole;

		if (part == length) {
			error = take_unit(bulk, gather, late, unit, data);
		} else {
			error = add_part(bulk, late, unit, at, data, part, &whole);
			if (whole != NULL)
				error = take_unit(bulk, gather, late, unit, whole->bytes);
			free(whole);
		}
		offset += part;
		data += part;
		size -= part;
	}
	return error;
}

/* ---- what came of it */

/* How many clusters a stream takes. */
uint64_t
osd_late_stored(const struct osd_late *late)
{
	uint64_t clusters = 0;

	for (uint32_t i = 0; i < late->unit_count; i++)
		clusters += late->stored[i];
	return clusters;
}

/* Return the runs of a stream, holes too, into an empty list.  0 or ENOMEM. */
int
osd_late_runs(const struct osd_bulk *bulk, const struct osd_late *late, struct osd_extents *runs)
{
	uint64_t unit = late->unit_size / bulk->fresh.cluster_size;
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < late->unit_count; i++) {
		if (late->stored[i] > 0)
			error = osd_extents_add(runs, late->lcn[i], late->stored[i]);
		if (error == 0 && late->stored[i] < unit)
			error = osd_extents_add(runs, OSD_HOLE, unit - late->stored[i]);
	}
	return error;
}
