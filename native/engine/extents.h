/* Runs of clusters, and the form in which an attribute of NTFS lists its own.  See extents.c. */
#ifndef OSDIMAGE_ENGINE_EXTENTS_H
#define OSDIMAGE_ENGINE_EXTENTS_H

#include <stddef.h>
#include <stdint.h>

/* The place of a run that takes no room and reads as zeros. */
#define OSD_HOLE UINT64_MAX

struct osd_extent {
	uint64_t lcn;
	uint64_t length;		/* in clusters, never 0 */
};

struct osd_extents {
	struct osd_extent *runs;
	size_t count;
	size_t capacity;
	uint64_t clusters;		/* of all, holes too */
};

int osd_extents_add(struct osd_extents *runs, uint64_t lcn, uint64_t length);
void osd_extents_release(struct osd_extents *runs);
int osd_extents_decode(struct osd_extents *runs, const uint8_t *pairs, size_t size, uint64_t clusters);
size_t osd_extents_fitting(const struct osd_extent *runs, size_t count, size_t room, size_t *size);
size_t osd_extents_encode(const struct osd_extent *runs, size_t count, uint8_t *pairs);

#endif
