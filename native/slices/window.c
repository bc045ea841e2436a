/*
 * A window of a source: its offsets, and counting what is asked of the source.
 */
#include "slices/window.h"

#include <stddef.h>

/* Read a range.  Returns 0, or -1 with errno. */
int
osd_window_read(const struct osd_window *window, uint8_t *buffer, int64_t size, int64_t offset,
		struct osd_slice_counters *counters)
{
	struct osd_source *source = window->source;

	counters->file_reads++;
	if (source->ops->read(source, buffer, size, window->offset + offset) != 0)
		return -1;
	counters->file_read_bytes += (uint64_t)size;
	return 0;
}

/* Write pieces one after the other; the array is used up.  Returns 0, or -1 with errno. */
int
osd_window_write(const struct osd_window *window, struct iovec *pieces, int count, int64_t offset,
		 struct osd_slice_counters *counters)
{
	struct osd_source *source = window->source;
	uint64_t size = 0;

	for (int i = 0; i < count; i++)
		size += pieces[i].iov_len;
	counters->file_writes++;
	if (source->ops->writev(source, pieces, count, window->offset + offset) != 0)
		return -1;
	counters->file_written_bytes += size;
	return 0;
}

/* Tell whether a range is a hole of the source.  When that cannot be told it counts as data. */
int
osd_window_is_hole(const struct osd_window *window, int64_t offset, int64_t size)
{
	struct osd_source *source = window->source;
	int64_t begin = window->offset + offset, end = begin + size;

	return source->ops->find(source, OSD_FIND_DATA, begin, end) == end;
}
