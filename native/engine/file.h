/* The attributes of a file on its way to its records.  See file.c and records.c. */
#ifndef OSDIMAGE_ENGINE_FILE_H
#define OSDIMAGE_ENGINE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/extents.h"
#include "engine/record.h"

struct osd_bulk;

/* What NTFS allows a list of attributes. */
#define OSD_LARGEST_LIST (256 << 10)

enum {
	OSD_STANDARD_BYTES = 72,	/* $STANDARD_INFORMATION, with the id of a descriptor */
	OSD_NAME_KEY = 66,		/* $FILE_NAME without the name */
	OSD_OBJECT_KEY = 16,		/* $OBJECT_ID; where it was born is in $ObjId alone */
	OSD_REPARSE_HEAD = 8,
};

/* What is used again for each file. */
struct osd_file {
	struct osd_attribute *attributes;
	size_t count, capacity;
	uint8_t *values;		/* of the attributes that are made here */
	size_t used, room;
	struct osd_extent *single;		/* the runs of streams that have one, by the stream's place in the file */
	uint32_t *streams;		/* sorted */
	size_t stream_room;
	struct osd_extents *late;
	size_t late_count, late_room;
	uint8_t *list;
	size_t list_room;
	uint8_t *extensions;
	size_t extension_room;
};

int osd_file_grow(void *member, size_t *room, size_t needed, size_t size);
void osd_attribute_set_runs(struct osd_attribute *attribute, const struct osd_extents *runs, uint64_t size,
			    uint32_t cluster_size);
int osd_file_collect(struct osd_bulk *bulk, struct osd_file *file, uint32_t number);

#endif
