/* The entries of directories of an NTFS volume.  See entries.c. */
#ifndef OSDIMAGE_NTFS_ENTRIES_H
#define OSDIMAGE_NTFS_ENTRIES_H

/* ntfs-3g's headers use what these declare, and include none of them. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <ntfs-3g/types.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/volume.h>

/* A name in a directory.  The files of NTFS itself have none, and a short name is no entry beside its long one. */
struct osd_entry {
	struct osd_entry *next;
	MFT_REF reference;
	int length;
	ntfschar name[];
};

/* Make an entry.  Returns NULL with errno ENOMEM. */
struct osd_entry *osd_entry_new(MFT_REF reference, const ntfschar *name, size_t length);

/* Free an entry and all that follow it. */
void osd_entries_free(struct osd_entry *entry);

/*
 * Open what a reference names; one without a sequence number names whatever its record holds.  Returns NULL with errno:
 * ENOENT when it names nothing any more.
 */
ntfs_inode *osd_inode_open(ntfs_volume *volume, MFT_REF reference);

/* Close what was opened, after something that returned 0, or -1 with errno.  Returns 0, or -1 with the first errno. */
int osd_inode_close(ntfs_inode *inode, int result);

/*
 * List a directory.  Returns 0, or -1 with errno: ENOENT, or ENOTDIR when it is none.  What was found is the caller's
 * in both cases.
 */
int osd_entries_list(ntfs_volume *volume, MFT_REF directory, struct osd_entry **entries);

/*
 * Find a name in a directory as the volume compares names, without case.  Returns 0 and the reference, which is 0 when
 * there is none, or -1 with errno: ENOENT when there is no such directory, ENOTDIR when it is none.
 */
int osd_entry_find(ntfs_volume *volume, MFT_REF directory, const ntfschar *name, size_t length, MFT_REF *found);

/* Tell whether something is a directory, and neither a link nor a junction: 1, 0, or -1 with errno. */
int osd_entry_is_plain_directory(ntfs_volume *volume, MFT_REF reference);

/* When a directory was changed and read last. */
struct osd_times {
	ntfs_time modified;
	ntfs_time accessed;
};

/* Read the times of a directory, and give them to it again.  Both return 0, or -1 with errno. */
int osd_directory_times(ntfs_volume *volume, MFT_REF reference, struct osd_times *times);
int osd_directory_set_times(ntfs_volume *volume, MFT_REF reference, const struct osd_times *times);

/*
 * Delete an empty directory or a file, whose inode is open, from a directory.  The inode is closed in any case.
 * Returns 0, or -1 with errno.
 */
int osd_entry_delete(ntfs_volume *volume, ntfs_inode *inode, MFT_REF directory, const struct osd_entry *entry);

/*
 * Move an entry from a directory to another that has none of its name.  It keeps its short name unless something there
 * has that, or it is a file with hard links, which libntfs-3g gives none.  The directory that it comes to keeps its
 * times.  Returns 0, or -1 with errno.
 */
int osd_entry_move(ntfs_volume *volume, const struct osd_entry *entry, MFT_REF from, MFT_REF to);

#endif
