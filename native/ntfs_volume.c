/*
 * What osdimage does with an NTFS volume beside applying and capturing: see what Windows left there, and empty it.
 */
#define _GNU_SOURCE
#include "ntfs_volume.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ntfs-3g's headers use what errno.h, stdarg.h and sys/stat.h declare, and include none of them. */
#include <ntfs-3g/types.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/logfile.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

static int
fail(int number)
{
	errno = number;
	return -1;
}

/* ---- what Windows left */

/*
 * Version 2.0 of the restart page is what Windows 8 and later write while they have the volume in use, and leave when
 * "fast startup" keeps its metadata in the hibernation file.
 */
static int
log_hazards(ntfs_volume *volume)
{
	ntfs_inode *inode = ntfs_inode_open(volume, FILE_LogFile);
	ntfs_attr *log;
	RESTART_PAGE_HEADER *page = NULL;
	int hazards = 0;

	if (inode == NULL)
		return -1;
	log = ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0);
	if (log == NULL) {
		int number = errno;

		ntfs_inode_close(inode);
		return fail(number);
	}
	if (!ntfs_check_logfile(log, &page) || !ntfs_is_logfile_clean(log, page))
		hazards |= OSD_NTFS_LOG_IN_USE;
	if (page != NULL && le16_to_cpu(page->major_ver) == 2 && le16_to_cpu(page->minor_ver) == 0)
		hazards |= OSD_NTFS_HIBERNATED;
	free(page);
	ntfs_attr_close(log);
	ntfs_inode_close(inode);
	return hazards;
}

/* Tell why the volume should not be written to, without changing it.  Returns bits, or -1 with errno. */
int
osd_ntfs_hazards(struct _ntfs_volume *volume)
{
	int hazards = log_hazards(volume);

	if (hazards >= 0 && ntfs_volume_check_hiberfile(volume, 0) != 0) {
		if (errno != EPERM)
			return -1;
		hazards |= OSD_NTFS_HIBERNATED;
	}
	return hazards;
}

/* ---- emptying */

struct entry {
	struct entry *next;
	MFT_REF reference;
	int length;
	ntfschar name[];
};

/* A directory that is being emptied, and what of it is left to do. */
struct level {
	struct level *parent;
	struct entry *entries;
	struct entry *self;		/* to be deleted when it is empty; NULL for one that stays */
	MFT_REF reference;
	uint64_t kept;			/* the protected paths that lead through it */
};

struct path {
	const ntfschar *component;	/* the first that was not yet matched */
	const ntfschar *end;
};

struct wipe {
	ntfs_volume *volume;
	struct level *level;		/* the deepest */
	unsigned depth;			/* of it; the root has 0 */
	struct path kept[OSD_NTFS_MOST_KEPT];
	unsigned kept_count;
	int64_t removed;
};

struct listing {
	struct entry **tail;
	int error;
};

static int
list_entry(void *data, const ntfschar *name, const int length, const int name_type, const s64 position,
	   const MFT_REF reference, const unsigned type)
{
	struct listing *listing = data;
	struct entry *entry;

	(void)type;
	/*
	 * "." and "..", which libntfs-3g makes up at positions 0 and 1 (entries of these names would have others), the
	 * files of NTFS itself, and short names, which go with the long ones.
	 */
	if (position < 2 || MREF(reference) < FILE_first_user || name_type == FILE_NAME_DOS)
		return 0;
	entry = malloc(sizeof(*entry) + (size_t)length * sizeof(*name));
	if (entry == NULL) {
		listing->error = ENOMEM;
		return -1;
	}
	entry->next = NULL;
	entry->reference = reference;
	entry->length = length;
	memcpy(entry->name, name, (size_t)length * sizeof(*name));
	*listing->tail = entry;
	listing->tail = &entry->next;
	return 0;
}

static void
free_entries(struct entry *entry)
{
	while (entry != NULL) {
		struct entry *next = entry->next;

		free(entry);
		entry = next;
	}
}

static int
list_directory(ntfs_volume *volume, MFT_REF reference, struct entry **entries)
{
	struct listing listing = { .tail = entries, .error = 0 };
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(reference));
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

/* Begin to empty a directory.  self is taken over. */
static int
enter(struct wipe *wipe, MFT_REF reference, uint64_t kept, struct entry *self)
{
	struct level *level;

	for (level = wipe->level; level != NULL; level = level->parent) {
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
	level->kept = kept;
	level->self = self;
	level->parent = wipe->level;
	if (level->parent != NULL)
		wipe->depth++;
	wipe->level = level;
	return list_directory(wipe->volume, reference, &level->entries);
}

static void
leave(struct wipe *wipe)
{
	struct level *level = wipe->level;

	wipe->level = level->parent;
	if (level->parent != NULL)
		wipe->depth--;
	free_entries(level->entries);
	free(level->self);
	free(level);
}

/* Find a component of a protected path, counted from 0; its length is 0 where the path has ended. */
static const ntfschar *
component(const struct path *path, unsigned depth, size_t *length)
{
	const ntfschar *from = path->component, *to;

	for (;; depth--) {
		for (to = from; to < path->end && le16_to_cpu(*to) != '\\'; to++)
			;
		if (depth == 0 || to == path->end)
			break;
		from = to + 1;
	}
	*length = depth == 0 ? (size_t)(to - from) : 0;
	return from;
}

/* Tell whether an entry is protected itself, and which protected paths lead on through it. */
static int
is_kept(const struct wipe *wipe, const struct entry *entry, uint64_t *through)
{
	const ntfs_volume *volume = wipe->volume;

	*through = 0;
	for (unsigned i = 0; i < wipe->kept_count; i++) {
		size_t length, more;
		const ntfschar *name;

		if ((wipe->level->kept & (UINT64_C(1) << i)) == 0)
			continue;
		name = component(&wipe->kept[i], wipe->depth, &length);
		if (!ntfs_names_are_equal(entry->name, (size_t)entry->length, name, length, IGNORE_CASE, volume->upcase,
					  volume->upcase_len))
			continue;
		component(&wipe->kept[i], wipe->depth + 1, &more);
		if (more == 0)
			return 1;
		*through |= UINT64_C(1) << i;
	}
	return 0;
}

/* Delete an empty directory or a file, whose inode is open, from a directory. */
static int
delete(struct wipe *wipe, ntfs_inode *inode, MFT_REF directory, const struct entry *entry)
{
	ntfs_inode *parent = ntfs_inode_open(wipe->volume, MREF(directory));

	if (parent == NULL) {
		int number = errno;

		ntfs_inode_close(inode);
		return fail(number);
	}
	/* This closes both. */
	if (ntfs_delete(wipe->volume, NULL, inode, parent, entry->name, (u8)entry->length) != 0)
		return -1;
	wipe->removed++;
	return 0;
}

/* Delete an entry, or begin to empty it.  The entry is taken over. */
static int
wipe_entry(struct wipe *wipe, struct entry *entry)
{
	MFT_REF reference = entry->reference;
	ntfs_inode *inode;
	uint64_t through;
	int is_directory, is_full, result;

	if (is_kept(wipe, entry, &through)) {
		free(entry);
		return 0;
	}
	inode = ntfs_inode_open(wipe->volume, MREF(reference));
	if (inode == NULL) {
		free(entry);
		return -1;
	}
	is_directory = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0;
	is_full = is_directory && ntfs_check_empty_dir(inode) != 0;
	if (is_full || (is_directory && through != 0)) {
		if (ntfs_inode_close(inode) != 0) {
			free(entry);
			return -1;
		}
		if (through == 0)
			return enter(wipe, reference, 0, entry);
		free(entry);
		return enter(wipe, reference, through, NULL);
	}
	result = delete(wipe, inode, wipe->level->reference, entry);
	free(entry);
	return result;
}

/* Delete the directory that has been emptied and go on in the one above it. */
static int
finish_level(struct wipe *wipe)
{
	struct level *level = wipe->level;
	int result = 0;

	if (level->self != NULL) {
		ntfs_inode *inode = ntfs_inode_open(wipe->volume, MREF(level->reference));

		result = inode == NULL ? -1 : delete(wipe, inode, level->parent->reference, level->self);
	}
	leave(wipe);
	return result;
}

static int
split_kept(struct wipe *wipe, const ntfschar *kept, size_t length)
{
	const ntfschar *end = kept + length;

	while (kept < end) {
		const ntfschar *stop = kept;

		while (stop < end && *stop != 0)
			stop++;
		if (stop > kept) {
			if (wipe->kept_count == OSD_NTFS_MOST_KEPT)
				return fail(E2BIG);
			wipe->kept[wipe->kept_count].component = kept;
			wipe->kept[wipe->kept_count].end = stop;
			wipe->kept_count++;
		}
		kept = stop + 1;
	}
	return 0;
}

/*
 * Delete everything from a volume but the files of NTFS and the protected paths with all below them.  kept holds the
 * paths in UTF-16LE without a leading backslash, each ended by a zero; names are compared as the volume compares them,
 * without case.  Links and junctions are deleted, never followed.  Returns how many files and directories were deleted,
 * or -1 with errno: ELOOP when a directory contains itself.
 */
int64_t
osd_ntfs_wipe(struct _ntfs_volume *volume, const uint16_t *kept, size_t kept_length)
{
	struct wipe wipe = { .volume = volume };
	int result = split_kept(&wipe, kept, kept_length);

	if (result == 0)
		result = enter(&wipe, FILE_root, ~UINT64_C(0), NULL);
	while (result == 0 && wipe.level != NULL) {
		struct entry *entry = wipe.level->entries;

		if (entry != NULL) {
			wipe.level->entries = entry->next;
			result = wipe_entry(&wipe, entry);
		} else {
			result = finish_level(&wipe);
		}
	}
	if (result != 0) {
		int number = errno;

		while (wipe.level != NULL)
			leave(&wipe);
		return fail(number);
	}
	return wipe.removed;
}
