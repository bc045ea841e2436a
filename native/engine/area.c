/*
 * Reading and writing a volume: all that is read or written goes through here, and nothing outside of it can be.
 */
#include <errno.h>

#include "engine/bytes.h"
#include "engine/fresh.h"
#include "slices/source.h"

static int
is_inside(const struct osd_area *area, uint64_t size, uint64_t at)
{
	return at <= area->length && size <= area->length - at;
}

/* Read a range of the volume.  0, or an errno; EINVAL for what is not in it. */
int
osd_area_read(const struct osd_area *area, void *buffer, uint64_t size, uint64_t at)
{
	if (!is_inside(area, size, at))
		return EINVAL;
	return osd_source_read(area->source, buffer, (int64_t)size, (int64_t)(area->begin + at)) == 0 ? 0 : errno;
}

/* Write a range of the volume.  0, or an errno; EINVAL for what is not in it. */
int
osd_area_write(const struct osd_area *area, const void *buffer, uint64_t size, uint64_t at)
{
	if (!is_inside(area, size, at))
		return EINVAL;
	return osd_source_write(area->source, buffer, (int64_t)size, (int64_t)(area->begin + at)) == 0 ? 0 : errno;
}

/* Wait until all that was written is on the medium. */
int
osd_area_sync(const struct osd_area *area)
{
	return osd_source_sync(area->source) == 0 ? 0 : errno;
}

static int
each_run(const struct osd_fresh *fresh, const struct osd_extents *runs, uint8_t *into, const uint8_t *from, uint64_t size,
	 uint64_t at)
{
	uint64_t begin = 0;

	for (size_t i = 0; i < runs->count && size > 0; i++) {
		uint64_t length = runs->runs[i].length * fresh->cluster_size;

		if (at < begin + length) {
			uint64_t part = begin + length - at < size ? begin + length - at : size;
			uint64_t place = runs->runs[i].lcn * fresh->cluster_size + at - begin;
			int error = runs->runs[i].lcn == OSD_HOLE ? EBADMSG :
				    into != NULL ? osd_area_read(&fresh->area, into, part, place) :
				    osd_area_write(&fresh->area, from, part, place);

			if (error != 0)
				return error;
			if (into != NULL)
				into += part;
			else
				from += part;
			at += part;
			size -= part;
		}
		begin += length;
	}
	return size > 0 ? EBADMSG : 0;
}

/* Read bytes of what lies in runs.  0, or an errno; EBADMSG where they are shorter, or have a hole there. */
int
osd_extents_read(const struct osd_fresh *fresh, const struct osd_extents *runs, void *buffer, uint64_t size, uint64_t at)
{
	return each_run(fresh, runs, buffer, NULL, size, at);
}

/* Write bytes of what lies in runs. */
int
osd_extents_write(const struct osd_fresh *fresh, const struct osd_extents *runs, const void *buffer, uint64_t size,
	       uint64_t at)
{
	return each_run(fresh, runs, NULL, buffer, size, at);
}
