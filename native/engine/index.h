/* Indexes of NTFS, built from the bottom up.  See index.c. */
#ifndef OSDIMAGE_ENGINE_INDEX_H
#define OSDIMAGE_ENGINE_INDEX_H

#include <stddef.h>
#include <stdint.h>

/* How the keys of an index are sorted ($INDEX_ROOT). */
enum osd_collation {
	OSD_COLLATE_FILE_NAME = 0x01,
	OSD_COLLATE_NUMBER = 0x10,		/* $SII */
	OSD_COLLATE_SECURITY_HASH = 0x12,	/* $SDH */
	OSD_COLLATE_NUMBERS = 0x13,		/* $O, $R */
};

/* The largest entry: a key of 66 bytes and 255 units, with head and child. */
#define OSD_LARGEST_INDEX_ENTRY 608

/* The value of an $INDEX_ROOT without entries, without and with children. */
#define OSD_EMPTY_INDEX_ROOT 48
#define OSD_SMALLEST_INDEX_ROOT 56

/*
 * What an index is built of: its entries in order, as INDEX_ENTRYs without children, and where its blocks go.
 */
struct osd_index_input {
	size_t count;
	/* The length of an entry, a multiple of 8. */
	uint32_t (*length)(void *context, size_t entry);
	/* Write an entry of that length. */
	void (*entry)(void *context, size_t entry, uint8_t *out);
	/* Take a block; 0, or an errno that ends the building. */
	int (*block)(void *context, uint32_t number, const uint8_t *block);
	void *context;

	uint32_t attribute_type;	/* what is indexed: OSD_FILE_NAME, or 0 for a view */
	enum osd_collation collation;
	uint32_t block_size;
	uint32_t cluster_size;
	size_t largest_root;		/* of the value of $INDEX_ROOT, when it has no children */
	size_t largest_parent;		/* when it has */
};

struct osd_index {
	size_t root_size;
	uint32_t blocks;
};

int osd_index_measure(const struct osd_index_input *input, struct osd_index *index);
int osd_index_build(const struct osd_index_input *input, struct osd_index *index, uint8_t *root, size_t room);

#endif
