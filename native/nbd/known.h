/* What is known of which ranges of an export are zeros.  See known.c. */
#ifndef OSDIMAGE_NBD_KNOWN_H
#define OSDIMAGE_NBD_KNOWN_H

#include <stdint.h>

#include "slices/source.h"

/* How much is asked for at once, and how many such runs are remembered. */
#define OSD_NBD_RUN (INT64_C(1) << 30)
#define OSD_NBD_RUNS 16
/* Holes are told apart in these steps. */
#define OSD_NBD_UNIT INT64_C(4096)

struct osd_nbd_run {
	int64_t begin;
	int64_t end;			/* of what is known of it */
	int64_t asked;			/* where it ends */
	uint64_t data[OSD_NBD_RUN / OSD_NBD_UNIT / 64];
};

struct osd_nbd_known {
	unsigned next;			/* the run that is given up for another */
	struct osd_nbd_run runs[OSD_NBD_RUNS];
};

const struct osd_nbd_run *osd_nbd_known_at(const struct osd_nbd_known *known, int64_t at);
int64_t osd_nbd_known_find(const struct osd_nbd_run *run, enum osd_find what, int64_t at, int64_t end);
struct osd_nbd_run *osd_nbd_known_begin(struct osd_nbd_known *known, int64_t at, int64_t size);
void osd_nbd_known_told(struct osd_nbd_run *run, int64_t end);
void osd_nbd_known_mark(struct osd_nbd_known *known, int64_t begin, int64_t end);
void osd_nbd_known_forget(struct osd_nbd_known *known);

#endif
