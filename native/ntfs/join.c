/*
 * Making room on an NTFS volume for an image that has directories of the same names.
 *
 * libwim creates every directory of an image and fails where there is one.  To add an image to what a volume holds, the
 * entries of the root that the image has too are moved into a folder of their own, and after the image was applied what
 * it has not is moved back from there: a directory that is in both is joined, a file that is in both is the image's.
 */
#define _GNU_SOURCE
#include "ntfs/volume.h"

#include "fail.h"
#include "ntfs/emptying.h"

#include <ntfs-3g/dir.h>
#include <ntfs-3g/unistr.h>

static int
has_name(const ntfs_volume *volume, const struct osd_entry *entry, const ntfschar *names, size_t length)
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
	struct osd_entry *entries;
	MFT_REF into = 0;
	int64_t moved = 0;
	int result = osd_entries_list(volume, FILE_root, &entries), number;

	for (const struct osd_entry *entry = entries; result == 0 && entry != NULL; entry = entry->next) {
		if (!has_name(volume, entry, names, names_length))
			continue;
		if (into == 0)
			result = make_directory(volume, place, place_length, &into);
		if (result == 0)
			result = osd_entry_move(volume, entry, FILE_root, into);
		if (result == 0)
			moved++;
	}
	number = errno;
	osd_entries_free(entries);
	return result == 0 ? moved : fail(number);
}

/*
 * What the directory that is the purpose of the level lacks is moved there, a directory that both have is joined with
 * that one, and all else is deleted.
 */
static enum osd_fate
judge_moved(struct osd_emptying *emptying, const struct osd_entry *entry, uint64_t *into)
{
	ntfs_volume *volume = emptying->volume;
	MFT_REF target = emptying->level->purpose, found;
	int both;

	if (target == 0)
		return OSD_FATE_DELETED;
	if (osd_entry_find(volume, target, entry->name, (size_t)entry->length, &found) != 0)
		return OSD_FATE_FAILED;
	if (found == 0) {
		if (osd_entry_move(volume, entry, emptying->level->reference, target) != 0)
			return OSD_FATE_FAILED;
		return osd_emptying_count(emptying) == 0 ? OSD_FATE_STAYS : OSD_FATE_FAILED;
	}
	both = osd_entry_is_plain_directory(volume, found);
	if (both == 1)
		both = osd_entry_is_plain_directory(volume, entry->reference);
	/* 0, which is $MFT, stands for no directory. */
	*into = both == 1 ? found : 0;
	return both < 0 ? OSD_FATE_FAILED : OSD_FATE_DELETED;
}

/*
 * Undo osd_ntfs_set_aside() as far as the root does not hold the same meanwhile, and delete its directory with the
 * rest.  Returns how many entries left the directory, 0 when it is not there, or -1 with errno: ECANCELED when report
 * wanted no more.
 */
int64_t
osd_ntfs_bring_back(struct _ntfs_volume *volume, const uint16_t *place, size_t place_length, osd_ntfs_report report,
		    void *listener)
{
	struct osd_emptying emptying = {
		.volume = volume, .judge = judge_moved, .report = report, .listener = listener
	};
	MFT_REF reference;
	struct osd_entry *self;
	struct osd_times times;
	int64_t left;
	int result = osd_entry_find(volume, FILE_root, place, place_length, &reference);

	if (result != 0 || reference == 0)
		return result;
	/* Those of the image, which the root loses with every entry that leaves it. */
	result = osd_directory_times(volume, FILE_root, &times);
	if (result != 0)
		return result;
	/* The root stays on the stack, so that what is moved there is known to have a parent. */
	result = osd_emptying_enter(&emptying, FILE_root, 0, NULL);
	if (result == 0) {
		osd_entries_free(emptying.level->entries);
		emptying.level->entries = NULL;
		self = osd_entry_new(reference, place, place_length);
		result = self == NULL ? -1 : osd_emptying_enter(&emptying, reference, FILE_root, self);
	}
	left = osd_emptying_run(&emptying, result);
	return left < 0 || osd_directory_set_times(volume, FILE_root, &times) == 0 ? left : -1;
}
