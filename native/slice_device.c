/*
 * A partition inside a disk image or a device as a device of libntfs-3g.
 *
 * libntfs-3g opens every volume through ntfs_device_unix_io_ops, a structure of function pointers that it exports and
 * that can be written.  osd_slice_install() replaces its open by one that recognises the name of a registered slice and
 * gives that device operations of its own; every other name goes to the original open and stays with the original
 * operations.  So libwim and libntfs-3g read and write a window of a file with the code they have, and nothing outside
 * the window can be reached: the bounds are checked here, below both.
 *
 * Reads and writes go through a cache (slice_cache.c).  The errno of a write or sync that failed stays with the slice
 * and fails every later operation on it.
 *
 * A device belongs to one thread at a time, as libntfs-3g itself demands of a volume; different devices may be used by
 * different threads.  What they share (the registry, and a slice's error and sums) is guarded by one mutex.
 */
#define _GNU_SOURCE
#include "slice_device.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/fs.h>
/* ntfs-3g's headers use what errno.h, stdarg.h and sys/stat.h declare, and include none of them. */
#include <ntfs-3g/types.h>
#include <ntfs-3g/device.h>

struct slice {
	struct slice *next;
	int64_t number;
	struct osd_window window;
	uint32_t sector_size;
	int read_only;
	int sync;
	uint64_t cache_size;

	int is_registered;
	unsigned readers;
	unsigned writers;		/* 0 or 1 */
	int error;			/* errno of the first write or sync that failed, or 0 */
	struct osd_slice_counters sums;
};

/* An open slice: the private data of a struct ntfs_device. */
struct state {
	struct slice *slice;
	struct osd_cache *cache;
	int is_writer;
	int is_unsynced;
	int64_t position;		/* of read, write and seek */
	struct osd_slice_counters counters;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct slice *registry;
static int64_t last_number;
static int (*original_open)(struct ntfs_device *, int);

static int
fail(int number)
{
	errno = number;
	return -1;
}

/* ---- the operations of a device */

static struct ntfs_device_operations slice_ops;

static struct state *
state_of(const struct ntfs_device *device)
{
	return device->d_private;
}

/* After a write or sync failed: the error is the slice's from now on. */
static int
stick(struct state *state, int number)
{
	pthread_mutex_lock(&registry_lock);
	if (state->slice->error == 0)
		state->slice->error = number;
	number = state->slice->error;
	pthread_mutex_unlock(&registry_lock);
	return fail(number);
}

/* Reading may make the cache write what has to leave it, so it can fail with the error of a write. */
static s64
slice_pread(struct ntfs_device *device, void *buffer, s64 count, s64 offset)
{
	struct state *state = state_of(device);

	if (count < 0 || offset < 0)
		return fail(EINVAL);
	if (offset >= state->slice->window.length)
		return 0;
	if (count > state->slice->window.length - offset)
		count = state->slice->window.length - offset;
	state->counters.reads++;
	state->counters.read_bytes += (uint64_t)count;
	if (osd_cache_read(state->cache, buffer, count, offset) != 0)
		return osd_cache_error(state->cache) != 0 ? stick(state, errno) : -1;
	return count;
}

static s64
slice_pwrite(struct ntfs_device *device, const void *buffer, s64 count, s64 offset)
{
	struct state *state = state_of(device);

	if (!state->is_writer)
		return fail(EROFS);
	if (count < 0 || offset < 0)
		return fail(EINVAL);
	/* All or nothing: a file system that writes beyond its end is wrong about the whole write. */
	if (count > state->slice->window.length || offset > state->slice->window.length - count)
		return fail(ENOSPC);
	NDevSetDirty(device);
	state->is_unsynced = 1;
	state->counters.writes++;
	state->counters.written_bytes += (uint64_t)count;
	if (osd_cache_write(state->cache, buffer, count, offset) != 0)
		return osd_cache_error(state->cache) != 0 ? stick(state, errno) : -1;
	return count;
}

static s64
slice_seek(struct ntfs_device *device, s64 offset, int whence)
{
	struct state *state = state_of(device);
	int64_t position;

	switch (whence) {
	case SEEK_SET:
		position = 0;
		break;
	case SEEK_CUR:
		position = state->position;
		break;
	case SEEK_END:
		position = state->slice->window.length;
		break;
	default:
		return fail(EINVAL);
	}
	if (__builtin_add_overflow(position, offset, &position))
		return fail(EOVERFLOW);
	if (position < 0)
		return fail(EINVAL);
	state->position = position;
	return position;
}

static s64
slice_read(struct ntfs_device *device, void *buffer, s64 count)
{
	s64 done = slice_pread(device, buffer, count, state_of(device)->position);

	if (done > 0)
		state_of(device)->position += done;
	return done;
}

static s64
slice_write(struct ntfs_device *device, const void *buffer, s64 count)
{
	s64 done = slice_pwrite(device, buffer, count, state_of(device)->position);

	if (done > 0)
		state_of(device)->position += done;
	return done;
}

static int
slice_sync(struct ntfs_device *device)
{
	struct state *state = state_of(device);

	if (osd_cache_flush(state->cache) != 0)
		return stick(state, errno);
	if (state->is_unsynced && state->slice->sync) {
		state->counters.syncs++;
		if (fsync(state->slice->window.fd) != 0) {
			osd_cache_fail(state->cache, errno);
			return stick(state, errno);
		}
	}
	state->is_unsynced = 0;
	NDevClearDirty(device);
	return 0;
}

/* A slice behaves as a file of its size, whatever is below. */
static int
slice_stat(struct ntfs_device *device, struct stat *facts)
{
	const struct slice *slice = state_of(device)->slice;

	if (fstat(slice->window.fd, facts) != 0)
		return -1;
	facts->st_mode = (facts->st_mode & ~(mode_t)S_IFMT) | S_IFREG;
	facts->st_rdev = 0;
	facts->st_size = slice->window.length;
	facts->st_blocks = (slice->window.length + 511) / 512;
	return 0;
}

static int
slice_ioctl(struct ntfs_device *device, unsigned long request, void *argument)
{
	const struct slice *slice = state_of(device)->slice;

	switch (request) {
	case BLKGETSIZE64:
		*(uint64_t *)argument = (uint64_t)slice->window.length;
		return 0;
	case BLKSSZGET:
		*(int *)argument = (int)slice->sector_size;
		return 0;
	case BLKROGET:
		*(int *)argument = !state_of(device)->is_writer;
		return 0;
	default:
		/* Among them all that would change the whole disk. */
		return fail(EOPNOTSUPP);
	}
}

static void
free_slice(struct slice *slice)
{
	close(slice->window.fd);
	free(slice);
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

/* Give a slice back that an open device, or one that could not be opened, had taken. */
static void
release(struct slice *slice, int was_writer, const struct osd_slice_counters *counters)
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

/* The device is closed whatever happens; what could not be written is lost then, and the error says so. */
static int
slice_close(struct ntfs_device *device)
{
	struct state *state = state_of(device);
	int number = 0;

	if (!NDevOpen(device))
		return fail(EBADF);
	if (slice_sync(device) != 0)
		number = errno;
	release(state->slice, state->is_writer, &state->counters);
	osd_cache_free(state->cache);
	free(state);
	NDevClearOpen(device);
	device->d_private = NULL;
	device->d_ops = &ntfs_device_unix_io_ops;
	return number == 0 ? 0 : fail(number);
}

static int
slice_is_open(struct ntfs_device *device, int flags)
{
	(void)device;
	(void)flags;
	return fail(EBUSY);
}

static struct ntfs_device_operations slice_ops = {
	.open = slice_is_open,
	.close = slice_close,
	.seek = slice_seek,
	.read = slice_read,
	.write = slice_write,
	.pread = slice_pread,
	.pwrite = slice_pwrite,
	.sync = slice_sync,
	.stat = slice_stat,
	.ioctl = slice_ioctl,
};

/* ---- opening */

/* Find a slice by its number and count this use of it.  Two writers, each with its cache, would undo each other. */
static struct slice *
take(int64_t number, int writes)
{
	struct slice *slice;
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

static int
open_slice(struct ntfs_device *device, int flags, int64_t number)
{
	int writes = (flags & O_ACCMODE) != O_RDONLY;
	struct slice *slice = take(number, writes);
	struct state *state;

	if (slice == NULL)
		return -1;
	state = calloc(1, sizeof(*state));
	if (state == NULL) {
		release(slice, writes, NULL);
		return fail(ENOMEM);
	}
	state->slice = slice;
	state->is_writer = writes;
	state->cache = osd_cache_new(&slice->window, slice->cache_size, &state->counters);
	if (state->cache == NULL) {
		free(state);
		release(slice, writes, NULL);
		return fail(ENOMEM);
	}
	device->d_private = state;
	device->d_ops = &slice_ops;
	if (!writes)
		NDevSetReadOnly(device);
	NDevSetOpen(device);
	return 0;
}

static int
open_any(struct ntfs_device *device, int flags)
{
	const char *digits;
	char *end;
	long long number;

	if (strncmp(device->d_name, OSD_SLICE_PREFIX, sizeof(OSD_SLICE_PREFIX) - 1) != 0)
		return original_open(device, flags);
	if (NDevOpen(device))
		return fail(EBUSY);
	digits = device->d_name + sizeof(OSD_SLICE_PREFIX) - 1;
	errno = 0;
	number = strtoll(digits, &end, 10);
	/* strtoll also takes blanks and signs, which no slice is named with. */
	if (*digits < '0' || *digits > '9' || *end != '\0' || errno != 0)
		return fail(ENOENT);
	return open_slice(device, flags, number);
}

static void
install(void)
{
	original_open = ntfs_device_unix_io_ops.open;
	ntfs_device_unix_io_ops.open = open_any;
}

/* Make libntfs-3g know slices, in this process and from now on.  Returns 0, or -1 with errno. */
int
osd_slice_install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int number = pthread_once(&once, install);

	return number == 0 ? 0 : fail(number);
}

/* ---- the registry */

/* Check that the window lies in the file and that the file can be used as wanted. */
static int
check_file(int fd, int64_t offset, int64_t length, int read_only, struct stat *facts)
{
	int mode = fcntl(fd, F_GETFL);
	off_t size;

	if (mode < 0 || fstat(fd, facts) != 0)
		return -1;
	if (S_ISREG(facts->st_mode)) {
		size = facts->st_size;
	} else if (S_ISBLK(facts->st_mode)) {
		uint64_t bytes;

		if (ioctl(fd, BLKGETSIZE64, &bytes) != 0)
			return -1;
		size = bytes > INT64_MAX ? INT64_MAX : (off_t)bytes;
	} else {
		return fail(EINVAL);
	}
	if ((mode & O_ACCMODE) == O_WRONLY || (!read_only && (mode & O_ACCMODE) != O_RDWR) || (mode & O_APPEND) != 0)
		return fail(EBADF);
	if (offset < 0 || length <= 0 || offset > size || length > size - offset)
		return fail(EINVAL);
	return 0;
}

/*
 * Make a window of a file or block device known under a number; its name is OSD_SLICE_PREFIX and the number.  The file
 * descriptor is duplicated, so the caller may close it; its position moves.  A cache of less than one block is none.
 * Returns the number (above 0), or -1 with errno: EINVAL when the window does not lie in the file, EBADF when the file
 * is not open as it must be.
 */
int64_t
osd_slice_register(int fd, int64_t offset, int64_t length, uint32_t sector_size, int read_only, int sync,
		   uint64_t cache_size)
{
	struct slice *slice;
	struct stat facts;
	int64_t number;

	if (check_file(fd, offset, length, read_only, &facts) != 0)
		return -1;
	if (sector_size < 512 || (sector_size & (sector_size - 1)) != 0 || cache_size > OSD_CACHE_LARGEST)
		return fail(EINVAL);
	slice = calloc(1, sizeof(*slice));
	if (slice == NULL)
		return fail(ENOMEM);
	slice->window.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (slice->window.fd < 0) {
		free(slice);
		return -1;
	}
	slice->window.offset = offset;
	slice->window.length = length;
	slice->window.has_holes = S_ISREG(facts.st_mode);
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
	struct slice **link, *slice;
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

/* The errno of the first write or sync of a slice that failed, 0 for none, or -1 with errno ENOENT. */
int
osd_slice_error(int64_t number)
{
	const struct slice *slice;
	int error = -1;

	pthread_mutex_lock(&registry_lock);
	for (slice = registry; slice != NULL; slice = slice->next)
		if (slice->number == number)
			error = slice->error;
	pthread_mutex_unlock(&registry_lock);
	return error >= 0 ? error : fail(ENOENT);
}

/* What devices have done with a slice; one that is open counts when it is closed.  Returns 0, or -1 with ENOENT. */
int
osd_slice_counters(int64_t number, struct osd_slice_counters *counters)
{
	const struct slice *slice;
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
