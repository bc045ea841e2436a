/*
 * What Windows may have left on an NTFS volume that makes it unsafe to write to, and how much is on it.
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
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/logfile.h>
#include <ntfs-3g/volume.h>

#include "fail.h"

/*
 * Version 2.0 of the restart page is what Windows 8 and later write while they have the volume in use, and what is left
 * where they did not close it: libntfs-3g refuses it whatever else the page says, and so it is as good as open.
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
		hazards |= OSD_NTFS_LOG_IN_USE;
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

/*
 * Count the records of the MFT that are in use for something else than NTFS itself: about as many as there are files
 * and directories.  Returns -1 with errno.
 */
int64_t
osd_ntfs_files(struct _ntfs_volume *volume)
{
	ntfs_attr *bitmap = volume->mftbmp_na;
	int64_t count = 0;
	uint64_t words[512];

	for (s64 at = 0; at < bitmap->data_size;) {
		s64 size;

		memset(words, 0, sizeof(words));
		size = ntfs_attr_pread(bitmap, at, sizeof(words), words);
		if (size <= 0)
			return size == 0 ? fail(EIO) : -1;
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			count += __builtin_popcountll(words[i]);
		at += size;
	}
	return count > FILE_first_user ? count - FILE_first_user : 0;
}
