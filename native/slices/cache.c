/*
 * A bounded write-back cache over a window of a source.
 *
 * libntfs-3g reads and writes a volume in small pieces, most of them some bytes to 4 KiB and most of them near each
 * other.  The cache turns them into few large calls:
 *
 *   - Each block of 64 KiB knows which of its units of 512 bytes hold contents (valid), and which of these the source
 *     does not have yet (dirty).  A unit that is written as a whole is never read.
 *   - A block that is a hole of the source is zeros: it is never read either.
 *   - When the cache is full, the quarter that was not used for longest is written in the order of the disk, what is
 *     adjacent in one call, and leaves.
 *   - A failed write may belong to any earlier operation.  Its errno stays, and every later one fails with it.
 *
 * What is written together has an order, for the process may be killed between any two writes.  Ranges that were named
 * with osd_cache_write_last() come after everything else, in the order in which they were named, and do not leave the
 * cache before it is flushed.  A device names the first records of the MFT and then their mirror (mirror.c), so:
 *
 *   - Before a flush the source has both as the flush before left them, and they agree, whatever else was written
 *     since.  The first flush is that of the dirty flag alone, so the volume says from then on that it is not finished.
 *   - In a flush, up to the last two writes, they still do.
 *   - Between these two, the records are new and the mirror is old, and libntfs-3g refuses the volume as damaged.  The
 *     dirty flag is in one of these records.  It is set in the new ones in every flush but the last, and in the old ones
 *     in every flush but the first, so one of the two says dirty: that tells a write that was not finished from damage
 *     (imaging/volume/ntfs/mirror.py).  As the records are written after all that they describe (the size and place of
 *     the MFT), it is the mirror that is mended.
 *   - After them everything is in the source.
 *
 * This is the order of calls, which a source holds when the process ends and the machine goes on (source.h).  When the
 * machine stops the medium has what was synced, and of the rest an unknown part; the flag is cleared after all else is
 * synced.
 */
#define _GNU_SOURCE
#include "slices/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "slices/blocks.h"

/* A gap of valid units between two dirty runs that is cheaper written again than skipped by another system call. */
#define BRIDGED_UNITS 16
/* Pieces of one system call: at most 256 blocks, 16 MiB. */
#define RUN_PIECES 256

/* Blocks of the slice. */
struct range {
	int64_t first;
	int64_t end;
};

struct osd_cache {
	struct osd_window window;
	struct osd_slice_counters *counters;
	int error;			/* errno of the first write that failed, or 0 */
	struct osd_blocks table;
	uint32_t *victims;		/* room for the slots that are written together */
	struct range late[OSD_CACHE_LATE];
	unsigned late_count;
	int64_t late_blocks;
};

/* Note the error of a write: it is everyone's from now on. */
static int
stick(struct osd_cache *cache, int number)
{
	if (cache->error == 0)
		cache->error = number;
	return fail(cache->error);
}

static int64_t
block_length(const struct osd_cache *cache, int64_t index)
{
	int64_t left = cache->window.length - index * OSD_CACHE_BLOCK;

	return left < OSD_CACHE_BLOCK ? left : OSD_CACHE_BLOCK;
}

/* How many bytes a run of units has; the last unit of the slice may be a part of one. */
static int64_t
run_length(const struct osd_cache *cache, int64_t index, int first, int end)
{
	int64_t length = block_length(cache, index), to = (int64_t)end * UNIT_SIZE;

	return (to < length ? to : length) - (int64_t)first * UNIT_SIZE;
}

/* ---- writing what is dirty */

/* What is written in one system call: adjacent pieces. */
struct gathered {
	struct iovec pieces[RUN_PIECES];
	int count;
	int64_t begin;
	int64_t end;
};

static int
write_gathered(struct osd_cache *cache, struct gathered *gathered)
{
	int count = gathered->count;

	gathered->count = 0;
	if (count > 0 &&
	    osd_window_write(&cache->window, gathered->pieces, count, gathered->begin, cache->counters) != 0)
		return stick(cache, errno);
	return 0;
}

static int
gather(struct osd_cache *cache, struct gathered *gathered, uint8_t *data, int64_t size, int64_t offset)
{
	if ((gathered->end != offset || gathered->count == RUN_PIECES) && write_gathered(cache, gathered) != 0)
		return -1;
	if (gathered->count == 0)
		gathered->begin = offset;
	gathered->pieces[gathered->count].iov_base = data;
	gathered->pieces[gathered->count].iov_len = (size_t)size;
	gathered->count++;
	gathered->end = offset + size;
	return 0;
}

static int
gather_block(struct osd_cache *cache, struct gathered *gathered, uint32_t slot)
{
	const struct osd_block *block = &cache->table.blocks[slot];
	int first, stop, again, end;

	for (int from = 0; next_run(block->dirty, from, 0, &first, &stop); from = stop) {
		while (next_run(block->dirty, stop, 0, &again, &end) && again - stop <= BRIDGED_UNITS &&
		       has_all(block->valid, stop, again))
			stop = end;
		if (gather(cache, gathered, osd_blocks_data(&cache->table, slot) + (int64_t)first * UNIT_SIZE,
			   run_length(cache, block->index, first, stop),
			   block->index * OSD_CACHE_BLOCK + (int64_t)first * UNIT_SIZE) != 0)
			return -1;
	}
	return 0;
}

static int
compare_slots(const void *left, const void *right, void *table)
{
	const struct osd_block *blocks = ((const struct osd_blocks *)table)->blocks;
	const struct osd_block *a = &blocks[*(const uint32_t *)left], *b = &blocks[*(const uint32_t *)right];

	if (a->turn != b->turn)
		return a->turn < b->turn ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/* Write the dirty units of the first victims, turn by turn in the order of the disk, adjacent ones in one call. */
static int
flush_victims(struct osd_cache *cache, uint32_t count)
{
	struct gathered gathered = { .count = 0 };

	/* Without a cache there is not even an array to sort. */
	if (count == 0)
		return 0;
	qsort_r(cache->victims, count, sizeof(*cache->victims), compare_slots, &cache->table);
	for (uint32_t i = 0; i < count; i++)
		if (gather_block(cache, &gathered, cache->victims[i]) != 0)
			return -1;
	if (write_gathered(cache, &gathered) != 0)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		struct osd_block *block = &cache->table.blocks[cache->victims[i]];

		memset(block->dirty, 0, sizeof(block->dirty));
	}
	return 0;
}

/* ---- blocks */

/* Free the quarter of the cache that was not used for longest. */
static int
make_room(struct osd_cache *cache)
{
	uint32_t wanted = cache->table.capacity / 4 > 0 ? cache->table.capacity / 4 : 1;
	uint32_t count = osd_blocks_choose(&cache->table, wanted, cache->victims);

	if (flush_victims(cache, count) != 0)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		osd_blocks_drop(&cache->table, cache->victims[i]);
	return 0;
}

/* When a block is written among others: 0, or after those in the order of the ranges that are to be last. */
static uint8_t
turn_of(const struct osd_cache *cache, int64_t index)
{
	for (unsigned i = 0; i < cache->late_count; i++)
		if (index >= cache->late[i].first && index < cache->late[i].end)
			return (uint8_t)(i + 1);
	return 0;
}

static uint32_t
get_block(struct osd_cache *cache, int64_t index)
{
	uint32_t slot = osd_blocks_find(&cache->table, index);
	struct osd_block *block;

	if (slot != OSD_NO_SLOT) {
		cache->counters->hits++;
		cache->table.blocks[slot].referenced = 1;
		return slot;
	}
	cache->counters->misses++;
	slot = osd_blocks_add(&cache->table, index);
	if (slot == OSD_NO_SLOT) {
		if (make_room(cache) != 0)
			return OSD_NO_SLOT;
		slot = osd_blocks_add(&cache->table, index);
	}
	block = &cache->table.blocks[slot];
	block->turn = turn_of(cache, index);
	/* A cache that is hardly larger than what is to stay cannot do without its room. */
	block->stays = block->turn != 0 && cache->late_blocks <= cache->table.capacity / 4;
	block->is_hole =
		(uint8_t)osd_window_is_hole(&cache->window, index * OSD_CACHE_BLOCK, block_length(cache, index));
	if (block->is_hole)
		cache->counters->holes++;
	return slot;
}

/* Make some units of a block valid: those of a hole only, otherwise all of the block, for the next is wanted soon. */
static int
fill_units(struct osd_cache *cache, uint32_t slot, int first, int end)
{
	struct osd_block *block = &cache->table.blocks[slot];
	int64_t base = block->index * OSD_CACHE_BLOCK;
	int begin, stop;

	if (has_all(block->valid, first, end))
		return 0;
	if (!block->is_hole) {
		first = 0;
		end = (int)((block_length(cache, block->index) + UNIT_SIZE - 1) / UNIT_SIZE);
	}
	for (; next_run(block->valid, first, 1, &begin, &stop) && begin < end; first = stop) {
		int64_t from = (int64_t)begin * UNIT_SIZE, size;
		uint8_t *data = osd_blocks_data(&cache->table, slot) + from;

		if (stop > end)
			stop = end;
		size = run_length(cache, block->index, begin, stop);
		if (block->is_hole)
			memset(data, 0, (size_t)size);
		else if (osd_window_read(&cache->window, data, size, base + from, cache->counters) != 0)
			return -1;
		add_units(block->valid, begin, stop);
	}
	return 0;
}

/* ---- reading and writing */

/* Move so many bytes at an offset between the buffer and what is below.  Returns 0, or -1 with errno. */
typedef int (*transfer)(struct osd_cache *cache, uint8_t *buffer, int64_t size, int64_t offset);

static int
read_file(struct osd_cache *cache, uint8_t *buffer, int64_t size, int64_t offset)
{
	return osd_window_read(&cache->window, buffer, size, offset, cache->counters);
}

static int
write_file(struct osd_cache *cache, uint8_t *buffer, int64_t size, int64_t offset)
{
	struct iovec piece = { .iov_base = buffer, .iov_len = (size_t)size };

	if (osd_window_write(&cache->window, &piece, 1, offset, cache->counters) != 0)
		return stick(cache, errno);
	return 0;
}

static int
read_block(struct osd_cache *cache, uint8_t *buffer, int64_t size, int64_t offset)
{
	int64_t inside = offset % OSD_CACHE_BLOCK;
	uint32_t slot = get_block(cache, offset / OSD_CACHE_BLOCK);

	if (slot == OSD_NO_SLOT ||
	    fill_units(cache, slot, (int)(inside / UNIT_SIZE), (int)((inside + size - 1) / UNIT_SIZE) + 1) != 0)
		return -1;
	memcpy(buffer, osd_blocks_data(&cache->table, slot) + inside, (size_t)size);
	return 0;
}

static int
write_block(struct osd_cache *cache, uint8_t *buffer, int64_t size, int64_t offset)
{
	int64_t inside = offset % OSD_CACHE_BLOCK, end = inside + size;
	int first = (int)(inside / UNIT_SIZE), stop = (int)((end - 1) / UNIT_SIZE) + 1;
	uint32_t slot = get_block(cache, offset / OSD_CACHE_BLOCK);
	struct osd_block *block;

	if (slot == OSD_NO_SLOT)
		return -1;
	block = &cache->table.blocks[slot];
	/* A unit of which only a part is written must be known first; the last of the slice may itself be a part. */
	if (inside % UNIT_SIZE != 0 && fill_units(cache, slot, first, first + 1) != 0)
		return -1;
	if (end % UNIT_SIZE != 0 && end != block_length(cache, block->index) &&
	    fill_units(cache, slot, stop - 1, stop) != 0)
		return -1;
	memcpy(osd_blocks_data(&cache->table, slot) + inside, buffer, (size_t)size);
	add_units(block->valid, first, stop);
	add_units(block->dirty, first, stop);
	return 0;
}

/* How many bytes from here on, a block's begin, are blocks that lie wholly in the range and are not in the cache. */
static int64_t
uncached_size(struct osd_cache *cache, int64_t offset, int64_t count)
{
	int64_t size = 0;

	if (cache->table.capacity == 0)
		return count;
	if (offset % OSD_CACHE_BLOCK != 0)
		return 0;
	while (size < count) {
		int64_t index = (offset + size) / OSD_CACHE_BLOCK;
		int64_t length = block_length(cache, index);

		if (length > count - size || turn_of(cache, index) != 0 ||
		    osd_blocks_find(&cache->table, index) != OSD_NO_SLOT)
			break;
		size += length;
	}
	return size;
}

/* Pass a range on in pieces: whole blocks that are not in the cache to the source, all else to its block. */
static int
transfer_pieces(struct osd_cache *cache, uint8_t *buffer, int64_t count, int64_t offset, transfer file, transfer block)
{
	if (cache->error != 0)
		return fail(cache->error);
	while (count > 0) {
		int64_t size = uncached_size(cache, offset, count);
		int result;

		if (size > 0) {
			result = file(cache, buffer, size, offset);
		} else {
			size = OSD_CACHE_BLOCK - offset % OSD_CACHE_BLOCK;
			if (size > count)
				size = count;
			result = block(cache, buffer, size, offset);
		}
		if (result != 0)
			return -1;
		buffer += size;
		offset += size;
		count -= size;
	}
	return 0;
}

/* ---- the face */

/*
 * Make a cache of so many bytes; less than one block is none, and everything goes to the source at once.  It counts
 * what it does in counters.  Returns NULL with errno when there is no memory.
 */
struct osd_cache *
osd_cache_new(const struct osd_window *window, uint64_t size, struct osd_slice_counters *counters)
{
	struct osd_cache *cache = calloc(1, sizeof(*cache));
	uint32_t capacity = (uint32_t)(size / OSD_CACHE_BLOCK);

	if (cache == NULL)
		return NULL;
	cache->window = *window;
	cache->counters = counters;
	cache->victims = malloc((capacity > 0 ? capacity : 1) * sizeof(*cache->victims));
	if (osd_blocks_init(&cache->table, capacity) != 0 || cache->victims == NULL) {
		osd_cache_free(cache);
		errno = ENOMEM;
		return NULL;
	}
	return cache;
}

/* Free the cache.  What was not flushed is lost. */
void
osd_cache_free(struct osd_cache *cache)
{
	if (cache == NULL)
		return;
	osd_blocks_release(&cache->table);
	free(cache->victims);
	free(cache);
}

/*
 * Write a range, in blocks, after all others and after those that were named before.  To be called before the cache is
 * used, at most OSD_CACHE_LATE times.
 */
void
osd_cache_write_last(struct osd_cache *cache, int64_t offset, int64_t length)
{
	struct range *range = &cache->late[cache->late_count++];

	range->first = offset / OSD_CACHE_BLOCK;
	range->end = (offset + length - 1) / OSD_CACHE_BLOCK + 1;
	cache->late_blocks += range->end - range->first;
}

/* The errno of the first write that failed, or 0. */
int
osd_cache_error(const struct osd_cache *cache)
{
	return cache->error;
}

/* Make every later operation fail with this errno, as after a failed write. */
void
osd_cache_fail(struct osd_cache *cache, int number)
{
	stick(cache, number);
}

/* Read a range, which must lie in the window.  Returns 0, or -1 with errno. */
int
osd_cache_read(struct osd_cache *cache, uint8_t *buffer, int64_t count, int64_t offset)
{
	return transfer_pieces(cache, buffer, count, offset, read_file, read_block);
}

/* Write a range, which must lie in the window.  Returns 0, or -1 with errno. */
int
osd_cache_write(struct osd_cache *cache, const uint8_t *buffer, int64_t count, int64_t offset)
{
	/* Neither of the two writes to the buffer. */
	return transfer_pieces(cache, (uint8_t *)(uintptr_t)buffer, count, offset, write_file, write_block);
}

/* Write everything that is dirty to the source.  Returns 0, or -1 with errno. */
int
osd_cache_flush(struct osd_cache *cache)
{
	uint32_t count = 0;

	if (cache->error != 0)
		return fail(cache->error);
	for (uint32_t slot = 0; slot < cache->table.capacity; slot++) {
		const struct osd_block *block = &cache->table.blocks[slot];

		if (block->in_use && next_unit(block->dirty, 0, 0) < UNITS)
			cache->victims[count++] = slot;
	}
	return flush_victims(cache, count);
}
