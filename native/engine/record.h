/* Attributes and records of an MFT as bytes.  See record.c. */
#ifndef OSDIMAGE_ENGINE_RECORD_H
#define OSDIMAGE_ENGINE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "engine/extents.h"

/* The types of attributes ($AttrDef). */
enum osd_attribute_type {
	OSD_STANDARD_INFORMATION = 0x10,
	OSD_ATTRIBUTE_LIST = 0x20,
	OSD_FILE_NAME = 0x30,
	OSD_OBJECT_ID = 0x40,
	OSD_SECURITY_DESCRIPTOR = 0x50,
	OSD_VOLUME_INFORMATION = 0x70,
	OSD_DATA = 0x80,
	OSD_INDEX_ROOT = 0x90,
	OSD_INDEX_ALLOCATION = 0xA0,
	OSD_BITMAP = 0xB0,
	OSD_REPARSE_POINT = 0xC0,
	OSD_NO_ATTRIBUTE = 0xFFFFFFFF,
};

/* Flags of an attribute. */
#define OSD_IS_COMPRESSED 0x0001
#define OSD_IS_SPARSE 0x8000

/* Flags of a record. */
#define OSD_RECORD_IN_USE 1
#define OSD_RECORD_IS_DIRECTORY 2

/* Runs of holes and compressed data come in units of 2^4 clusters, where those are not larger than this. */
#define OSD_LARGEST_COMPRESSED 4096
#define OSD_UNIT_SHIFT 4
#define OSD_UNIT_CLUSTERS (1 << OSD_UNIT_SHIFT)

/* The fixups guard blocks of 512 bytes, whatever the sectors of the disk. */
#define OSD_FIXUP_BLOCK 512

/*
 * An attribute to be written, or a part of one that is not resident: some of its runs.  What it points to is somebody
 * else's.  raw is one that was read, with its head, and is to be written as it was.
 */
struct osd_attribute {
	uint32_t type;
	uint16_t flags;
	uint8_t name_length;
	uint8_t is_indexed;
	const uint16_t *name;

	const uint8_t *value;		/* NULL for zeros */
	uint32_t size;

	const struct osd_extent *runs;	/* NULL when it is resident */
	size_t run_count;
	uint64_t first_vcn;
	uint64_t clusters;		/* of these runs */
	/* Of the whole attribute, told in its first part. */
	uint64_t allocated;
	uint64_t data;
	uint64_t stored;		/* without the holes; for OSD_IS_COMPRESSED and OSD_IS_SPARSE */
	uint8_t unit_shift;		/* of the number of clusters of a unit; the same */

	const uint8_t *raw;

	uint32_t length;		/* in the record; see osd_attribute_measure() */
	uint16_t record;		/* 0: the base, 1 and more: its extensions */
	uint16_t instance;
};

struct osd_record {
	uint32_t size;
	uint64_t number;
	uint16_t sequence;
	uint16_t links;
	uint16_t flags;
	uint64_t base;			/* reference to the base, or 0 */
	uint16_t first_instance;
};

static inline uint64_t
osd_reference(uint64_t number, uint16_t sequence)
{
	return number | (uint64_t)sequence << 48;
}

int osd_record_is_in_use(const uint8_t *record);
size_t osd_record_head(uint32_t size);
size_t osd_record_room(uint32_t size);
size_t osd_attribute_head(const struct osd_attribute *attribute);
void osd_attribute_measure(struct osd_attribute *attribute);
void osd_record_begin(uint8_t *out, const struct osd_record *record);
void osd_record_add(uint8_t *out, struct osd_attribute *attribute);
void osd_record_end(uint8_t *out);

void osd_fixups_apply(uint8_t *block);
void osd_fixups_follow(uint8_t *record, const uint8_t *old);
int osd_fixups_undo(uint8_t *block, uint32_t size, const char *magic);

int osd_record_check(const uint8_t *record, uint32_t size);
const uint8_t *osd_record_next(const uint8_t *record, const uint8_t *attribute);
const uint8_t *osd_record_find(const uint8_t *record, uint32_t type, const char *name);
int osd_attribute_value(const uint8_t *attribute, const uint8_t **value, uint32_t *size);
int osd_attribute_runs(const uint8_t *attribute, uint64_t clusters, struct osd_extents *runs);

#endif
