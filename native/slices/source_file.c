/*
 * A file or a block device as a source: system calls at given offsets, which any number of threads may make at once.
 *
 * Never mmap: a full disk would end the process with SIGBUS.
 */
#define _GNU_SOURCE
#include "slices/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/fs.h>

#include "fail.h"

struct file {
	struct osd_source source;
	int fd;
	int has_holes;			/* SEEK_DATA tells of them */
};

static int
file_of(const struct osd_source *source)
{
	return ((const struct file *)source)->fd;
}

static int
file_read(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at)
{
	while (size > 0) {
		ssize_t count = pread(file_of(source), buffer, (size_t)size, at);

		if (count < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		/* It was as long as its size when it was opened. */
		if (count == 0)
			return fail(EIO);
		buffer += count;
		at += count;
		size -= count;
	}
	return 0;
}

static int
file_writev(struct osd_source *source, struct iovec *pieces, int count, int64_t at)
{
	while (count > 0) {
		ssize_t written;

		if (pieces->iov_len == 0) {
			pieces++;
			count--;
			continue;
		}
		written = pwritev(file_of(source), pieces, count, at);
		if (written < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (written == 0)
			return fail(EIO);
		at += written;
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

/* The position of the file moves, which nobody uses. */
static int64_t
file_find(struct osd_source *source, enum osd_find what, int64_t at, int64_t end)
{
	off_t found;

	if (!((const struct file *)source)->has_holes)
		return what == OSD_FIND_DATA ? at : end;
	found = lseek(file_of(source), at, what == OSD_FIND_DATA ? SEEK_DATA : SEEK_HOLE);
	if (found < 0) {
		/* Behind the last data. */
		if (errno == ENXIO && what == OSD_FIND_DATA)
			return end;
		return -1;
	}
	return found < end ? found : end;
}

static int
file_zero(struct osd_source *source, int64_t size, int64_t at, int may_punch)
{
	int mode = may_punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	/* A device has zeros written for it where it cannot write them itself, which is as slow as writing them. */
	if (!may_punch && !((const struct file *)source)->has_holes)
		return 0;
	while (fallocate(file_of(source), mode | FALLOC_FL_KEEP_SIZE, at, size) != 0) {
		if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
			return 0;
		if (errno != EINTR)
			return -1;
	}
	return 1;
}

static int
file_sync(struct osd_source *source)
{
	while (fsync(file_of(source)) != 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

static void
file_close(struct osd_source *source)
{
	close(file_of(source));
	free(source);
}

static const struct osd_source_ops file_ops = {
	.read = file_read,
	.writev = file_writev,
	.find = file_find,
	.zero = file_zero,
	.sync = file_sync,
	.close = file_close,
};

static int
size_of(int fd, const struct stat *facts, int64_t *size)
{
	uint64_t bytes;

	if (S_ISREG(facts->st_mode)) {
		*size = facts->st_size;
		return 0;
	}
	if (!S_ISBLK(facts->st_mode))
		return fail(EINVAL);
	if (ioctl(fd, BLKGETSIZE64, &bytes) != 0)
		return -1;
	*size = bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
	return 0;
}

/*
 * Make a source of an open file or block device, as long as it is now; what cannot be written is read-only.  The file
 * descriptor is duplicated, so the caller may close it; its position moves.  Returns NULL with errno: EINVAL when it is
 * neither, EBADF when it cannot be read, or all that is written to it goes to its end.
 */
struct osd_source *
osd_source_of_file(int fd)
{
	int mode = fcntl(fd, F_GETFL);
	struct file *file;
	struct stat facts;
	int64_t size;

	if (mode < 0 || fstat(fd, &facts) != 0 || size_of(fd, &facts, &size) != 0)
		return NULL;
	if ((mode & O_ACCMODE) == O_WRONLY || (mode & (O_APPEND | O_PATH)) != 0) {
		errno = EBADF;
		return NULL;
	}
	file = calloc(1, sizeof(*file));
	if (file == NULL)
		return NULL;
	file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (file->fd < 0) {
		free(file);
		return NULL;
	}
	file->has_holes = S_ISREG(facts.st_mode);
	osd_source_init(&file->source, &file_ops, size, (mode & O_ACCMODE) == O_RDONLY);
	return &file->source;
}
