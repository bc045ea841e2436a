/*
 * Stands before the C library and counts the calls that change files below one folder; one of them fails, is cut short,
 * or is the moment of a signal.
 *
 * What is to happen is in a file that every process maps whose environment names it (OSDIMAGE_FAULTS), so the calls of
 * a command and of the programs that it starts are counted together, and what was counted outlives SIGKILL.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The same order as in faults.py. */
enum kind { CREATE, WRITE, CUT, ALLOCATE, SYNC, NAME, UNNAME, FOLDER, FACTS };
enum action { NOTHING, FAIL, FAIL_AFTER, SHORT, SIGNAL, SIGNAL_AFTER, SIGNAL_WITHIN };

#define CAPACITY 6000
#define PATH_BYTES 128
/* A medium tears no sector. */
#define SECTOR 512
#define HALF(size) ((size) < 2 * SECTOR ? (size) / 2 : (size) / 2 / SECTOR * SECTOR)

/* As the formats of faults.py have it. */
struct control {
	char folder[4096];
	int64_t at;		/* the number of the call, from 0; -1 for none */
	int32_t action;
	int32_t error;		/* errno, or the number of the signal */
	int32_t stays;		/* whether the calls of the same kinds after it fail too */
	int32_t kinds;		/* which, as bits */
	int64_t count;
	int64_t hits;
	struct call {
		int64_t kind, offset, size;
		char path[PATH_BYTES];	/* below the folder, its last bytes */
	} calls[CAPACITY];
};

static struct control *control;

__attribute__((constructor)) static void
map_control(void)
{
	const char *path = getenv("OSDIMAGE_FAULTS");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *mapped;

	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED)
		control = mapped;
}

/* Return where in a path that is below the folder the rest begins, or NULL. */
static const char *
below(const char *path)
{
	size_t length = strlen(control->folder);

	if (strncmp(path, control->folder, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return NULL;
	return path + length;
}

static enum action
met(enum kind kind, const char *path, int64_t offset, int64_t size)
{
	int64_t number = __atomic_fetch_add(&control->count, 1, __ATOMIC_SEQ_CST);

	if (number < CAPACITY) {
		struct call *call = &control->calls[number];
		size_t length = strlen(path), skipped = length < PATH_BYTES ? 0 : length - PATH_BYTES + 1;

		call->kind = kind;
		call->offset = offset;
		call->size = size;
		memcpy(call->path, path + skipped, length - skipped + 1);
	}
	if (control->at < 0 || number < control->at)
		return NOTHING;
	if (number > control->at && (!control->stays || !(control->kinds >> kind & 1)))
		return NOTHING;
	__atomic_fetch_add(&control->hits, 1, __ATOMIC_SEQ_CST);
	if (control->action == SIGNAL) {
		kill(getpid(), control->error);
		return NOTHING;
	}
	return (enum action)control->action;
}

static enum action
meet_fd(enum kind kind, int fd, int64_t offset, int64_t size)
{
	char link[64], path[PATH_MAX];
	const char *rest;
	ssize_t length;
	int number = errno;

	if (control == NULL || control->folder[0] == '\0')
		return NOTHING;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	errno = number;
	if (length < 0)
		return NOTHING;
	path[length] = '\0';
	rest = below(path);
	return rest == NULL ? NOTHING : met(kind, rest, offset, size);
}

static enum action
meet_path(enum kind kind, int directory, const char *name)
{
	char path[PATH_MAX * 2] = "", link[64];
	const char *rest;
	int number = errno;

	if (control == NULL || control->folder[0] == '\0' || name == NULL)
		return NOTHING;
	if (name[0] != '/') {
		ssize_t length = 0;

		if (directory == AT_FDCWD) {
			if (getcwd(path, PATH_MAX) == NULL)
				return NOTHING;
			length = (ssize_t)strlen(path);
		} else {
			snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
			length = readlink(link, path, PATH_MAX - 1);
		}
		errno = number;
		if (length < 0)
			return NOTHING;
		path[length++] = '/';
		path[length] = '\0';
	}
	strncat(path, name, PATH_MAX - 1);
	rest = below(path);
	return rest == NULL ? NOTHING : met(kind, rest, 0, 0);
}

/* Do a call as the action says; SIZED calls also know to be cut short. */
#define ACT(type, action, call) \
	switch (action) { \
	case FAIL: \
		errno = control->error; \
		return (type)-1; \
	case FAIL_AFTER: \
		(void)!(call); \
		errno = control->error; \
		return (type)-1; \
	case SIGNAL_AFTER: \
	case SIGNAL_WITHIN: { \
		type result = (call); \
		kill(getpid(), control->error); \
		return result; \
	} \
	default: \
		return (call); \
	}

#define REAL(name) \
	static __typeof__(name) *real; \
	if (real == NULL) \
		real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* ---- opening */

#define MODE(flags) \
	mode_t mode = 0; \
	if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) { \
		va_list list; \
		va_start(list, flags); \
		mode = va_arg(list, mode_t); \
		va_end(list); \
	}
#define MAKES(flags) ((flags) & (O_CREAT | O_TRUNC) || ((flags) & O_TMPFILE) == O_TMPFILE)

#define OPEN(name) \
int name(const char *path, int flags, ...) \
{ \
	MODE(flags) \
	REAL(name); \
	if (!MAKES(flags)) \
		return real(path, flags, mode); \
	ACT(int, meet_path(CREATE, AT_FDCWD, path), real(path, flags, mode)) \
}
#define OPENAT(name) \
int name(int directory, const char *path, int flags, ...) \
{ \
	MODE(flags) \
	REAL(name); \
	if (!MAKES(flags)) \
		return real(directory, path, flags, mode); \
	ACT(int, meet_path(CREATE, directory, path), real(directory, path, flags, mode)) \
}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int creat(const char *path, mode_t mode)
{
	return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* ---- writing */

#define SIZED(name, parameters, offset, size, whole, half) \
ssize_t name parameters \
{ \
	REAL(name); \
	enum action action = meet_fd(WRITE, fd, offset, (int64_t)(size)); \
	if ((action == SHORT && (size) > 1) || (action == SIGNAL_WITHIN && (size) >= 2 * SECTOR)) { \
		ssize_t result = half; \
		if (action == SIGNAL_WITHIN) \
			kill(getpid(), control->error); \
		return result; \
	} \
	ACT(ssize_t, action, whole) \
}
static size_t
total(const struct iovec *pieces, int count)
{
	size_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += pieces[i].iov_len;
	return sum;
}

/* Half of the pieces, or of the only one. */
static const struct iovec *
half_of(const struct iovec *pieces, int *count)
{
	static __thread struct iovec one;

	if (*count > 1) {
		*count /= 2;
		return pieces;
	}
	one = *pieces;
	one.iov_len = HALF(one.iov_len);
	return &one;
}

SIZED(write, (int fd, const void *data, size_t size), -1, size, real(fd, data, size), real(fd, data, HALF(size)))
SIZED(pwrite, (int fd, const void *data, size_t size, off_t at), at, size, real(fd, data, size, at),
      real(fd, data, HALF(size), at))
SIZED(pwrite64, (int fd, const void *data, size_t size, off64_t at), at, size, real(fd, data, size, at),
      real(fd, data, HALF(size), at))
SIZED(writev, (int fd, const struct iovec *data, int count), -1, total(data, count), real(fd, data, count),
      real(fd, half_of(data, &count), count))
SIZED(pwritev, (int fd, const struct iovec *data, int count, off_t at), at, total(data, count),
      real(fd, data, count, at), real(fd, half_of(data, &count), count, at))
SIZED(pwritev64, (int fd, const struct iovec *data, int count, off64_t at), at, total(data, count),
      real(fd, data, count, at), real(fd, half_of(data, &count), count, at))
ssize_t copy_file_range(int from, off64_t *from_at, int fd, off64_t *at, size_t size, unsigned int flags)
{
	REAL(copy_file_range);
	ACT(ssize_t, meet_fd(WRITE, fd, at == NULL ? -1 : *at, (int64_t)size), real(from, from_at, fd, at, size, flags))
}

/* ---- what else is done with an open file */

#define ON_FD(name, kind, parameters, arguments, offset, size) \
int name parameters \
{ \
	REAL(name); \
	ACT(int, meet_fd(kind, fd, offset, size), real arguments) \
}
/* posix_fallocate returns the error. */
#define ON_FD_ERRNO(name, kind, parameters, arguments, offset, size) \
int name parameters \
{ \
	REAL(name); \
	enum action action = meet_fd(kind, fd, offset, size); \
	if (action == FAIL || action == FAIL_AFTER) \
		return control->error; \
	ACT(int, action, real arguments) \
}
ON_FD(ftruncate, CUT, (int fd, off_t size), (fd, size), 0, size)
ON_FD(ftruncate64, CUT, (int fd, off64_t size), (fd, size), 0, size)
ON_FD(fallocate, ALLOCATE, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), at, size)
ON_FD(fallocate64, ALLOCATE, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size), at, size)
ON_FD_ERRNO(posix_fallocate, ALLOCATE, (int fd, off_t at, off_t size), (fd, at, size), at, size)
ON_FD_ERRNO(posix_fallocate64, ALLOCATE, (int fd, off64_t at, off64_t size), (fd, at, size), at, size)
ON_FD(fsync, SYNC, (int fd), (fd), 0, 0)
ON_FD(fdatasync, SYNC, (int fd), (fd), 0, 0)
ON_FD(syncfs, SYNC, (int fd), (fd), 0, 0)
ON_FD(fchmod, FACTS, (int fd, mode_t mode), (fd, mode), 0, 0)
ON_FD(fchown, FACTS, (int fd, uid_t user, gid_t group), (fd, user, group), 0, 0)
ON_FD(futimens, FACTS, (int fd, const struct timespec times[2]), (fd, times), 0, 0)
ON_FD(fsetxattr, FACTS, (int fd, const char *name, const void *value, size_t size, int flags),
      (fd, name, value, size, flags), 0, (int64_t)size)

/* ---- names */

#define ON_PATH(name, kind, directory, path, parameters, arguments) \
int name parameters \
{ \
	REAL(name); \
	ACT(int, meet_path(kind, directory, path), real arguments) \
}
ON_PATH(truncate, CUT, AT_FDCWD, path, (const char *path, off_t size), (path, size))
ON_PATH(truncate64, CUT, AT_FDCWD, path, (const char *path, off64_t size), (path, size))
ON_PATH(rename, NAME, AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(renameat, NAME, there, to, (int here, const char *from, int there, const char *to), (here, from, there, to))
ON_PATH(renameat2, NAME, there, to, (int here, const char *from, int there, const char *to, unsigned int flags),
	(here, from, there, to, flags))
ON_PATH(link, NAME, AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(linkat, NAME, there, to, (int here, const char *from, int there, const char *to, int flags),
	(here, from, there, to, flags))
ON_PATH(symlink, NAME, AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(symlinkat, NAME, there, to, (const char *from, int there, const char *to), (from, there, to))
ON_PATH(unlink, UNNAME, AT_FDCWD, path, (const char *path), (path))
ON_PATH(unlinkat, UNNAME, there, path, (int there, const char *path, int flags), (there, path, flags))
ON_PATH(rmdir, UNNAME, AT_FDCWD, path, (const char *path), (path))
ON_PATH(mkdir, FOLDER, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(mkdirat, FOLDER, there, path, (int there, const char *path, mode_t mode), (there, path, mode))
ON_PATH(chmod, FACTS, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(fchmodat, FACTS, there, path, (int there, const char *path, mode_t mode, int flags),
	(there, path, mode, flags))
ON_PATH(chown, FACTS, AT_FDCWD, path, (const char *path, uid_t user, gid_t group), (path, user, group))
ON_PATH(lchown, FACTS, AT_FDCWD, path, (const char *path, uid_t user, gid_t group), (path, user, group))
ON_PATH(fchownat, FACTS, there, path, (int there, const char *path, uid_t user, gid_t group, int flags),
	(there, path, user, group, flags))
ON_PATH(utimensat, FACTS, there, path, (int there, const char *path, const struct timespec times[2], int flags),
	(there, path, times, flags))
ON_PATH(setxattr, FACTS, AT_FDCWD, path,
	(const char *path, const char *name, const void *value, size_t size, int flags), (path, name, value, size, flags))
ON_PATH(lsetxattr, FACTS, AT_FDCWD, path,
	(const char *path, const char *name, const void *value, size_t size, int flags), (path, name, value, size, flags))
