/*
 * The registry of slices: windows of sources that libntfs-3g is to open by a number.
 *
 * One mutex guards it, and what the users of a slice share: its error and its sums.
 */
#include "slices/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "fail.h"
#include "slices/cache.h"

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct osd_slice *registry;
static int64_t last_number;

static void
free_slice(struct osd_slice *slice)
{
	osd_source_release(slice->window.source);
	free(slice);
}

/*
 * Make a window of a source known under a number; its name is OSD_SLICE_PREFIX and the number.  The slice is one more
 * user of the source, so the caller may release it.  A cache of less than one block is none.  Returns the number (above
 * 0), or -1 with errno: EINVAL when the window does not lie in the source, EROFS when the source cannot be written and
 * the slice is to be.
 */
int64_t
osd_slice_register(struct osd_source *source, int64_t offset, int64_t length, uint32_t sector_size, int read_only,
		   int sync, uint64_t cache_size)
{
	struct osd_slice *slice;
	int64_t number;

	if (source->is_read_only && !read_only)
		return fail(EROFS);
	if (length == 0 || !osd_source_holds(source, length, offset))
		return fail(EINVAL);
	if (sector_size < 512 || (sector_size & (sector_size - 1)) != 0 || cache_size > OSD_CACHE_LARGEST)
		return fail(EINVAL);
	slice = calloc(1, sizeof(*slice));
	if (slice == NULL)
		return fail(ENOMEM);
	slice->window.source = osd_source_keep(source);
	slice->window.offset = offset;
	slice->window.length = length;
	slice->sector_size = sector_size;
	slice->read_only = read_only;
	slice->sync = sync;
	slice->cache_size = cache_size;
	slice->is_registered = 1;
	pthread_mutex_lock(&registry_lock);
	number = slice->number = ++last_number;
	slice->next = registry;
	registry = slice;
	pthread_mutex_unlock(&registry_lock);
	return number;
}

/*
 * Forget a slice.  A device that has it open keeps what it needs until it is closed.  Returns how many devices have it
 * open for writing (0 or 1), or -1 with errno ENOENT.
 */
int
osd_slice_unregister(int64_t number)
{
	struct osd_slice **link, *slice;
	int writers = 0, is_last = 0;

	pthread_mutex_lock(&registry_lock);
	for (link = &registry; *link != NULL && (*link)->number != number; link = &(*link)->next)
		;
	slice = *link;
	if (slice != NULL) {
		*link = slice->next;
		slice->is_registered = 0;
		writers = (int)slice->writers;
		is_last = slice->readers == 0 && slice->writers == 0;
	}
	pthread_mutex_unlock(&registry_lock);
	if (slice == NULL)
		return fail(ENOENT);
	if (is_last)
		free_slice(slice);
	return writers;
}

static int
first_error(int64_t number, int of_reads)
{
	const struct osd_slice *slice;
	int error = -1;

	pthread_mutex_lock(&registry_lock);
	for (slice = registry; slice != NULL; slice = slice->next)
		if (slice->number == number)
			error = of_reads ? slice->read_error : slice->error;
	pthread_mutex_unlock(&registry_lock);
	return error >= 0 ? error : fail(ENOENT);
}

/* The errno of the first write or sync of a slice that failed, 0 for none, or -1 with errno ENOENT. */
int
osd_slice_error(int64_t number)
{
	return first_error(number, 0);
}

/* The same of the first read.  libntfs-3g calls damage EIO too, so its errno does not tell whether the medium failed. */
int
osd_slice_read_error(int64_t number)
{
	return first_error(number, 1);
}

/* What devices have done with a slice; one that is open counts when it is closed.  Returns 0, or -1 with ENOENT. */
int
osd_slice_counters(int64_t number, struct osd_slice_counters *counters)
{
	const struct osd_slice *slice;
	int found = 0;

	pthread_mutex_lock(&registry_lock);
	for (slice = registry; slice != NULL; slice = slice->next) {
		if (slice->number == number) {
			*counters = slice->sums;
			found = 1;
		}
	}
	pthread_mutex_unlock(&registry_lock);
	return found ? 0 : fail(ENOENT);
}

/* ---- who uses a slice */

/*
 * Find a slice by its number and count this use of it.  Two writers, each with its cache, would undo each other, and a
 * reader would not see what the writer's holds: EBUSY.  Returns NULL with errno, which may be the slice's own error.
 */
struct osd_slice *
osd_slice_take(int64_t number, int writes)
{
	struct osd_slice *slice;
	int problem = 0;

	pthread_mutex_lock(&registry_lock);
	for (slice = registry; slice != NULL && slice->number != number; slice = slice->next)
		;
	if (slice == NULL)
		problem = ENOENT;
	else if (slice->error != 0)
		problem = slice->error;
	else if (writes && slice->read_only)
		problem = EROFS;
	else if (slice->writers > 0 || (writes && slice->readers > 0))
		problem = EBUSY;
	else if (writes)
		slice->writers++;
	else
		slice->readers++;
	pthread_mutex_unlock(&registry_lock);
	if (problem != 0) {
		errno = problem;
		return NULL;
	}
	return slice;
}

static void
add_counters(struct osd_slice_counters *sums, const struct osd_slice_counters *more)
{
	sums->reads += more->reads;
	sums->read_bytes += more->read_bytes;
	sums->writes += more->writes;
	sums->written_bytes += more->written_bytes;
	sums->hits += more->hits;
	sums->misses += more->misses;
	sums->holes += more->holes;
	sums->file_reads += more->file_reads;
	sums->file_read_bytes += more->file_read_bytes;
	sums->file_writes += more->file_writes;
	sums->file_written_bytes += more->file_written_bytes;
	sums->syncs += more->syncs;
}

/*
 * Give a slice back that was taken, with what was done with it (or NULL).  The last user of one that is no longer
 * registered frees it.
 */
void
osd_slice_release(struct osd_slice *slice, int was_writer, const struct osd_slice_counters *counters)
{
	int is_last;

	pthread_mutex_lock(&registry_lock);
	if (counters != NULL)
		add_counters(&slice->sums, counters);
	if (was_writer)
		slice->writers--;
	else
		slice->readers--;
	is_last = !slice->is_registered && slice->readers == 0 && slice->writers == 0;
	pthread_mutex_unlock(&registry_lock);
	if (is_last)
		free_slice(slice);
}

/* After a write or sync failed: the error is the slice's from now on.  Returns -1 with the first that there was. */
int
osd_slice_stick(struct osd_slice *slice, int number)
{
	pthread_mutex_lock(&registry_lock);
	if (slice->error == 0)
		slice->error = number;
	number = slice->error;
	pthread_mutex_unlock(&registry_lock);
	return fail(number);
}

/* After a read failed: unlike an error of a write, it is the next reader's only if it fails again.  Returns -1. */
int
osd_slice_note_read(struct osd_slice *slice, int number)
{
	pthread_mutex_lock(&registry_lock);
	if (slice->read_error == 0)
		slice->read_error = number;
	pthread_mutex_unlock(&registry_lock);
	return fail(number);
}
