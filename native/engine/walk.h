/* Entry by entry over the tree of an image as it is stored.  See walk.c, and sound.c for what is a tree here. */
#ifndef OSDIMAGE_ENGINE_WALK_H
#define OSDIMAGE_ENGINE_WALK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/bytes.h"
#include "engine/map.h"

struct osd_blob;
struct wimlib_dir_entry;

/* DIRENTRY */
enum {
	OSD_ENTRY_ATTRIBUTES = 8,
	OSD_ENTRY_SECURITY = 12,
	OSD_ENTRY_CHILDREN = 16,
	OSD_ENTRY_CREATED = 40,
	OSD_ENTRY_ACCESSED = 48,
	OSD_ENTRY_MODIFIED = 56,
	OSD_ENTRY_HASH = 64,
	OSD_ENTRY_TAG = 88,		/* of a reparse point; else which names are of one file */
	OSD_ENTRY_STREAMS = 96,
	OSD_ENTRY_SHORT_NAME = 98,
	OSD_ENTRY_NAME = 100,
	OSD_ENTRY_BYTES = 102,
};
/* STREAMENTRY */
enum {
	OSD_STREAM_HASH = 16,
	OSD_STREAM_NAME = 36,
	OSD_STREAM_BYTES = 38,
};

/* What is deeper is libwim's to judge. */
#define OSD_DEEPEST 1000

/* Names of one file. */
struct osd_walk_group {
	uint64_t id;
	size_t entry;			/* where in the tree the first of them is */
	uint32_t links;
};

struct osd_walk {
	const uint8_t *tree;
	size_t size;
	size_t root;
	uint32_t descriptor_count;
	size_t *descriptors;		/* where each begins, and the last ends */
	struct osd_map group_map;
	struct osd_walk_group *groups;
	uint32_t group_count, group_room;
	uint8_t *is_entry;		/* a bit for each place where one may begin: two directories have no list together */
	size_t lists[OSD_DEEPEST];	/* where the walk goes on at each depth */

	/* While entries are told. */
	const struct osd_blob *(*find)(void *blobs, const uint8_t *sha1);
	void *blobs;
	int (*each)(const struct wimlib_dir_entry *entry, void *context);
	void *context;
	struct wimlib_dir_entry *entry;
	uint32_t stream_room;
	char *path;
	size_t path_room;
	size_t path_ends[OSD_DEEPEST];
	char *names;			/* of the streams */
	size_t names_room;
};

int osd_walk(const uint8_t *tree, size_t size, const struct osd_blob *(*find)(void *blobs, const uint8_t *sha1),
	     void *blobs, int (*each)(const struct wimlib_dir_entry *entry, void *context), void *context);

/* For walk.c and sound.c. */
int osd_walk_sound(struct osd_walk *walk);
int osd_walk_entries(struct osd_walk *walk, int (*visit)(struct osd_walk *walk, size_t at, size_t depth));
struct osd_walk_group *osd_walk_group_of(struct osd_walk *walk, const uint8_t *entry);

static inline uint64_t
osd_walk_next(const uint8_t *at)
{
	return round_up(get64(at), 8);
}

/* Where the tagged items of an entry begin: behind its names, each of which is ended by a zero. */
static inline size_t
osd_walk_items(const uint8_t *entry)
{
	size_t name = get16(entry + OSD_ENTRY_NAME), short_name = get16(entry + OSD_ENTRY_SHORT_NAME);

	return round_up(OSD_ENTRY_BYTES + (name > 0 ? name + 2 : 0) + (short_name > 0 ? short_name + 2 : 0), 8);
}

static inline int
osd_walk_has_hash(const uint8_t *hash)
{
	static const uint8_t zeros[20];

	return memcmp(hash, zeros, sizeof(zeros)) != 0;
}

#endif
