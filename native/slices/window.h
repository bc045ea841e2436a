/* A part of a source, read and written at its own offsets.  See window.c. */
#ifndef OSDIMAGE_SLICE_WINDOW_H
#define OSDIMAGE_SLICE_WINDOW_H

#include <stdint.h>
#include <sys/uio.h>

#include "slices/source.h"

struct osd_slice_counters {
	uint64_t reads;			/* asked of the slice */
	uint64_t read_bytes;
	uint64_t writes;
	uint64_t written_bytes;
	uint64_t hits;			/* pieces of either that found their block in the cache */
	uint64_t misses;
	uint64_t holes;			/* misses that were answered without reading */
	uint64_t file_reads;		/* asked of the source */
	uint64_t file_read_bytes;
	uint64_t file_writes;
	uint64_t file_written_bytes;
	uint64_t syncs;
};

struct osd_window {
	struct osd_source *source;
	int64_t offset;			/* in the source */
	int64_t length;
};

int osd_window_read(const struct osd_window *window, uint8_t *buffer, int64_t size, int64_t offset,
		    struct osd_slice_counters *counters);
int osd_window_write(const struct osd_window *window, struct iovec *pieces, int count, int64_t offset,
		     struct osd_slice_counters *counters);
int osd_window_is_hole(const struct osd_window *window, int64_t offset, int64_t size);

#endif
