/*
 * Emptying an NTFS volume, and making room on one for an image that has directories of the same names.
 *
 * libwim creates every directory of an image and fails where there is one.  To add an image to what a volume holds, the
 * entries of the root that the image has too are moved into a folder of their own, and after the image was applied what
 * it has not is moved back from there: a directory that is in both is joined, a file that is in both is the image's.
 *
 * Directories are walked with a stack on the heap, so that the depth of a hostile tree cannot end the process.
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
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

static int
fail(int number)
{
	errno = number;
	return -1;
}

struct entry {
	struct entry *next;
	MFT_REF reference;
	int length;
	ntfschar name[];
};

/* A directory that is being emptied, and what of it is left to do.  Directory 0 stands for none: it is $MFT. */
struct level {
	struct level *parent;
	struct entry *entries;
	struct entry *self;		/* to be deleted when it is empty; NULL for one that stays */
	MFT_REF reference;
	MFT_REF into;			/* where to move what is not there; 0: delete everything */
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
enter(struct wipe *wipe, MFT_REF reference, MFT_REF into, uint64_t kept, struct entry *self)
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
	level->into = into;
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

/* Find a name in a directory without case.  Returns 0 and the entry, which is 0 when there is none, or -1. */
static int
look_up(ntfs_volume *volume, MFT_REF directory, const ntfschar *name, int length, MFT_REF *found)
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
static int
is_plain_directory(ntfs_volume *volume, MFT_REF reference)
{
	ntfs_inode *inode = ntfs_inode_open(volume, MREF(reference));
	int result;

	if (inode == NULL)
		return -1;
	result = (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY) != 0 && (inode->flags & FILE_ATTR_REPARSE_POINT) == 0;
	return ntfs_inode_close(inode) == 0 ? result : -1;
}

/* Move an entry from a directory to another that has none of its name.  It loses its short name. */
static int
move(struct wipe *wipe, const struct entry *entry, MFT_REF from, MFT_REF to)
{
	ntfs_inode *inode = ntfs_inode_open(wipe->volume, MREF(entry->reference));
	ntfs_inode *directory = inode == NULL ? NULL : ntfs_inode_open(wipe->volume, MREF(to));
	int number = 0;

	if (directory == NULL || ntfs_link(inode, directory, entry->name, (u8)entry->length) != 0)
		number = errno;
	if (directory != NULL && ntfs_inode_close(directory) != 0 && number == 0)
		number = errno;
	if (inode != NULL && ntfs_inode_close(inode) != 0 && number == 0)
		number = errno;
	if (number != 0)
		return fail(number);
	inode = ntfs_inode_open(wipe->volume, MREF(entry->reference));
	return inode == NULL ? -1 : delete(wipe, inode, from, entry);
}

/*
 * Do with an entry what its level is for, other than deleting it.  Returns 1 when that is done, 0 when it is to be
 * deleted, or -1 with errno.
 */
static int
rescue(struct wipe *wipe, const struct entry *entry, MFT_REF *into)
{
	MFT_REF found;
	int both;

	*into = 0;
	if (wipe->level->into == 0)
		return 0;
	if (look_up(wipe->volume, wipe->level->into, entry->name, entry->length, &found) != 0)
		return -1;
	if (found == 0)
		return move(wipe, entry, wipe->level->reference, wipe->level->into) == 0 ? 1 : -1;
	both = is_plain_directory(wipe->volume, found);
	if (both == 1)
		both = is_plain_directory(wipe->volume, entry->reference);
	if (both == 1)
		*into = found;
	return both < 0 ? -1 : 0;
}

/* Delete an entry, or begin to empty it.  The entry is taken over. */
static int
wipe_entry(struct wipe *wipe, struct entry *entry)
{
	MFT_REF reference = entry->reference, into;
	ntfs_inode *inode;
	uint64_t through;
	int is_directory, is_full, result;

	result = is_kept(wipe, entry, &through) ? 1 : rescue(wipe, entry, &into);
	if (result != 0) {
		free(entry);
		return result < 0 ? -1 : 0;
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
			return enter(wipe, reference, into, 0, entry);
		free(entry);
		return enter(wipe, reference, 0, through, NULL);
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

/* Empty the directories of the stack.  Returns how many entries left their directory, or -1 with errno. */
static int64_t
run(struct wipe *wipe, int result)
{
	while (result == 0 && wipe->level != NULL) {
		struct entry *entry = wipe->level->entries;

		if (entry != NULL) {
			wipe->level->entries = entry->next;
			result = wipe_entry(wipe, entry);
		} else {
			result = finish_level(wipe);
		}
	}
	if (result != 0) {
		int number = errno;

		while (wipe->level != NULL)
			leave(wipe);
		return fail(number);
	}
	return wipe->removed;
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

	return run(&wipe, result != 0 ? result : enter(&wipe, FILE_root, 0, ~UINT64_C(0), NULL));
}

/* ---- adding an image to what is there */

static int
has_name(const ntfs_volume *volume, const struct entry *entry, const ntfschar *names, size_t length)
{
	const ntfschar *end = names + length;

	while (names < end) {
		const ntfschar *stop = names;

		while (stop < end && *stop != 0)
			stop++;
		if (ntfs_names_are_equal(entry->name, (size_t)entry->length, names, (size_t)(stop - names), IGNORE_CASE,
					 volume->upcase, volume->upcase_len))
			return 1;
		names = stop + 1;
	}
	return 0;
}

static int
make_directory(ntfs_volume *volume, const ntfschar *name, size_t length, MFT_REF *made)
{
	ntfs_inode *root = ntfs_inode_open(volume, FILE_root), *inode;
	int number = 0;

	if (root == NULL)
		return -1;
	inode = ntfs_create(root, const_cpu_to_le32(0), name, (u8)length, S_IFDIR);
	if (inode == NULL) {
		number = errno;
	} else {
		*made = inode->mft_no;
		if (ntfs_inode_close(inode) != 0)
			number = errno;
	}
	if (ntfs_inode_close(root) != 0 && number == 0)
		number = errno;
	return number == 0 ? 0 : fail(number);
}

/*
 * Move the entries of the root that have one of these names (UTF-16LE, each ended by a zero) into a directory of the
 * root, which is made when it is needed and must not be there.  Returns how many were moved, or -1 with errno.
 */
int64_t
osd_ntfs_set_aside(struct _ntfs_volume *volume, const uint16_t *names, size_t names_length, const uint16_t *place,
		   size_t place_length)
{
	struct wipe wipe = { .volume = volume };
	struct entry *entries, *entry;
	MFT_REF into = 0;
	int result = list_directory(volume, FILE_root, &entries);

	for (entry = entries; result == 0 && entry != NULL; entry = entry->next) {
		if (!has_name(volume, entry, names, names_length))
			continue;
		if (into == 0)
			result = make_directory(volume, place, place_length, &into);
		if (result == 0)
			result = move(&wipe, entry, FILE_root, into);
	}
	if (result != 0) {
		int number = errno;

		free_entries(entries);
		return fail(number);
	}
	free_entries(entries);
	return wipe.removed;
}

/*
 * Undo osd_ntfs_set_aside() as far as the root does not hold the same meanwhile, and delete its directory with the
 * rest.  Returns how many entries left the directory, 0 when it is not there, or -1 with errno.
 */
int64_t
osd_ntfs_bring_back(struct _ntfs_volume *volume, const uint16_t *place, size_t place_length)
{
	struct wipe wipe = { .volume = volume };
	struct entry *self;
	MFT_REF reference;
	int result = look_up(volume, FILE_root, place, (int)place_length, &reference);

	if (result != 0 || reference == 0)
		return result;
	self = malloc(sizeof(*self) + place_length * sizeof(*place));
	if (self == NULL)
		return fail(ENOMEM);
	self->next = NULL;
	self->reference = reference;
	self->length = (int)place_length;
	memcpy(self->name, place, place_length * sizeof(*place));
	/* The root stays on the stack, so that what is moved there is known to have a parent. */
	result = enter(&wipe, FILE_root, 0, 0, NULL);
	if (result == 0) {
		free_entries(wipe.level->entries);
		wipe.level->entries = NULL;
		result = enter(&wipe, reference, FILE_root, 0, self);
	} else {
		free(self);
	}
	return run(&wipe, result);
}
