/* What is known of which ranges of an export are zeros.  See known.c. */
#ifndef OSDIMAGE_NBD_KNOWN_H
#define OSDIMAGE_NBD_KNOWN_H

#include <stdint.h>

#include "slices/source.h"

/* How much is asked for at once. */
#define OSD_NBD_RUN (INT64_C(1) << 30)
/* Holes are told apart in these steps. */
#define OSD_NBD_UNIT INT64_C(4096)

struct osd_nbd_known {
	int64_t begin;			/* of the run */
	int64_t end;			/* of what is known of it */
	int64_t asked;			/* where the run ends */
	uint64_t data[OSD_NBD_RUN / OSD_NBD_UNIT / 64];
};

/* Whether a place is in what is known. */
static inline int
osd_nbd_known_has(const struct osd_nbd_known *known, int64_t at)
{
	return at >= known->begin && at < known->end;
}

void osd_nbd_known_begin(struct osd_nbd_known *known, int64_t at, int64_t size);
void osd_nbd_known_mark(struct osd_nbd_known *known, int64_t begin, int64_t end);
void osd_nbd_known_told(struct osd_nbd_known *known, int64_t end);
void osd_nbd_known_forget(struct osd_nbd_known *known);
int64_t osd_nbd_known_find(const struct osd_nbd_known *known, enum osd_find what, int64_t at, int64_t end);

#endif
