/*
 * The system calls of a slice: whole reads and writes of a window of a file, and whether a part of it is a hole.
 *
 * Never mmap: a full disk would end the process with SIGBUS.
 */
#define _GNU_SOURCE
#include "slices/window.h"

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include "fail.h"

/*
 * Read a range.  The file was as long as the window when that was made: a short read is an error.  Returns 0, or -1
 * with errno.
 */
int
osd_window_read(const struct osd_window *window, uint8_t *buffer, int64_t size, int64_t offset,
		struct osd_slice_counters *counters)
{
	while (size > 0) {
		ssize_t count = pread(window->fd, buffer, (size_t)size, window->offset + offset);

		counters->file_reads++;
		if (count < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (count == 0)
			return fail(EIO);
		counters->file_read_bytes += (uint64_t)count;
		buffer += count;
		offset += count;
		size -= count;
	}
	return 0;
}

/* Write pieces one after the other; the array is used up.  Returns 0, or -1 with errno. */
int
osd_window_write(const struct osd_window *window, struct iovec *pieces, int count, int64_t offset,
		 struct osd_slice_counters *counters)
{
	while (count > 0) {
		ssize_t written = pwritev(window->fd, pieces, count, window->offset + offset);

		counters->file_writes++;
		if (written < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (written == 0)
			return fail(EIO);
		counters->file_written_bytes += (uint64_t)written;
		offset += written;
		while (count > 0 && (size_t)written >= pieces->iov_len) {
			written -= (ssize_t)pieces->iov_len;
			pieces++;
			count--;
		}
		if (count > 0) {
			pieces->iov_base = (uint8_t *)pieces->iov_base + written;
			pieces->iov_len -= (size_t)written;
		}
	}
	return 0;
}

/* Tell whether a range is a hole of the file.  When that cannot be told it counts as data. */
int
osd_window_is_hole(const struct osd_window *window, int64_t offset, int64_t size)
{
	off_t data;

	if (!window->has_holes)
		return 0;
	data = lseek(window->fd, window->offset + offset, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO;
	return data >= window->offset + offset + size;
}
