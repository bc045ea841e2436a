/*
 * Emptying directories of an NTFS volume, all but what a judge keeps.
 *
 * Directories are walked with a stack on the heap, so that the depth of a hostile tree cannot end the process.
 */
#define _GNU_SOURCE
#include "ntfs/emptying.h"

#include <stdlib.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>

#include "fail.h"

/* Every so many entries: a listener in Python takes some microseconds, an entry takes some ten. */
#define REPORTED 64

/* Begin to empty a directory.  self is taken over.  Returns 0, or -1 with errno: ELOOP when it is being emptied. */
int
osd_emptying_enter(struct osd_emptying *emptying, MFT_REF reference, uint64_t purpose, struct osd_entry *self)
{
	struct osd_level *level;

	for (level = emptying->level; level != NULL; level = level->parent) {
		if (MREF(level->reference) == MREF(reference)) {
			free(self);
			return fail(ELOOP);
		}
	}
	level = calloc(1, sizeof(*level));
	if (level == NULL) {
		free(self);
		return fail(ENOMEM);
	}
	level->reference = reference;
	level->purpose = purpose;
	level->self = self;
	level->parent = emptying->level;
	if (level->parent != NULL)
		emptying->depth++;
	emptying->level = level;
	return osd_entries_list(emptying->volume, reference, &level->entries);
}

static void
leave(struct osd_emptying *emptying)
{
	struct osd_level *level = emptying->level;

	emptying->level = level->parent;
	if (level->parent != NULL)
		emptying->depth--;
	osd_entries_free(level->entries);
	free(level->self);
	free(level);
}

/*
 * Count an entry that left its directory, and tell of some of them.  Returns 0, or -1 with errno ECANCELED when whoever
 * is told wants no more.
 */
int
osd_emptying_count(struct osd_emptying *emptying)
{
	emptying->removed++;
	if (emptying->report != NULL && emptying->removed % REPORTED == 0 &&
	    emptying->report(emptying->removed, emptying->listener) != 0)
		return fail(ECANCELED);
	return 0;
}

static int
delete(struct osd_emptying *emptying, ntfs_inode *inode, MFT_REF directory, const struct osd_entry *entry)
{
	if (osd_entry_delete(emptying->volume, inode, directory, entry) != 0)
		return -1;
	return osd_emptying_count(emptying);
}

/* Delete an entry, or begin to empty it.  The entry is taken over. */
static int
empty_entry(struct osd_emptying *emptying, struct osd_entry *entry)
{
	MFT_REF reference = entry->reference;
	uint64_t purpose = 0;
	enum osd_fate fate = emptying->judge(emptying, entry, &purpose);
	ntfs_inode *inode;
	int is_directory, is_full, result;

	if (fate == OSD_FATE_FAILED || fate == OSD_FATE_STAYS) {
		free(entry);
		return fate == OSD_FATE_STAYS ? 0 : -1;
	}
	inode = ntfs_inode_open(emptying->volume, MREF(reference));
	if (inode == NULL) {
		free(entry);
		return -1;
	}
	is_directory = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0;
	is_full = is_directory && ntfs_check_empty_dir(inode) != 0;
	if (is_full || (is_directory && fate == OSD_FATE_EMPTIED)) {
		if (ntfs_inode_close(inode) != 0) {
			free(entry);
			return -1;
		}
		if (fate == OSD_FATE_EMPTIED) {
			free(entry);
			entry = NULL;
		}
		return osd_emptying_enter(emptying, reference, purpose, entry);
	}
	result = delete(emptying, inode, emptying->level->reference, entry);
	free(entry);
	return result;
}

/* Delete the directory that has been emptied and go on in the one above it. */
static int
finish_level(struct osd_emptying *emptying)
{
	struct osd_level *level = emptying->level;
	int result = 0;

	if (level->self != NULL) {
		ntfs_inode *inode = ntfs_inode_open(emptying->volume, MREF(level->reference));

		result = inode == NULL ? -1 : delete(emptying, inode, level->parent->reference, level->self);
	}
	leave(emptying);
	return result;
}

/*
 * Empty the directories that were entered, unless entering them failed (result).  Returns how many entries left their
 * directory, or -1 with errno.
 */
int64_t
osd_emptying_run(struct osd_emptying *emptying, int result)
{
	while (result == 0 && emptying->level != NULL) {
		struct osd_entry *entry = emptying->level->entries;

		if (entry != NULL) {
			emptying->level->entries = entry->next;
			result = empty_entry(emptying, entry);
		} else {
			result = finish_level(emptying);
		}
	}
	if (result != 0) {
		int number = errno;

		while (emptying->level != NULL)
			leave(emptying);
		return fail(number);
	}
	return emptying->removed;
}
