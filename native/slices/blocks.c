/*
 * The table of a cache's blocks: found by their index through a hash, and chosen to leave by the clock algorithm.
 */
#include "slices/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* Make a table for so many blocks.  Returns 0, or -1 with errno ENOMEM; it is to be released in both cases. */
int
osd_blocks_init(struct osd_blocks *blocks, uint32_t capacity)
{
	uint32_t buckets = 1;

	memset(blocks, 0, sizeof(*blocks));
	blocks->capacity = capacity;
	blocks->free_list = blocks->last = OSD_NO_SLOT;
	if (capacity == 0)
		return 0;
	while (buckets < capacity)
		buckets *= 2;
	blocks->hash_mask = buckets - 1;
	blocks->hash = malloc(buckets * sizeof(*blocks->hash));
	blocks->blocks = calloc(capacity, sizeof(*blocks->blocks));
	/* Fresh memory takes room only where it is touched, so a small volume needs no smaller cache. */
	blocks->data = malloc((size_t)capacity * OSD_CACHE_BLOCK);
	if (blocks->hash == NULL || blocks->blocks == NULL || blocks->data == NULL)
		return fail(ENOMEM);
	memset(blocks->hash, 0xFF, buckets * sizeof(*blocks->hash));
	for (uint32_t slot = 0; slot < capacity; slot++) {
		blocks->blocks[slot].index = -1;
		blocks->blocks[slot].next = slot + 1 < capacity ? slot + 1 : OSD_NO_SLOT;
	}
	blocks->free_list = 0;
	return 0;
}

void
osd_blocks_release(struct osd_blocks *blocks)
{
	free(blocks->hash);
	free(blocks->blocks);
	free(blocks->data);
}

static uint32_t *
chain_of(const struct osd_blocks *blocks, int64_t index)
{
	/* Fibonacci hashing: neighbours spread, and so do multiples of a power of two. */
	uint64_t product = (uint64_t)index * UINT64_C(0x9E3779B97F4A7C15);

	return &blocks->hash[(uint32_t)(product >> 32) & blocks->hash_mask];
}

/* Find a block.  Returns its slot, or OSD_NO_SLOT.  There must be room for one at least. */
uint32_t
osd_blocks_find(struct osd_blocks *blocks, int64_t index)
{
	uint32_t slot = blocks->last;

	if (slot != OSD_NO_SLOT && blocks->blocks[slot].index == index)
		return slot;
	for (slot = *chain_of(blocks, index); slot != OSD_NO_SLOT; slot = blocks->blocks[slot].next) {
		if (blocks->blocks[slot].index == index) {
			blocks->last = slot;
			return slot;
		}
	}
	return OSD_NO_SLOT;
}

/* Take a block that is not there, with nothing valid yet.  Returns its slot, or OSD_NO_SLOT when all are in use. */
uint32_t
osd_blocks_add(struct osd_blocks *blocks, int64_t index)
{
	uint32_t slot = blocks->free_list, *link;
	struct osd_block *block;

	if (slot == OSD_NO_SLOT)
		return OSD_NO_SLOT;
	block = &blocks->blocks[slot];
	blocks->free_list = block->next;
	memset(block, 0, sizeof(*block));
	block->index = index;
	block->in_use = 1;
	link = chain_of(blocks, index);
	block->next = *link;
	*link = slot;
	blocks->last = slot;
	return slot;
}

void
osd_blocks_drop(struct osd_blocks *blocks, uint32_t slot)
{
	struct osd_block *block = &blocks->blocks[slot];
	uint32_t *link = chain_of(blocks, block->index);

	while (*link != slot)
		link = &blocks->blocks[*link].next;
	*link = block->next;
	block->in_use = 0;
	block->next = blocks->free_list;
	blocks->free_list = slot;
	if (blocks->last == slot)
		blocks->last = OSD_NO_SLOT;
}

/*
 * Choose blocks that were not used for longest, of a table that is full.  Blocks used since the hand passed are spared
 * once, those that stay always.  The chosen must be dropped before the next call.  Returns how many there are.
 */
uint32_t
osd_blocks_choose(struct osd_blocks *blocks, uint32_t wanted, uint32_t *slots)
{
	uint32_t count = 0;

	/* In the first round every block loses its mark at the latest, so two find enough. */
	for (uint64_t step = 0; count < wanted && step < 2 * (uint64_t)blocks->capacity; step++) {
		struct osd_block *block = &blocks->blocks[blocks->hand];

		if (block->referenced) {
			block->referenced = 0;
		} else if (!block->is_chosen && !block->stays) {
			block->is_chosen = 1;
			slots[count++] = blocks->hand;
		}
		blocks->hand = blocks->hand + 1 < blocks->capacity ? blocks->hand + 1 : 0;
	}
	return count;
}
