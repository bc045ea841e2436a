/*
 * A partition inside a disk image or a device as a device of libntfs-3g.
 *
 * libntfs-3g opens every volume through ntfs_device_unix_io_ops, a structure of function pointers that it exports and
 * that can be written.  osd_slice_install() replaces its open by one that recognises the name of a registered slice and
 * gives that device operations of its own; every other name goes to the original open and stays with the original
 * operations.  So libwim and libntfs-3g read and write a window of a disk with the code they have, and nothing outside
 * the window can be reached: the bounds are checked here, below both.
 *
 * Reads and writes go through a cache (cache.c).  The errno of a write or sync that failed stays with the slice
 * and fails every later operation on it.
 *
 * A device belongs to one thread at a time, as libntfs-3g itself demands of a volume; different devices may be used by
 * different threads.  What they share is in registry.c.
 */
#define _GNU_SOURCE
#include "slices/device.h"

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

#include "fail.h"
#include "slices/cache.h"
#include "slices/mirror.h"
#include "slices/registry.h"

/* An open slice: the private data of a struct ntfs_device. */
struct state {
	struct osd_slice *slice;
	struct osd_cache *cache;
	int is_writer;
	int is_unsynced;
	int64_t position;		/* of read, write and seek */
	struct osd_slice_counters counters;
};

static int (*original_open)(struct ntfs_device *, int);

/* ---- the operations of a device */

static struct ntfs_device_operations slice_ops;

static struct state *
state_of(const struct ntfs_device *device)
{
	return device->d_private;
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
		return osd_cache_error(state->cache) != 0 ? osd_slice_stick(state->slice, errno)
							  : osd_slice_note_read(state->slice, errno);
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
		return osd_cache_error(state->cache) != 0 ? osd_slice_stick(state->slice, errno) : -1;
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
		return osd_slice_stick(state->slice, errno);
	if (state->is_unsynced && state->slice->sync) {
		state->counters.syncs++;
		if (osd_source_sync(state->slice->window.source) != 0) {
			osd_cache_fail(state->cache, errno);
			return osd_slice_stick(state->slice, errno);
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
	const struct state *state = state_of(device);

	memset(facts, 0, sizeof(*facts));
	facts->st_mode = S_IFREG | S_IRUSR | (state->is_writer ? S_IWUSR : 0);
	facts->st_nlink = 1;
	facts->st_size = state->slice->window.length;
	facts->st_blksize = OSD_CACHE_BLOCK;
	facts->st_blocks = (state->slice->window.length + 511) / 512;
	return 0;
}

static int
slice_ioctl(struct ntfs_device *device, unsigned long request, void *argument)
{
	const struct osd_slice *slice = state_of(device)->slice;

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
	osd_slice_release(state->slice, state->is_writer, &state->counters);
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

static int
open_slice(struct ntfs_device *device, int flags, int64_t number)
{
	int writes = (flags & O_ACCMODE) != O_RDONLY;
	struct osd_slice *slice = osd_slice_take(number, writes);
	struct osd_mirror mirror;
	struct state *state;

	if (slice == NULL)
		return -1;
	state = calloc(1, sizeof(*state));
	if (state == NULL) {
		osd_slice_release(slice, writes, NULL);
		return fail(ENOMEM);
	}
	state->slice = slice;
	state->is_writer = writes;
	state->cache = osd_cache_new(&slice->window, slice->cache_size, &state->counters);
	if (state->cache == NULL) {
		free(state);
		osd_slice_release(slice, writes, NULL);
		return fail(ENOMEM);
	}
	if (writes && osd_mirror_find(&slice->window, &mirror)) {
		osd_cache_write_last(state->cache, mirror.records, mirror.length);
		osd_cache_write_last(state->cache, mirror.copies, mirror.length);
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
