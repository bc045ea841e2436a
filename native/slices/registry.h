/* The slices that are known by a number, and who uses them.  See registry.c. */
#ifndef OSDIMAGE_SLICE_REGISTRY_H
#define OSDIMAGE_SLICE_REGISTRY_H

#include <stdint.h>

#include "slices/window.h"

struct osd_slice {
	struct osd_slice *next;
	int64_t number;
	struct osd_window window;
	uint32_t sector_size;
	int read_only;
	int sync;
	uint64_t cache_size;

	/* Guarded by the registry's lock. */
	int is_registered;
	unsigned readers;
	unsigned writers;		/* 0 or 1 */
	int error;			/* errno of the first write or sync that failed, or 0 */
	int read_error;			/* errno of the first read that failed, or 0 */
	struct osd_slice_counters sums;
};

int64_t osd_slice_register(struct osd_source *source, int64_t offset, int64_t length, uint32_t sector_size,
			   int read_only, int sync, uint64_t cache_size);
int osd_slice_unregister(int64_t number);
int osd_slice_error(int64_t number);
int osd_slice_read_error(int64_t number);
int osd_slice_counters(int64_t number, struct osd_slice_counters *counters);

struct osd_slice *osd_slice_take(int64_t number, int writes);
void osd_slice_release(struct osd_slice *slice, int was_writer, const struct osd_slice_counters *counters);
int osd_slice_stick(struct osd_slice *slice, int number);
int osd_slice_note_read(struct osd_slice *slice, int number);

#endif
