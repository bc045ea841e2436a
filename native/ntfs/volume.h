/* What osdimage does with an NTFS volume beside applying and capturing: volume.c, wipe.c, join.c and files.c. */
#ifndef OSDIMAGE_NTFS_VOLUME_H
#define OSDIMAGE_NTFS_VOLUME_H

#include <stddef.h>
#include <stdint.h>

struct _ntfs_volume;

/* Why Windows would lose data if the volume were written to; bits. */
#define OSD_NTFS_HIBERNATED 1
#define OSD_NTFS_LOG_IN_USE 2

/* More protected paths are refused. */
#define OSD_NTFS_MOST_KEPT 64

/* Is told, now and then, how many entries have left their directory; anything but 0 ends the work. */
typedef int (*osd_ntfs_report)(int64_t removed, void *listener);

int64_t osd_ntfs_files(struct _ntfs_volume *volume);
int osd_ntfs_hazards(struct _ntfs_volume *volume);
int64_t osd_ntfs_wipe(struct _ntfs_volume *volume, const uint16_t *paths, size_t paths_length,
		      osd_ntfs_report report, void *listener);
int64_t osd_ntfs_set_aside(struct _ntfs_volume *volume, const uint16_t *names, size_t names_length,
			   const uint16_t *place, size_t place_length);
int64_t osd_ntfs_bring_back(struct _ntfs_volume *volume, const uint16_t *place, size_t place_length,
			    osd_ntfs_report report, void *listener);

/* A file or directory; modified is a FILETIME. */
struct osd_ntfs_about {
	uint64_t reference;
	int64_t size, modified;
	uint32_t attributes;
	int is_directory;
};

/*
 * How many files have extended attributes, how many directories with something in them a reparse point, and how many
 * files and directories a reparse point that may be one of a cloud; these are not counted among the directories.
 */
struct osd_ntfs_unread {
	int64_t extended;
	int64_t directories;
	int64_t clouded;
};

int osd_ntfs_about(struct _ntfs_volume *volume, uint64_t reference, struct osd_ntfs_about *about);
int osd_ntfs_child(struct _ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length,
		   struct osd_ntfs_about *about);
int osd_ntfs_list(struct _ntfs_volume *volume, uint64_t directory, uint8_t **list, size_t *size);
int64_t osd_ntfs_read(struct _ntfs_volume *volume, uint64_t reference, int64_t offset, void *buffer, int64_t count);
int64_t osd_ntfs_find_false_claim(struct _ntfs_volume *volume, struct osd_ntfs_unread *unread);
int osd_ntfs_overwrite(struct _ntfs_volume *volume, uint64_t reference, const void *buffer, int64_t count,
		       int64_t time);
int osd_ntfs_reserve(struct _ntfs_volume *volume, uint64_t reference, int64_t size);
int osd_ntfs_write(struct _ntfs_volume *volume, uint64_t reference, int64_t offset, const void *buffer, int64_t count);
int osd_ntfs_overwrite_covered(struct _ntfs_volume *volume, uint64_t reference, const uint16_t *stream, size_t length,
			       const void *buffer, int64_t count, int64_t time);
int osd_ntfs_make(struct _ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length,
		  int is_directory, const void *buffer, int64_t count, int64_t time, struct osd_ntfs_about *about);
int osd_ntfs_set_attributes(struct _ntfs_volume *volume, uint64_t reference, uint32_t attributes);
int osd_ntfs_delete(struct _ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length);
int osd_ntfs_sync(struct _ntfs_volume *volume);

#endif
