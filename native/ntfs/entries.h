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

#include <ntfs-3g/types.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/volume.h>

struct osd_entry {
	struct osd_entry *next;
	MFT_REF reference;
	int length;
	ntfschar name[];
};

struct osd_entry *osd_entry_new(MFT_REF reference, const ntfschar *name, size_t length);
void osd_entries_free(struct osd_entry *entry);
int osd_entries_list(ntfs_volume *volume, MFT_REF directory, struct osd_entry **entries);
int osd_entry_find(ntfs_volume *volume, MFT_REF directory, const ntfschar *name, int length, MFT_REF *found);
int osd_entry_is_plain_directory(ntfs_volume *volume, MFT_REF reference);
int osd_entry_delete(ntfs_volume *volume, ntfs_inode *inode, MFT_REF directory, const struct osd_entry *entry);
int osd_entry_move(ntfs_volume *volume, const struct osd_entry *entry, MFT_REF from, MFT_REF to);

#endif
