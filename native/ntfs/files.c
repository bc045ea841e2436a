/*
 * Single files and directories of an NTFS volume: finding, listing, reading, making, overwriting and deleting them.
 *
 * A file or directory is named by its reference (record number and sequence number), as osd_ntfs_child() tells it, so
 * that a path is walked by whoever knows what may lie on it: nothing here follows a link.
 */
#define _GNU_SOURCE
#include "ntfs/volume.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* ntfs-3g's headers use what errno.h, stdarg.h, sys/stat.h and time.h declare, and include none of them. */
#include <ntfs-3g/types.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/device.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/reparse.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/volume.h>

#include "fail.h"
#include "ntfs/entries.h"

/* What a caller may change: the rest tells how the file is stored. */
#define SETTABLE (FILE_ATTR_READONLY | FILE_ATTR_HIDDEN | FILE_ATTR_SYSTEM | FILE_ATTR_ARCHIVE)

/* Tell what a reference names.  Returns 0, or -1 with errno. */
int
osd_ntfs_about(struct _ntfs_volume *volume, uint64_t reference, struct osd_ntfs_about *about)
{
	ntfs_inode *inode = osd_inode_open(volume, reference);

	if (inode == NULL)
		return -1;
	about->reference = reference;
	about->is_directory = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0;
	about->attributes = le32_to_cpu(inode->flags);
	about->size = about->is_directory ? 0 : inode->data_size;
	about->modified = le64_to_cpu(inode->last_data_change_time);
	if (about->size < 0)
		return osd_inode_close(inode, fail(EOVERFLOW));
	return ntfs_inode_close(inode);
}

/*
 * Find a name (UTF-16LE) in a directory as the volume compares names, without case.  Returns 0, or -1 with errno:
 * ENOENT when there is none.
 */
int
osd_ntfs_child(struct _ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length,
	       struct osd_ntfs_about *about)
{
	MFT_REF found;

	if (osd_entry_find(volume, directory, name, length, &found) != 0)
		return -1;
	return found == 0 ? fail(ENOENT) : osd_ntfs_about(volume, found, about);
}

/* ---- listing */

/* How many bytes an entry takes in a list, which may be given. */
static size_t
pack_entry(const struct osd_entry *entry, uint8_t *list)
{
	const uint64_t reference = entry->reference;
	const uint16_t units = (uint16_t)entry->length;
	const size_t bytes = units * sizeof(*entry->name);

	if (list != NULL) {
		memcpy(list, &reference, sizeof(reference));
		memcpy(list + sizeof(reference), &units, sizeof(units));
		memcpy(list + sizeof(reference) + sizeof(units), entry->name, bytes);
	}
	return sizeof(reference) + sizeof(units) + bytes;
}

/*
 * List a directory: for each entry its reference (64 bits), the length of its name (16 bits) and the name in UTF-16LE,
 * numbers as this machine stores them.  The caller frees the list.  Returns 0, or -1 with errno.
 */
int
osd_ntfs_list(struct _ntfs_volume *volume, uint64_t directory, uint8_t **list, size_t *size)
{
	struct osd_entry *entries;
	int result = osd_entries_list(volume, directory, &entries), number;

	*list = NULL;
	*size = 0;
	for (const struct osd_entry *entry = entries; result == 0 && entry != NULL; entry = entry->next)
		*size += pack_entry(entry, NULL);
	if (*size > 0) {
		uint8_t *cursor = *list = malloc(*size);

		if (cursor == NULL)
			result = fail(ENOMEM);
		for (const struct osd_entry *entry = entries; result == 0 && entry != NULL; entry = entry->next)
			cursor += pack_entry(entry, cursor);
	}
	number = errno;
	osd_entries_free(entries);
	return result == 0 ? 0 : fail(number);
}

/* Open what is to be changed.  What is written to a volume that is open for reading libntfs-3g lets disappear. */
static ntfs_inode *
open_for_change(ntfs_volume *volume, uint64_t reference)
{
	if (NVolReadOnly(volume)) {
		errno = EROFS;
		return NULL;
	}
	return osd_inode_open(volume, reference);
}

/* ---- contents */

static ntfs_attr *
open_data(ntfs_inode *inode)
{
	if ((inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0) {
		errno = EISDIR;
		return NULL;
	}
	/* What lies elsewhere, or can only be read by Windows, must not be taken for the contents. */
	if ((inode->flags & (FILE_ATTR_REPARSE_POINT | FILE_ATTR_ENCRYPTED)) != const_cpu_to_le32(0)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	return ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0);
}

/*
 * Read a part of the contents of a file.  Returns how many bytes that were, fewer than asked for only at the end, or
 * -1 with errno: EOPNOTSUPP when the file is a link, or is stored in a way that only Windows reads, EOVERFLOW when it
 * claims more than its clusters hold.
 */
int64_t
osd_ntfs_read(struct _ntfs_volume *volume, uint64_t reference, int64_t offset, void *buffer, int64_t count)
{
	ntfs_inode *inode = osd_inode_open(volume, reference);
	ntfs_attr *data;
	int64_t done = 0;
	int result = 0;

	if (inode == NULL)
		return -1;
	data = open_data(inode);
	if (data == NULL)
		return osd_inode_close(inode, -1);
	/* What is behind the clusters is not zeros, as libntfs-3g reads it, but a lie. */
	if (data->data_size < 0 || data->data_size > data->allocated_size) {
		ntfs_attr_close(data);
		return osd_inode_close(inode, fail(EOVERFLOW));
	}
	/* This finds runs that end before the last cluster that the file claims. */
	if (NAttrNonResident(data) && ntfs_attr_map_whole_runlist(data) != 0) {
		int number = errno;

		ntfs_attr_close(data);
		return osd_inode_close(inode, fail(number));
	}
	while (done < count) {
		s64 got = ntfs_attr_pread(data, offset + done, count - done, (uint8_t *)buffer + done);

		if (got <= 0) {
			result = got < 0 ? -1 : 0;
			break;
		}
		done += got;
	}
	if (result != 0) {
		int number = errno;

		ntfs_attr_close(data);
		return osd_inode_close(inode, fail(number));
	}
	ntfs_attr_close(data);
	return osd_inode_close(inode, 0) == 0 ? done : -1;
}

static int
write_all(ntfs_attr *data, const uint8_t *buffer, int64_t count)
{
	const int is_compressed = (data->data_flags & ATTR_COMPRESSION_MASK) != const_cpu_to_le16(0);
	const s64 before = data->data_size;
	int64_t done = 0;

	/*
	 * Room first, so that a full volume leaves the old contents whole.  Compressed contents take what they take: what
	 * is written there comes after the end of a file of size 0.
	 */
	if (is_compressed) {
		if (ntfs_attr_truncate(data, 0) != 0)
			return -1;
	} else if (ntfs_attr_truncate_solid(data, count > before ? count : before) != 0) {
		int number = errno;

		ntfs_attr_truncate(data, before);
		return fail(number);
	}
	while (done < count) {
		s64 put = ntfs_attr_pwrite(data, done, count - done, buffer + done);

		if (put <= 0)
			return put < 0 ? -1 : fail(EIO);
		done += put;
	}
	if (is_compressed)
		return ntfs_attr_pclose(data);
	return ntfs_attr_truncate(data, count);
}

static void
set_times(ntfs_inode *inode, int64_t time, int is_new)
{
	inode->last_data_change_time = cpu_to_le64(time);
	inode->last_mft_change_time = cpu_to_le64(time);
	if (is_new) {
		inode->creation_time = cpu_to_le64(time);
		inode->last_access_time = cpu_to_le64(time);
	}
	ntfs_inode_mark_dirty(inode);
	NInoFileNameSetDirty(inode);
}

/*
 * Give the name of a file that was just made the times of the file, as Windows does: libntfs-3g leaves the time of now
 * there.  Returns 0, or -1 with errno.
 */
static int
set_name_times(ntfs_inode *inode, int64_t time)
{
	ntfs_attr_search_ctx *search = ntfs_attr_get_search_ctx(inode, NULL);
	FILE_NAME_ATTR *name;
	int result;

	if (search == NULL)
		return -1;
	result = ntfs_attr_lookup(AT_FILE_NAME, AT_UNNAMED, 0, CASE_SENSITIVE, 0, NULL, 0, search);
	if (result == 0) {
		name = (FILE_NAME_ATTR *)((u8 *)search->attr + le16_to_cpu(search->attr->value_offset));
		name->creation_time = name->last_data_change_time = cpu_to_sle64(time);
		name->last_mft_change_time = name->last_access_time = cpu_to_sle64(time);
		ntfs_inode_mark_dirty(search->ntfs_ino);
	}
	ntfs_attr_put_search_ctx(search);
	return result;
}

static int
overwrite(ntfs_inode *inode, ntfs_attr *data, const void *buffer, int64_t count, int64_t time)
{
	int result, number;

	if (data == NULL)
		return osd_inode_close(inode, -1);
	result = write_all(data, buffer, count);
	number = errno;
	ntfs_attr_close(data);
	if (result == 0)
		set_times(inode, time, 0);
	errno = number;
	return osd_inode_close(inode, result);
}

/*
 * Replace the contents of a file, which keeps everything else; time (FILETIME) becomes that of its last change.
 * Returns 0, or -1 with errno: EROFS.  When the volume is full the old contents are still there.
 */
int
osd_ntfs_overwrite(struct _ntfs_volume *volume, uint64_t reference, const void *buffer, int64_t count, int64_t time)
{
	ntfs_inode *inode = open_for_change(volume, reference);

	return inode == NULL ? -1 : overwrite(inode, open_data(inode), buffer, count, time);
}

/*
 * Replace the contents of a file that Windows has compressed into a stream of this name (UTF-16LE) behind a reparse
 * point, which both go: it is a plain file then.  The new contents come first, into the unnamed stream, which nobody
 * reads before the reparse point is gone.  Returns 0, or -1 with errno as osd_ntfs_overwrite().
 */
int
osd_ntfs_overwrite_covered(struct _ntfs_volume *volume, uint64_t reference, const uint16_t *stream, size_t length,
			   const void *buffer, int64_t count, int64_t time)
{
	ntfs_inode *inode = open_for_change(volume, reference);

	if (inode == NULL)
		return -1;
	if (overwrite(inode, ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0), buffer, count, time) != 0)
		return -1;
	inode = open_for_change(volume, reference);
	if (inode == NULL)
		return -1;
	if (ntfs_remove_ntfs_reparse_data(inode) != 0 ||
	    ntfs_attr_remove(inode, AT_DATA, (ntfschar *)stream, (u32)length) != 0)
		return osd_inode_close(inode, -1);
	return osd_inode_close(inode, 0);
}

/*
 * Give an empty file the size that it is to have, with clusters that are its own: what is written into it next cannot
 * find the volume full.  Returns 0, or -1 with errno: ENOSPC, EROFS, EOPNOTSUPP for a compressed one.
 */
int
osd_ntfs_reserve(struct _ntfs_volume *volume, uint64_t reference, int64_t size)
{
	ntfs_inode *inode = open_for_change(volume, reference);
	ntfs_attr *data;
	int result, number;

	if (inode == NULL)
		return -1;
	data = open_data(inode);
	if (data == NULL)
		return osd_inode_close(inode, -1);
	if ((data->data_flags & ATTR_COMPRESSION_MASK) != const_cpu_to_le16(0)) {
		ntfs_attr_close(data);
		return osd_inode_close(inode, fail(EOPNOTSUPP));
	}
	result = ntfs_attr_truncate_solid(data, size);
	number = errno;
	ntfs_attr_close(data);
	errno = number;
	return osd_inode_close(inode, result);
}

/*
 * Write a part of the contents of a file, within its size.  Returns 0, or -1 with errno: EINVAL beyond its end, EROFS.
 */
int
osd_ntfs_write(struct _ntfs_volume *volume, uint64_t reference, int64_t offset, const void *buffer, int64_t count)
{
	ntfs_inode *inode = open_for_change(volume, reference);
	ntfs_attr *data;
	int64_t done = 0;
	int result = 0, number = 0;

	if (inode == NULL)
		return -1;
	data = open_data(inode);
	if (data == NULL)
		return osd_inode_close(inode, -1);
	if (offset < 0 || count < 0 || offset > data->data_size || count > data->data_size - offset) {
		result = -1;
		number = EINVAL;
	}
	while (result == 0 && done < count) {
		s64 put = ntfs_attr_pwrite(data, offset + done, count - done, (const uint8_t *)buffer + done);

		if (put <= 0) {
			result = -1;
			number = put < 0 ? errno : EIO;
			break;
		}
		done += put;
	}
	ntfs_attr_close(data);
	errno = number;
	return osd_inode_close(inode, result);
}

/* ---- making and deleting */

/*
 * Find the id of the security descriptor that something new in a directory inherits, as NTFS makes it.  0: none, and
 * libntfs-3g gives the new file a descriptor of its own.
 */
static le32
inherited(ntfs_volume *volume, ntfs_inode *directory, int is_directory)
{
	struct PERMISSIONS_CACHE *cache = NULL;
	struct SECURITY_CONTEXT context;
	le32 id;

	if (volume->secure_ni == NULL && ntfs_open_secure(volume) != 0)
		return const_cpu_to_le32(0);
	memset(&context, 0, sizeof(context));
	context.vol = volume;
	context.pseccache = &cache;
	id = ntfs_inherited_id(&context, directory, is_directory);
	ntfs_destroy_security_context(&context);
	return id;
}

/*
 * Make a file with contents, or with is_directory an empty directory, in a directory that has nothing of its name.
 * Returns 0, or -1 with errno: EEXIST when there is something, EROFS.  What failed half-way is deleted again.
 */
int
osd_ntfs_make(struct _ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length, int is_directory,
	      const void *buffer, int64_t count, int64_t time, struct osd_ntfs_about *about)
{
	ntfs_inode *parent, *inode;
	int result = 0, number = 0;

	if (length > NTFS_MAX_NAME_LEN)
		return fail(ENAMETOOLONG);
	if (osd_ntfs_child(volume, directory, name, length, about) == 0)
		return fail(EEXIST);
	if (errno != ENOENT)
		return -1;
	parent = open_for_change(volume, directory);
	if (parent == NULL)
		return -1;
	inode = ntfs_create(parent, inherited(volume, parent, is_directory), name, (u8)length,
			    is_directory ? S_IFDIR : S_IFREG);
	if (inode == NULL)
		return osd_inode_close(parent, -1);
	about->reference = MK_MREF(inode->mft_no, le16_to_cpu(inode->mrec->sequence_number));
	if (!is_directory) {
		ntfs_attr *data = ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0);

		result = data == NULL ? -1 : write_all(data, buffer, count);
		number = errno;
		if (data != NULL)
			ntfs_attr_close(data);
	}
	if (result != 0) {
		/* This closes both. */
		ntfs_delete(volume, NULL, inode, parent, name, (u8)length);
		return fail(number);
	}
	set_times(inode, time, 1);
	result = set_name_times(inode, time);
	number = errno;
	/* libntfs-3g wants the inode closed before that of the directory, whose index it keeps up to date. */
	if (ntfs_inode_close_in_dir(inode, parent) != 0)
		return osd_inode_close(parent, -1);
	errno = number;
	if (osd_inode_close(parent, result) != 0)
		return -1;
	return osd_ntfs_about(volume, about->reference, about);
}

/* Set the attributes of a file or directory, those that a user may set.  Returns 0, or -1 with errno: EROFS. */
int
osd_ntfs_set_attributes(struct _ntfs_volume *volume, uint64_t reference, uint32_t attributes)
{
	ntfs_inode *inode = open_for_change(volume, reference);

	if (inode == NULL)
		return -1;
	inode->flags = (inode->flags & ~SETTABLE) | (cpu_to_le32(attributes) & SETTABLE);
	ntfs_inode_mark_dirty(inode);
	NInoFileNameSetDirty(inode);
	return ntfs_inode_close(inode);
}

/* Delete a file or an empty directory by its name.  Returns 0, or -1 with errno: ENOTEMPTY, EROFS. */
int
osd_ntfs_delete(struct _ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length)
{
	struct osd_ntfs_about about;
	ntfs_inode *parent, *inode;
	int result;

	if (osd_ntfs_child(volume, directory, name, length, &about) != 0)
		return -1;
	inode = open_for_change(volume, about.reference);
	if (inode == NULL)
		return -1;
	parent = open_for_change(volume, directory);
	if (parent == NULL)
		return osd_inode_close(inode, -1);
	/* This closes both.  The name is found as it was looked up. */
	NVolClearCaseSensitive(volume);
	result = ntfs_delete(volume, NULL, inode, parent, name, (u8)length);
	NVolSetCaseSensitive(volume);
	return result == 0 ? 0 : -1;
}

/* Wait until everything that was written is on the medium.  Returns 0, or -1 with errno. */
int
osd_ntfs_sync(struct _ntfs_volume *volume)
{
	return ntfs_device_sync(volume->dev);
}
