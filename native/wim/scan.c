/*
 * What stands between libwim's progress messages and Python.
 *
 * A scan sends a message for each file.  All are looked at here, for names that could not be applied again, and one of
 * many is passed on, so that a long scan is seen to go on and can be stopped.
 */
#include "wim/scan.h"

#include <string.h>

#define FILES_PER_MESSAGE 1024

/* Implemented in callbacks.py. */
enum wimlib_progress_status osd_on_progress(enum wimlib_progress_msg kind, union wimlib_progress_info *info,
					    void *context);

/* libwim sends the messages of a scan in the thread that began it. */
static __thread struct osd_scan scan;
static __thread unsigned files_since_message;

static int
is_refused(const struct wimlib_progress_info_scan *file)
{
	const char *separator = strrchr(file->cur_path, '/');
	const char *name = separator == NULL ? file->cur_path : separator + 1;

	/* The root has no name in the image, whatever the source is called. */
	return strpbrk(name, "\\:") != NULL && strcmp(file->cur_path, file->source) != 0;
}

/* Progress function of libwim: passes on what Python is to hear of. */
enum wimlib_progress_status
osd_progress(enum wimlib_progress_msg kind, union wimlib_progress_info *info, void *context)
{
	if (kind == WIMLIB_PROGRESS_MSG_SCAN_END) {
		scan.directories = info->scan.num_dirs_scanned;
		scan.files = info->scan.num_nondirs_scanned;
		scan.bytes = info->scan.num_bytes_scanned;
	} else if (kind == WIMLIB_PROGRESS_MSG_SCAN_DENTRY && info->scan.status == WIMLIB_SCAN_DENTRY_OK) {
		if (is_refused(&info->scan))
			scan.refused_names++;
		if (++files_since_message < FILES_PER_MESSAGE)
			return WIMLIB_PROGRESS_STATUS_CONTINUE;
		files_since_message = 0;
	}
	return osd_on_progress(kind, info, context);
}

/* Begin to count the next scan of this thread. */
void
osd_scan_begin(void)
{
	memset(&scan, 0, sizeof(scan));
	files_since_message = 0;
}

/* Return what the last scan of this thread found. */
struct osd_scan
osd_scan_totals(void)
{
	return scan;
}
