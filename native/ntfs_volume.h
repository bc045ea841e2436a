/* What osdimage does with an NTFS volume beside applying and capturing.  See ntfs_volume.c and ntfs_wipe.c. */
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

int osd_ntfs_hazards(struct _ntfs_volume *volume);
int64_t osd_ntfs_wipe(struct _ntfs_volume *volume, const uint16_t *kept, size_t kept_length);
int64_t osd_ntfs_set_aside(struct _ntfs_volume *volume, const uint16_t *names, size_t names_length,
			   const uint16_t *place, size_t place_length);
int64_t osd_ntfs_bring_back(struct _ntfs_volume *volume, const uint16_t *place, size_t place_length);

#endif
