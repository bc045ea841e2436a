/* The blocks that a cache holds.  See blocks.c. */
#ifndef OSDIMAGE_SLICE_BLOCKS_H
#define OSDIMAGE_SLICE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "slices/units.h"

#define OSD_NO_SLOT UINT32_MAX

struct osd_block {
	int64_t index;			/* which block of the slice */
	uint32_t next;			/* in the chain of its hash, or in the list of free blocks */
	uint8_t in_use;
	uint8_t is_chosen;		/* to leave */
	uint8_t stays;			/* is never chosen */
	uint8_t turn;			/* what is written together is written in the order of its turns */
	uint8_t referenced;
	uint8_t is_hole;		/* what is not valid is zeros */
	uint64_t valid[WORDS];
	uint64_t dirty[WORDS];
};

struct osd_blocks {
	uint32_t capacity;		/* 0: there are none */
	uint32_t free_list;
	uint32_t hand;
	uint32_t last;			/* the block that was used last */
	uint32_t hash_mask;
	uint32_t *hash;
	struct osd_block *blocks;	/* by slot */
	uint8_t *data;
};

int osd_blocks_init(struct osd_blocks *blocks, uint32_t capacity);
void osd_blocks_release(struct osd_blocks *blocks);
uint32_t osd_blocks_find(struct osd_blocks *blocks, int64_t index);
uint32_t osd_blocks_add(struct osd_blocks *blocks, int64_t index);
void osd_blocks_drop(struct osd_blocks *blocks, uint32_t slot);
uint32_t osd_blocks_choose(struct osd_blocks *blocks, uint32_t wanted, uint32_t *slots);

/* The contents of a block: OSD_CACHE_BLOCK bytes. */
static inline uint8_t *
osd_blocks_data(const struct osd_blocks *blocks, uint32_t slot)
{
	return blocks->data + (size_t)slot * OSD_CACHE_BLOCK;
}

#endif
