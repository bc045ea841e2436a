/* The clusters of a new volume that are given to files.  See space.c. */
#ifndef OSDIMAGE_ENGINE_SPACE_H
#define OSDIMAGE_ENGINE_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/extents.h"

struct osd_fresh;

struct osd_space {
	struct osd_extents mft;		/* what the MFT may grow into first: its zone */
	struct osd_extents order;		/* what all else takes, in this order; the rest of the zone comes last */
	size_t at;			/* the run of the order that is taken from */
	uint64_t used;			/* clusters of it */
	struct osd_extents released;	/* what was in use, or taken, and is free again */
	uint64_t left;
};

int osd_space_open(struct osd_space *space, const struct osd_fresh *fresh);
void osd_space_close(struct osd_space *space);
int osd_space_take_for_mft(struct osd_space *space, uint64_t clusters, struct osd_extents *taken);
int osd_space_take(struct osd_space *space, uint64_t clusters, struct osd_extents *taken);
int osd_space_take_whole(struct osd_space *space, uint64_t clusters, uint64_t *lcn);
int osd_space_release(struct osd_space *space, const struct osd_extents *runs);
int osd_space_commit(const struct osd_space *space, const struct osd_fresh *fresh, const struct osd_extents *mft);

#endif
