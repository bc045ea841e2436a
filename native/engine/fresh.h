/* An NTFS volume as it was formatted, and writing to it.  See fresh.c. */
#ifndef OSDIMAGE_ENGINE_FRESH_H
#define OSDIMAGE_ENGINE_FRESH_H

#include <stddef.h>
#include <stdint.h>

#include "engine/extents.h"

struct osd_source;

/* The first record of a file of a user; those before it are of the system, or kept free for it. */
#define OSD_FIRST_FILE 64
/* The records of the system that a new volume has. */
#define OSD_SYSTEM_FILES 27

enum osd_system_file {
	OSD_FILE_MFT = 0,
	OSD_FILE_MIRROR = 1,
	OSD_FILE_LOG = 2,
	OSD_FILE_VOLUME = 3,
	OSD_FILE_ROOT = 5,
	OSD_FILE_BITMAP = 6,
	OSD_FILE_SECURE = 9,
	OSD_FILE_UPCASE = 10,
	OSD_FILE_EXTEND = 11,
	OSD_FILES_NAMED = 12,		/* 0 to 11 have names in the root */
};

#define OSD_ROOT_SEQUENCE 5
#define OSD_VOLUME_IS_DIRTY 1

/* The part of a source that is the volume. */
struct osd_area {
	struct osd_source *source;
	uint64_t begin;
	uint64_t length;
};

struct osd_fresh {
	struct osd_area area;
	uint32_t sector_size;
	uint32_t cluster_size;
	uint32_t record_size;
	uint32_t block_size;		/* of an index */
	uint64_t clusters;
	uint64_t mirror_size;		/* of the first records, which NTFS keeps twice; in bytes */
	uint16_t *upcase;		/* 65536 */
	uint8_t *records;		/* OSD_FIRST_FILE of them, without fixups; zeros behind the last */
	uint32_t record_count;		/* of those that are read */
	uint64_t record_end;		/* behind the last that the MFT has */
	struct osd_extents mft, mirror, mft_bitmap, bitmap;
	struct osd_extents free;	/* what no file of the system has */
	int has_leaks;			/* the bitmap says that more is in use: an earlier fill was stopped */
	uint16_t volume_flags;
};

int osd_area_read(const struct osd_area *area, void *buffer, uint64_t size, uint64_t at);
int osd_area_write(const struct osd_area *area, const void *buffer, uint64_t size, uint64_t at);
int osd_area_sync(const struct osd_area *area);

int osd_fresh_read(struct osd_fresh *fresh, struct osd_source *source, uint64_t begin, uint64_t length);
int osd_fresh_is_new(struct osd_source *source, uint64_t begin, uint64_t length);
void osd_fresh_release(struct osd_fresh *fresh);
int osd_fresh_find_free(struct osd_fresh *fresh);
int osd_fresh_compare_bitmap(struct osd_fresh *fresh);
uint8_t *osd_fresh_record(const struct osd_fresh *fresh, uint32_t number);
int osd_fresh_find(const struct osd_fresh *fresh, const char *name, uint32_t *number);

int osd_extents_read(const struct osd_fresh *fresh, const struct osd_extents *runs, void *buffer, uint64_t size, uint64_t at);
int osd_extents_write(const struct osd_fresh *fresh, const struct osd_extents *runs, const void *buffer, uint64_t size,
		   uint64_t at);
int osd_fresh_mark(const struct osd_fresh *fresh, int is_dirty);

#endif
