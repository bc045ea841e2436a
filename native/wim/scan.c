/*
 * What stands between libwim's progress messages and Python.
 *
 * A scan asks of each file whether it is left out, and sends a message for each that is not.  The questions are answered
 * here, and of the messages one of many is passed on, so that a long scan is seen to go on and can be stopped.
 */
#define _GNU_SOURCE
#include "wim/scan.h"

#include <string.h>
#include <time.h>

#define FILES_PER_MESSAGE 1024
#define SECONDS_PER_MESSAGE 0.5

/* Implemented in callbacks.py. */
enum wimlib_progress_status osd_on_progress(enum wimlib_progress_msg kind, union wimlib_progress_info *info,
					    void *context);

/* libwim sends the messages of a scan in the thread that began it. */
static __thread struct osd_scan scan;
static __thread struct osd_patterns *patterns_of_scan;
static __thread size_t length_of_source;
static __thread int follows_sources;
static __thread unsigned files_since_message;
static __thread double time_of_message;

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Whether Python is to hear of one more file: Ctrl-C must not wait for a thousand that are slow. */
static int
is_time_for_message(int is_file)
{
	double time = now();

	files_since_message += is_file ? 1 : 0;
	if (files_since_message < FILES_PER_MESSAGE && time - time_of_message < SECONDS_PER_MESSAGE)
		return 0;
	files_since_message = 0;
	time_of_message = time;
	return 1;
}

static enum wimlib_progress_status
answer(struct wimlib_progress_info_test_file_exclusion *question)
{
	int found = 0;

	if (patterns_of_scan != NULL && strlen(question->path) > length_of_source)
		found = osd_patterns_exclude(patterns_of_scan, question->path + length_of_source);
	if (found < 0)
		return WIMLIB_PROGRESS_STATUS_ABORT;
	question->will_exclude = found != 0;
	return WIMLIB_PROGRESS_STATUS_CONTINUE;
}

/* Progress function of libwim: answers its questions, and passes on what Python is to hear of. */
enum wimlib_progress_status
osd_progress(enum wimlib_progress_msg kind, union wimlib_progress_info *info, void *context)
{
	if (kind == WIMLIB_PROGRESS_MSG_TEST_FILE_EXCLUSION) {
		enum wimlib_progress_status status = answer(&info->test_file_exclusion);

		if (status != WIMLIB_PROGRESS_STATUS_CONTINUE || !is_time_for_message(0))
			return status;
	} else if (kind == WIMLIB_PROGRESS_MSG_SCAN_BEGIN) {
		if (follows_sources)
			length_of_source = strlen(info->scan.source);
	} else if (kind == WIMLIB_PROGRESS_MSG_SCAN_END) {
		scan.directories += info->scan.num_dirs_scanned;
		scan.files += info->scan.num_nondirs_scanned;
		scan.bytes += info->scan.num_bytes_scanned;
	} else if (kind == WIMLIB_PROGRESS_MSG_SCAN_DENTRY && info->scan.status == WIMLIB_SCAN_DENTRY_OK) {
		if (!is_time_for_message(1))
			return WIMLIB_PROGRESS_STATUS_CONTINUE;
	}
	return osd_on_progress(kind, info, context);
}

/*
 * Begin the next scan of this thread.  What fits the patterns (NULL for none; they must be there until osd_scan_end())
 * is left out; they are compared with what follows the first source_length bytes of a path, or with SIZE_MAX what follows
 * the source that is scanned, of which there are several then.
 */
void
osd_scan_begin(struct osd_patterns *patterns, size_t source_length)
{
	memset(&scan, 0, sizeof(scan));
	patterns_of_scan = patterns;
	follows_sources = source_length == SIZE_MAX;
	length_of_source = follows_sources ? 0 : source_length;
	files_since_message = 0;
	time_of_message = now();
}

/* End the scan of this thread, and return what it found. */
struct osd_scan
osd_scan_end(void)
{
	patterns_of_scan = NULL;
	return scan;
}
