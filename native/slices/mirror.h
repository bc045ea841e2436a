/* Where NTFS keeps the same records twice.  See mirror.c. */
#ifndef OSDIMAGE_SLICE_MIRROR_H
#define OSDIMAGE_SLICE_MIRROR_H

#include <stdint.h>

#include "slices/window.h"

struct osd_mirror {
	int64_t records;		/* where the first records of the MFT are, in the window */
	int64_t copies;			/* where $MFTMirr has them again */
	int64_t length;			/* of either */
};

int osd_mirror_find(const struct osd_window *window, struct osd_mirror *mirror);

#endif
