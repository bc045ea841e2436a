/* Totals of a scan, and fewer messages of it.  See scan.c. */
#ifndef OSDIMAGE_SCAN_H
#define OSDIMAGE_SCAN_H

#include <stdint.h>

#include <wimlib.h>

struct osd_scan {
	uint64_t directories;
	uint64_t files;		/* each hard link counts */
	uint64_t bytes;		/* hard links count once */
	uint64_t refused_names;	/* that Windows does not allow, and apply refuses */
};

enum wimlib_progress_status osd_progress(enum wimlib_progress_msg kind, union wimlib_progress_info *info,
					 void *context);
void osd_scan_begin(void);
struct osd_scan osd_scan_totals(void);

#endif
