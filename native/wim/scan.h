/* What a scan leaves out, its totals, and fewer messages of it.  See scan.c. */
#ifndef OSDIMAGE_SCAN_H
#define OSDIMAGE_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include <wimlib.h>

#include "wim/patterns.h"

struct osd_scan {
	uint64_t directories;
	uint64_t files;		/* each hard link counts */
	uint64_t bytes;		/* hard links count once */
};

enum wimlib_progress_status osd_progress(enum wimlib_progress_msg kind, union wimlib_progress_info *info,
					 void *context);
void osd_scan_begin(struct osd_patterns *patterns, size_t source_length);
struct osd_scan osd_scan_end(void);

#endif
