/*
 * The files and links of an image in the folders that were made for them.
 *
 * Contents that come whole are proved: such a file gets its name at once, and loses it again when it cannot be written to
 * its end.  Contents that come in pieces are not: they go to a file with a name that nobody knew before, in the same
 * folder, which gets its name when all of them are good and is removed when they are not.  So whoever is stopped or fails
 * leaves no name with half of a file; a process that is killed leaves one for each of its threads at most, besides such
 * files.
 *
 * Nothing is opened through a link, and nothing is written over: the directory was empty.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/directory.h"

/* Seconds from 1601 to 1970. */
#define EPOCH 11644473600
#define TICKS 10000000
#define ATTRIBUTE_SPARSE 0x200u
/* What is zero in one of these is a hole in a file that is sparse. */
#define HOLE 4096
#define COPIED 262144
#define PART_BYTES 48

/* Remember what went wrong first, and with what; return the number. */
int
osd_directory_fail(struct osd_directory *directory, int number, uint32_t entry)
{
	pthread_mutex_lock(&directory->lock);
	if (directory->error.number == 0) {
		directory->error.number = number;
		directory->error.entry = entry;
	}
	pthread_mutex_unlock(&directory->lock);
	return number;
}

/* ---- times */

static struct timespec
timespec_of(uint64_t filetime)
{
	return (struct timespec){ .tv_sec = (time_t)(filetime / TICKS) - EPOCH, .tv_nsec = (long)(filetime % TICKS) * 100 };
}

static void
times_of(const struct osd_tree_inode *inode, struct timespec *times)
{
	times[0] = timespec_of(inode->accessed);
	times[1] = timespec_of(inode->modified);
}

/* A file without its times is a file: that is counted, and told. */
static void
count_undated(struct osd_directory *directory, int number, uint32_t entry)
{
	pthread_mutex_lock(&directory->lock);
	if (directory->undated++ == 0) {
		directory->undated_entry = entry;
		directory->undated_number = number;
	}
	pthread_mutex_unlock(&directory->lock);
}

/* Set the times of an entry that has a name in a folder. */
void
osd_set_times(struct osd_directory *directory, uint32_t entry, int folder, const char *name)
{
	struct timespec times[2];

	times_of(&directory->tree->inodes[directory->tree->entries[entry].inode], times);
	if (utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) != 0)
		count_undated(directory, errno, entry);
}

static void
set_times_of(struct osd_directory *directory, const struct osd_tree_inode *inode, int fd)
{
	struct timespec times[2];

	times_of(inode, times);
	if (futimens(fd, times) != 0)
		count_undated(directory, errno, inode->first_link);
}

/* ---- contents */

static int
write_at(int fd, const uint8_t *data, uint64_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t written = pwrite(fd, data, size, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		if (written == 0)
			return EIO;
		data += written;
		offset += (uint64_t)written;
		size -= (uint64_t)written;
	}
	return 0;
}

static int
is_hole(const uint8_t *data, uint64_t size)
{
	return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* Write what is no hole of a file that is sparse. */
static int
write_islands(int fd, const uint8_t *data, uint64_t size, uint64_t offset)
{
	uint64_t begin = 0, at = 0;
	int error = 0;

	while (error == 0 && at < size) {
		uint64_t length = HOLE - (offset + at) % HOLE;

		if (length > size - at)
			length = size - at;
		if (is_hole(data + at, length)) {
			error = write_at(fd, data + begin, at - begin, offset + begin);
			begin = at + length;
		}
		at += length;
	}
	return error != 0 ? error : write_at(fd, data + begin, size - begin, offset + begin);
}

static int
write_contents(const struct osd_tree_inode *inode, int fd, const uint8_t *data, uint64_t size, uint64_t offset)
{
	return inode->attributes & ATTRIBUTE_SPARSE ? write_islands(fd, data, size, offset)
						    : write_at(fd, data, size, offset);
}

/* Write the contents of another file, which may not be closed. */
static int
write_copy(const struct osd_tree_inode *inode, int fd, int from, uint64_t size)
{
	uint8_t *buffer = malloc(COPIED);
	int error = buffer == NULL ? ENOMEM : 0;

	for (uint64_t at = 0; error == 0 && at < size;) {
		uint64_t wanted = size - at < COPIED ? size - at : COPIED;
		ssize_t got = pread(from, buffer, wanted, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			error = got < 0 ? errno : EIO;
		else
			error = write_contents(inode, fd, buffer, (uint64_t)got, at);
		at += got > 0 ? (uint64_t)got : 0;
	}
	free(buffer);
	return error;
}

/* End a file: its size where it may end in a hole, its times. */
static int
end_file(struct osd_directory *directory, const struct osd_tree_inode *inode, int fd, uint64_t size, int error)
{
	if (error == 0 && inode->attributes & ATTRIBUTE_SPARSE && ftruncate(fd, (off_t)size) != 0)
		error = errno;
	if (error == 0)
		set_times_of(directory, inode, fd);
	/* What a server could not store is told here. */
	if (close(fd) != 0 && error == 0 && errno != EINTR)
		error = errno;
	return error;
}

/* ---- names */

/* Open the folder of an entry, and tell its name in it.  0, or an errno that was told. */
static int
begin_at(struct osd_directory *directory, uint32_t entry, struct osd_folder_use *use, char *name)
{
	int error = osd_handles_use(&directory->handles, directory->tree->entries[entry].parent, use);

	if (error != 0)
		return osd_directory_fail(directory, error, entry);
	osd_name_of(directory->tree, entry, name);
	return 0;
}

/* Give a file its other names. */
static int
link_names(struct osd_directory *directory, const struct osd_tree_inode *inode, int folder, const char *name)
{
	const struct osd_tree *tree = directory->tree;
	struct osd_folder_use use;
	char other[OSD_NAME_BYTES];
	int error = 0;

	for (uint32_t entry = tree->entries[inode->first_link].next_link; error == 0 && entry != OSD_NONE;
	     entry = tree->entries[entry].next_link) {
		error = begin_at(directory, entry, &use, other);
		if (error != 0)
			return error;
		if (linkat(folder, name, use.fd, other, 0) != 0)
			error = osd_directory_fail(directory, errno, entry);
		osd_handles_done(&directory->handles, &use);
	}
	return error;
}

/* Make a file, of bytes or of another file, where that is not negative. */
static int
make_file(struct osd_directory *directory, uint32_t number, const uint8_t *data, int from, uint64_t size)
{
	const struct osd_tree_inode *inode = &directory->tree->inodes[number];
	uint32_t entry = inode->first_link;
	struct osd_folder_use use;
	char name[OSD_NAME_BYTES];
	int error = begin_at(directory, entry, &use, name), fd;

	if (error != 0)
		return error;
	fd = osd_open_at(&directory->handles, use.fd, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0) {
		error = osd_directory_fail(directory, errno, entry);
	} else {
		error = from >= 0 ? write_copy(inode, fd, from, size) : write_contents(inode, fd, data, size, 0);
		error = end_file(directory, inode, fd, size, error);
		if (error != 0) {
			unlinkat(use.fd, name, 0);
			osd_directory_fail(directory, error, entry);
		}
	}
	if (error == 0)
		error = link_names(directory, inode, use.fd, name);
	osd_handles_done(&directory->handles, &use);
	return error;
}

/* Make a file of contents that are proved. */
int
osd_make_file(struct osd_directory *directory, uint32_t number, const uint8_t *data, uint64_t size)
{
	return make_file(directory, number, data, -1, size);
}

/* Make a symbolic link of the data of a reparse point. */
int
osd_make_link(struct osd_directory *directory, uint32_t number, uint32_t blob, const uint8_t *data, size_t size)
{
	const struct osd_tree_inode *inode = &directory->tree->inodes[number];
	uint32_t entry = inode->first_link;
	int is_fixed = directory->links == NULL || directory->links[blob] != OSD_LINK_NOT_FIXED;
	char name[OSD_NAME_BYTES], *target;
	struct osd_folder_use use;
	int error = begin_at(directory, entry, &use, name);

	if (error != 0)
		return error;
	target = osd_link_target(inode->reparse_tag, data, size, is_fixed ? directory->above : NULL);
	if (target == NULL) {
		error = osd_directory_fail(directory, errno, entry);
		pthread_mutex_lock(&directory->lock);
		directory->error.is_link |= error == EINVAL && directory->error.entry == entry;
		pthread_mutex_unlock(&directory->lock);
	} else if (symlinkat(target, use.fd, name) != 0) {
		error = osd_directory_fail(directory, errno, entry);
	} else {
		osd_set_times(directory, entry, use.fd, name);
	}
	free(target);
	osd_handles_done(&directory->handles, &use);
	return error;
}

/* ---- what comes in pieces */

/* The name of a file whose contents are not proved, which is in the folder of the first file that has them. */
static void
name_part(const struct osd_directory *directory, uint32_t blob, char *name)
{
	snprintf(name, PART_BYTES, "%s-%u", directory->temporary, blob);
}

static const struct osd_tree_inode *
first_user(const struct osd_directory *directory, uint32_t blob)
{
	return &directory->tree->inodes[directory->users[directory->user_at[blob]]];
}

/* Write a piece.  Any may be the first; the file is opened for each, so that few are open. */
int
osd_write_part(struct osd_directory *directory, uint32_t blob, uint64_t offset, const uint8_t *data, size_t size)
{
	const struct osd_tree_inode *inode = first_user(directory, blob);
	char name[OSD_NAME_BYTES];
	struct osd_folder_use use;
	int error = begin_at(directory, inode->first_link, &use, name), fd;

	if (error != 0)
		return error;
	name_part(directory, blob, name);
	fd = osd_open_at(&directory->handles, use.fd, name, O_WRONLY | O_CREAT);
	if (fd < 0) {
		error = errno;
	} else {
		error = write_contents(inode, fd, data, size, offset);
		if (close(fd) != 0 && error == 0 && errno != EINTR)
			error = errno;
	}
	osd_handles_done(&directory->handles, &use);
	return error == 0 ? 0 : osd_directory_fail(directory, error, inode->first_link);
}

/* Rename a file to a name that is not there yet.  0 or an errno. */
static int
rename_new(int folder, const char *from, const char *to)
{
	struct stat there;

	if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* The file system cannot; only somebody else could have made the name since the directory was found empty. */
	if (fstatat(folder, to, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return EEXIST;
	return renameat(folder, from, folder, to) == 0 ? 0 : errno;
}

/* Name the files of contents that came in pieces, and are good: the first is there, the others are copied from it. */
int
osd_name_parts(struct osd_directory *directory, uint32_t blob, uint32_t files)
{
	const struct osd_tree_inode *inode = first_user(directory, blob);
	const uint32_t *users = &directory->users[directory->user_at[blob]];
	uint64_t size = directory->tree->streams[inode->first_stream].size;
	char name[OSD_NAME_BYTES], part[PART_BYTES];
	struct osd_folder_use use;
	int error = begin_at(directory, inode->first_link, &use, name), fd;

	if (error != 0)
		return error;
	name_part(directory, blob, part);
	fd = osd_open_at(&directory->handles, use.fd, part, O_RDWR);
	/* A hole at its end is there only once it has its size; those who copy it read that far. */
	error = fd < 0 || ftruncate(fd, (off_t)size) != 0 ? osd_directory_fail(directory, errno, inode->first_link) : 0;
	for (uint32_t i = 1; error == 0 && i < files; i++)
		error = make_file(directory, users[i], NULL, fd, size);
	if (fd >= 0) {
		int failed = end_file(directory, inode, fd, size, error);

		if (failed == 0)
			failed = rename_new(use.fd, part, name);
		if (failed != 0 && error == 0)
			error = osd_directory_fail(directory, failed, inode->first_link);
	}
	if (error == 0) {
		/* From now on there is nothing to remove. */
		atomic_store(&directory->has_begun[blob], 0);
		error = link_names(directory, inode, use.fd, name);
	}
	osd_handles_done(&directory->handles, &use);
	return error;
}

/* Remove what was written of contents that are not good, or did not come to their end. */
void
osd_forget_part(struct osd_directory *directory, uint32_t blob)
{
	const struct osd_tree *tree = directory->tree;
	char part[PART_BYTES];
	struct osd_folder_use use;

	if (osd_handles_use(&directory->handles, tree->entries[first_user(directory, blob)->first_link].parent, &use) != 0)
		return;
	name_part(directory, blob, part);
	unlinkat(use.fd, part, 0);
	osd_handles_done(&directory->handles, &use);
}
