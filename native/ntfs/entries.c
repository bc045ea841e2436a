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

/* Make an entry.  Returns NULL with errno ENOMEM. */
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

/* Free an entry and all that follow it. */
void
osd_entries_free(struct osd_entry *entry)
{
	while (entry != NULL) {
		struct osd_entry *next = entry->next;

		free(entry);
		entry = next;
	}
}

static int
list_entry(void *data, const ntfschar *name, const int length, const int name_type, const s64 position,
	   const MFT_REF reference, const unsigned type)
{
	struct listing *listing = data;
	struct osd_entry *entry;

	(void)type;
	/*
	 * "." and "..", which libntfs-3g makes up at positions 0 and 1 (entries of these names would have others), the
	 * files of NTFS itself, and short names, which go with the long ones.
	 */
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

/* List a directory, without the files of NTFS itself.  Returns 0, or -1 with errno; what was found is the caller's. */
int
osd_entries_list(ntfs_volume *volume, MFT_REF directory, struct osd_entry **entries)
{
	struct listing listing = { .tail = entries, .error = 0 };
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(directory));
	s64 position = 0;
	int number = 0;

	*entries = NULL;
	if (inode == NULL)
		return -1;
	if (ntfs_readdir(inode, &position, &listing, list_entry) != 0)
		number = listing.error != 0 ? listing.error : errno;
	if (ntfs_inode_close(inode) != 0 && number == 0)
		number = errno;
	return number == 0 ? 0 : fail(number);
}

/* Find a name in a directory without case.  Returns 0 and the entry, which is 0 when there is none, or -1. */
int
osd_entry_find(ntfs_volume *volume, MFT_REF directory, const ntfschar *name, int length, MFT_REF *found)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(directory));
	u64 reference;
	int number;

	if (inode == NULL)
		return -1;
	NVolClearCaseSensitive(volume);
	reference = ntfs_inode_lookup_by_name(inode, name, length);
	number = errno;
	NVolSetCaseSensitive(volume);
	if (ntfs_inode_close(inode) != 0)
		return -1;
	if (reference == (u64)-1 && number != ENOENT)
		return fail(number);
	*found = reference == (u64)-1 ? 0 : reference;
	return 0;
}

/* Tell whether something is a directory, and neither a link nor a junction: 1, 0, or -1 with errno. */
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

/*
 * Delete an empty directory or a file, whose inode is open, from a directory.  The inode is closed in any case.
 * Returns 0, or -1 with errno.
 */
int
osd_entry_delete(ntfs_volume *volume, ntfs_inode *inode, MFT_REF directory, const struct osd_entry *entry)
{
	ntfs_inode *parent = ntfs_inode_open(volume, MREF(directory));

	if (parent == NULL) {
		int number = errno;

		ntfs_inode_close(inode);
		return fail(number);
	}
	/* This closes both. */
	return ntfs_delete(volume, NULL, inode, parent, entry->name, (u8)entry->length) == 0 ? 0 : -1;
}

/*
 * Move an entry from a directory to another that has none of its name.  It loses its short name.  Returns 0, or -1 with
 * errno.
 */
int
osd_entry_move(ntfs_volume *volume, const struct osd_entry *entry, MFT_REF from, MFT_REF to)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(entry->reference));
	ntfs_inode *directory = inode == NULL ? NULL : ntfs_inode_open(volume, MREF(to));
	int number = 0;

	if (directory == NULL || ntfs_link(inode, directory, entry->name, (u8)entry->length) != 0)
		number = errno;
	if (directory != NULL && ntfs_inode_close(directory) != 0 && number == 0)
		number = errno;
	if (inode != NULL && ntfs_inode_close(inode) != 0 && number == 0)
		number = errno;
	if (number != 0)
		return fail(number);
	inode = ntfs_inode_open(volume, MREF(entry->reference));
	return inode == NULL ? -1 : osd_entry_delete(volume, inode, from, entry);
}
