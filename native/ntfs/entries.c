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
osd_entry_move(ntfs_volume *volume, const struct osd_entry *entry, MFT_REF from, MFT_REF to)
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
