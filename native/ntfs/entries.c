/*
 * The entries of directories of an NTFS volume: listing, finding, deleting and moving them.
 */
#define _GNU_SOURCE
#include "ntfs/entries.h"

#include <stdlib.h>
#include <string.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/unistr.h>

#include "fail.h"

/* A short name has eight characters, a dot and three more, each of at most three bytes in UTF-8. */
#define SHORT_NAME_BYTES 37

struct listing {
	struct osd_entry **tail;
	int error;
};

struct osd_entry *
osd_entry_new(MFT_REF reference, const ntfschar *name, size_t length)
{
	struct osd_entry *entry = malloc(sizeof(*entry) + length * sizeof(*name));

	if (entry == NULL)
		return NULL;
	entry->next = NULL;
	entry->reference = reference;
	entry->length = (int)length;
	memcpy(entry->name, name, length * sizeof(*name));
	return entry;
}

void
osd_entries_free(struct osd_entry *entry)
{
	while (entry != NULL) {
		struct osd_entry *next = entry->next;

		free(entry);
		entry = next;
	}
}

/* libntfs-3g leaves the sequence number to its callers. */
ntfs_inode *
osd_inode_open(ntfs_volume *volume, MFT_REF reference)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(reference));

	if (inode != NULL && MSEQNO(reference) != 0 && le16_to_cpu(inode->mrec->sequence_number) != MSEQNO(reference)) {
		ntfs_inode_close(inode);
		errno = ENOENT;
		return NULL;
	}
	return inode;
}

int
osd_inode_close(ntfs_inode *inode, int result)
{
	int number = errno;

	if (ntfs_inode_close(inode) != 0)
		return result != 0 ? fail(number) : -1;
	return result != 0 ? fail(number) : 0;
}

static ntfs_inode *
open_directory(ntfs_volume *volume, MFT_REF reference)
{
	ntfs_inode *inode = osd_inode_open(volume, reference);

	if (inode != NULL && (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) == 0) {
		ntfs_inode_close(inode);
		errno = ENOTDIR;
		return NULL;
	}
	return inode;
}

static int
list_entry(void *data, const ntfschar *name, const int length, const int name_type, const s64 position,
	   const MFT_REF reference, const unsigned type)
{
	struct listing *listing = data;
	struct osd_entry *entry;

	(void)type;
	/* "." and ".." are made up by libntfs-3g at positions 0 and 1; entries of these names would have others. */
	if (position < 2 || MREF(reference) < FILE_first_user || name_type == FILE_NAME_DOS)
		return 0;
	entry = osd_entry_new(reference, name, (size_t)length);
	if (entry == NULL) {
		listing->error = ENOMEM;
		return -1;
	}
	*listing->tail = entry;
	listing->tail = &entry->next;
	return 0;
}

int
osd_entries_list(ntfs_volume *volume, MFT_REF directory, struct osd_entry **entries)
{
	struct listing listing = { .tail = entries, .error = 0 };
	ntfs_inode *inode = open_directory(volume, directory);
	s64 position = 0;
	int result = 0;

	*entries = NULL;
	if (inode == NULL)
		return -1;
	if (ntfs_readdir(inode, &position, &listing, list_entry) != 0)
		result = fail(listing.error != 0 ? listing.error : errno);
	return osd_inode_close(inode, result);
}

/* The volume is asked without case for as long as this takes: everything else means a name exactly. */
int
osd_entry_find(ntfs_volume *volume, MFT_REF directory, const ntfschar *name, size_t length, MFT_REF *found)
{
	ntfs_inode *inode = open_directory(volume, directory);
	u64 reference;

	if (inode == NULL)
		return -1;
	NVolClearCaseSensitive(volume);
	reference = ntfs_inode_lookup_by_name(inode, name, (int)length);
	NVolSetCaseSensitive(volume);
	*found = reference == (u64)-1 ? 0 : reference;
	return osd_inode_close(inode, reference == (u64)-1 && errno != ENOENT ? -1 : 0);
}

int
osd_entry_is_plain_directory(ntfs_volume *volume, MFT_REF reference)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(reference));
	int result;

	if (inode == NULL)
		return -1;
	result = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0 && (inode->flags & FILE_ATTR_REPARSE_POINT) == 0;
	return ntfs_inode_close(inode) == 0 ? result : -1;
}

int
osd_entry_delete(ntfs_volume *volume, ntfs_inode *inode, MFT_REF directory, const struct osd_entry *entry)
{
	ntfs_inode *parent = ntfs_inode_open(volume, MREF(directory));

	if (parent == NULL)
		return osd_inode_close(inode, -1);
	/* This closes both. */
	return ntfs_delete(volume, NULL, inode, parent, entry->name, (u8)entry->length) == 0 ? 0 : -1;
}

int
osd_directory_times(ntfs_volume *volume, MFT_REF reference, struct osd_times *times)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(reference));

	if (inode == NULL)
		return -1;
	times->modified = inode->last_data_change_time;
	times->accessed = inode->last_access_time;
	return ntfs_inode_close(inode);
}

int
osd_directory_set_times(ntfs_volume *volume, MFT_REF reference, const struct osd_times *times)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(reference));

	if (inode == NULL)
		return -1;
	inode->last_data_change_time = times->modified;
	inode->last_access_time = times->accessed;
	ntfs_inode_mark_dirty(inode);
	NInoFileNameSetDirty(inode);
	return ntfs_inode_close(inode);
}

/* Read the short name that goes with the name of an entry.  Returns its bytes in UTF-8, 0 for none, -1 with errno. */
static int
get_short_name(ntfs_volume *volume, const struct osd_entry *entry, MFT_REF directory, char *name)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(entry->reference)), *parent;
	int length;

	if (inode == NULL)
		return -1;
	parent = ntfs_inode_open(volume, MREF(directory));
	if (parent == NULL)
		return osd_inode_close(inode, -1);
	length = ntfs_get_ntfs_dos_name(inode, parent, name, SHORT_NAME_BYTES);
	/* It tells none of a file with hard links (EMLINK), and none that it could not be given again. */
	if (length > SHORT_NAME_BYTES || (length < 0 && (errno == EMLINK || errno == ENODATA || errno == EILSEQ)))
		length = 0;
	if (osd_inode_close(parent, length < 0 ? -1 : 0) != 0)
		length = -1;
	return osd_inode_close(inode, length < 0 ? -1 : 0) == 0 ? length : -1;
}

/* Give an entry its short name in another directory, unless something else has it there.  Returns 0, or -1 with errno. */
static int
set_short_name(ntfs_volume *volume, const struct osd_entry *entry, MFT_REF directory, const char *name, int length)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(entry->reference)), *parent;

	if (inode == NULL)
		return -1;
	parent = ntfs_inode_open(volume, MREF(directory));
	if (parent == NULL)
		return osd_inode_close(inode, -1);
	/* This closes both. */
	return ntfs_set_ntfs_dos_name(inode, parent, name, (size_t)length, 0) == 0 || errno == EEXIST ? 0 : -1;
}

static int
move_entry(ntfs_volume *volume, const struct osd_entry *entry, MFT_REF from, MFT_REF to)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(entry->reference));
	ntfs_inode *directory;
	int result;

	if (inode == NULL)
		return -1;
	directory = ntfs_inode_open(volume, MREF(to));
	result = directory == NULL ? -1 : ntfs_link(inode, directory, entry->name, (u8)entry->length);
	if (directory != NULL)
		result = osd_inode_close(directory, result);
	if (osd_inode_close(inode, result) != 0)
		return -1;
	inode = ntfs_inode_open(volume, MREF(entry->reference));
	return inode == NULL ? -1 : osd_entry_delete(volume, inode, from, entry);
}

int
osd_entry_move(ntfs_volume *volume, const struct osd_entry *entry, MFT_REF from, MFT_REF to)
{
	char name[SHORT_NAME_BYTES];
	struct osd_times times;
	int length;

	if (osd_directory_times(volume, to, &times) != 0)
		return -1;
	length = get_short_name(volume, entry, from, name);
	if (length < 0 || move_entry(volume, entry, from, to) != 0)
		return -1;
	if (length > 0 && set_short_name(volume, entry, to, name, length) != 0)
		return -1;
	return osd_directory_set_times(volume, to, &times);
}
