/*
 * A bounded write-back cache over a window of a file.
 *
 * libntfs-3g reads and writes a volume in small pieces, most of them some bytes to 4 KiB and most of them near each
 * other.  The cache turns them into few large calls:
 *
 *   - Each block of 64 KiB knows which of its units of 512 bytes hold contents (valid), and which of these the file
 *     does not have yet (dirty).  A unit that is written as a whole is never read.
 *   - A block that is a hole of the file (SEEK_DATA) is zeros: it is never read either.
 *   - When the cache is full, the quarter that was not used for longest (by the clock algorithm) is written in the
 *     order of the disk, what is adjacent in one call, and leaves.
 *   - A failed write may belong to any earlier operation.  Its errno stays, and every later one fails with it.
 *
 * Never mmap: a full disk would end the process with SIGBUS.
 */
#define _GNU_SOURCE
#include "slice_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define UNIT_SIZE 512
#define UNITS (OSD_CACHE_BLOCK / UNIT_SIZE)
#define WORDS (UNITS / 64)
#define NONE UINT32_MAX
/* A gap of valid units between two dirty runs that is cheaper written again than skipped by another system call. */
#define BRIDGED_UNITS 16
/* Pieces of one system call: at most 256 blocks, 16 MiB. */
#define RUN_PIECES 256
struct block {
	int64_t index;			/* which block of the slice */
	uint32_t next;			/* in the chain of its hash, or in the list of free blocks */
	uint8_t in_use;
	uint8_t referenced;
	uint8_t is_hole;		/* what is not valid is zeros */
	uint64_t valid[WORDS];
	uint64_t dirty[WORDS];
};

struct victim {
	int64_t index;
	uint32_t slot;
};

struct osd_cache {
	struct osd_window window;
	struct osd_slice_counters *counters;
	int error;			/* errno of the first write that failed, or 0 */

	uint32_t capacity;
	uint32_t free_list;
	uint32_t hand;
	uint32_t last;			/* the block that was used last */
	uint32_t hash_mask;
	uint32_t *hash;
	struct block *blocks;
	struct victim *victims;
	uint8_t *data;
};

static int
fail(int number)
{
	errno = number;
	return -1;
}

/* ---- the file below */

/* Note the error of a write: it is everyone's from now on. */
static int
stick(struct osd_cache *cache, int number)
{
	if (cache->error == 0)
		cache->error = number;
	return fail(cache->error);
}

/* Read a range of the slice.  The file was as long as the slice when that was made: a short read is an error. */
static int
read_file(struct osd_cache *cache, uint8_t *buffer, int64_t size, int64_t offset)
{
	while (size > 0) {
		ssize_t count = pread(cache->window.fd, buffer, (size_t)size, cache->window.offset + offset);

		cache->counters->file_reads++;
		if (count < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (count == 0)
			return fail(EIO);
		cache->counters->file_read_bytes += (uint64_t)count;
		buffer += count;
		offset += count;
		size -= count;
	}
	return 0;
}

static int
write_file(struct osd_cache *cache, struct iovec *pieces, int count, int64_t offset)
{
	while (count > 0) {
		ssize_t written = pwritev(cache->window.fd, pieces, count, cache->window.offset + offset);

		cache->counters->file_writes++;
		if (written < 0) {
			if (errno == EINTR)
				continue;
			return stick(cache, errno);
		}
		if (written == 0)
			return stick(cache, EIO);
		cache->counters->file_written_bytes += (uint64_t)written;
		offset += written;
		while (count > 0 && (size_t)written >= pieces->iov_len) {
			written -= (ssize_t)pieces->iov_len;
			pieces++;
			count--;
		}
		if (count > 0) {
			pieces->iov_base = (uint8_t *)pieces->iov_base + written;
			pieces->iov_len -= (size_t)written;
		}
	}
	return 0;
}

/* Tell whether a range of the slice is a hole of the file.  When that cannot be told it counts as data. */
static int
is_hole(const struct osd_cache *cache, int64_t offset, int64_t size)
{
	off_t data;

	if (!cache->window.has_holes)
		return 0;
	data = lseek(cache->window.fd, cache->window.offset + offset, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO;
	return data >= cache->window.offset + offset + size;
}

/* ---- sets of units: bits of two words */

static uint64_t
word_of_range(int word, int first, int end)
{
	int low = first - word * 64, high = end - word * 64;

	if (low < 0)
		low = 0;
	if (high > 64)
		high = 64;
	if (low >= high)
		return 0;
	return (high == 64 ? ~UINT64_C(0) : (UINT64_C(1) << high) - 1) & ~((UINT64_C(1) << low) - 1);
}

static int
has_all(const uint64_t *set, int first, int end)
{
	for (int word = first / 64; word <= (end - 1) / 64; word++) {
		uint64_t wanted = word_of_range(word, first, end);

		if ((set[word] & wanted) != wanted)
			return 0;
	}
	return 1;
}

static void
add_units(uint64_t *set, int first, int end)
{
	for (int word = first / 64; word <= (end - 1) / 64; word++)
		set[word] |= word_of_range(word, first, end);
}

/* The first unit from here on that is in the set (or, with negate, that is not), or UNITS. */
static int
next_unit(const uint64_t *set, int from, int negate)
{
	for (int word = from / 64; word < WORDS; word++) {
		uint64_t bits = (negate ? ~set[word] : set[word]) & word_of_range(word, from, UNITS);

		if (bits != 0)
			return word * 64 + __builtin_ctzll(bits);
	}
	return UNITS;
}

/* ---- the cache */

static int64_t
block_length(const struct osd_cache *cache, int64_t index)
{
	int64_t left = cache->window.length - index * OSD_CACHE_BLOCK;

	return left < OSD_CACHE_BLOCK ? left : OSD_CACHE_BLOCK;
}

static uint8_t *
data_of(const struct osd_cache *cache, uint32_t slot)
{
	return cache->data + (size_t)slot * OSD_CACHE_BLOCK;
}

static uint32_t *
chain_of(const struct osd_cache *cache, int64_t index)
{
	/* Fibonacci hashing: neighbours spread, and so do multiples of a power of two. */
	uint64_t product = (uint64_t)index * UINT64_C(0x9E3779B97F4A7C15);

	return &cache->hash[(uint32_t)(product >> 32) & cache->hash_mask];
}

static uint32_t
find_block(struct osd_cache *cache, int64_t index)
{
	uint32_t slot = cache->last;

	if (slot != NONE && cache->blocks[slot].index == index)
		return slot;
	for (slot = *chain_of(cache, index); slot != NONE; slot = cache->blocks[slot].next) {
		if (cache->blocks[slot].index == index) {
			cache->last = slot;
			return slot;
		}
	}
	return NONE;
}

static void
drop_block(struct osd_cache *cache, uint32_t slot)
{
	struct block *block = &cache->blocks[slot];
	uint32_t *link = chain_of(cache, block->index);

	while (*link != slot)
		link = &cache->blocks[*link].next;
	*link = block->next;
	block->in_use = 0;
	block->next = cache->free_list;
	cache->free_list = slot;
	if (cache->last == slot)
		cache->last = NONE;
}

static int
compare_victims(const void *left, const void *right)
{
	int64_t a = ((const struct victim *)left)->index, b = ((const struct victim *)right)->index;

	return (a > b) - (a < b);
}

/* Write the dirty units of some blocks in the order of the disk, adjacent ones in one call. */
static int
flush_blocks(struct osd_cache *cache, struct victim *victims, uint32_t count)
{
	struct iovec pieces[RUN_PIECES];
	int used = 0;
	int64_t begin = 0, end = 0;

	/* Without a cache there is not even an array to sort. */
	if (count == 0)
		return 0;
	qsort(victims, count, sizeof(*victims), compare_victims);
	for (uint32_t i = 0; i < count; i++) {
		struct block *block = &cache->blocks[victims[i].slot];
		int64_t base = block->index * OSD_CACHE_BLOCK;
		int64_t length = block_length(cache, block->index);
		int first = next_unit(block->dirty, 0, 0);

		while (first < UNITS) {
			int stop = next_unit(block->dirty, first, 1);
			int again = stop < UNITS ? next_unit(block->dirty, stop, 0) : UNITS;
			int64_t from, to;

			while (again < UNITS && again - stop <= BRIDGED_UNITS && has_all(block->valid, stop, again)) {
				stop = next_unit(block->dirty, again, 1);
				again = stop < UNITS ? next_unit(block->dirty, stop, 0) : UNITS;
			}
			from = (int64_t)first * UNIT_SIZE;
			to = (int64_t)stop * UNIT_SIZE;
			if (to > length)
				to = length;
			if (used > 0 && (end != base + from || used == RUN_PIECES)) {
				if (write_file(cache, pieces, used, begin) != 0)
					return -1;
				used = 0;
			}
			if (used == 0)
				begin = base + from;
			pieces[used].iov_base = data_of(cache, victims[i].slot) + from;
			pieces[used].iov_len = (size_t)(to - from);
			used++;
			end = base + to;
			first = again;
		}
	}
	if (used > 0 && write_file(cache, pieces, used, begin) != 0)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		memset(cache->blocks[victims[i].slot].dirty, 0, sizeof(cache->blocks[0].dirty));
	return 0;
}

/* Free the quarter of the cache that was not used for longest.  Blocks used since the hand passed are spared once. */
static int
make_room(struct osd_cache *cache)
{
	uint32_t wanted = cache->capacity / 4 > 0 ? cache->capacity / 4 : 1;
	uint32_t count = 0;

	/* The cache is full here, so two rounds find enough; a third would choose a block twice. */
	for (uint64_t step = 0; count < wanted && step < 2 * (uint64_t)cache->capacity; step++) {
		struct block *block = &cache->blocks[cache->hand];

		if (block->referenced) {
			block->referenced = 0;
		} else if (block->in_use == 1) {
			block->in_use = 2;
			cache->victims[count].index = block->index;
			cache->victims[count].slot = cache->hand;
			count++;
		}
		cache->hand = cache->hand + 1 < cache->capacity ? cache->hand + 1 : 0;
	}
	if (flush_blocks(cache, cache->victims, count) != 0)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		drop_block(cache, cache->victims[i].slot);
	return 0;
}

/* Take a block that is not in the cache into it, with nothing valid yet. */
static uint32_t
add_block(struct osd_cache *cache, int64_t index)
{
	struct block *block;
	uint32_t slot, *link;

	if (cache->free_list == NONE && make_room(cache) != 0)
		return NONE;
	slot = cache->free_list;
	block = &cache->blocks[slot];
	cache->free_list = block->next;
	memset(block, 0, sizeof(*block));
	block->index = index;
	block->in_use = 1;
	block->is_hole = (uint8_t)is_hole(cache, index * OSD_CACHE_BLOCK, block_length(cache, index));
	if (block->is_hole)
		cache->counters->holes++;
	link = chain_of(cache, index);
	block->next = *link;
	*link = slot;
	cache->last = slot;
	return slot;
}

static uint32_t
get_block(struct osd_cache *cache, int64_t index)
{
	uint32_t slot = find_block(cache, index);

	if (slot != NONE) {
		cache->counters->hits++;
		cache->blocks[slot].referenced = 1;
		return slot;
	}
	cache->counters->misses++;
	return add_block(cache, index);
}

/* Make some units of a block valid: those of a hole only, otherwise all of the block, for the next is wanted soon. */
static int
fill_units(struct osd_cache *cache, uint32_t slot, int first, int end)
{
	struct block *block = &cache->blocks[slot];
	int64_t base = block->index * OSD_CACHE_BLOCK, length = block_length(cache, block->index);
	int unit;

	if (has_all(block->valid, first, end))
		return 0;
	if (!block->is_hole) {
		first = 0;
		end = (int)((length + UNIT_SIZE - 1) / UNIT_SIZE);
	}
	for (unit = next_unit(block->valid, first, 1); unit < end; unit = next_unit(block->valid, unit, 1)) {
		int stop = next_unit(block->valid, unit, 0);
		int64_t from = (int64_t)unit * UNIT_SIZE, to;

		if (stop > end)
			stop = end;
		to = (int64_t)stop * UNIT_SIZE < length ? (int64_t)stop * UNIT_SIZE : length;
		if (block->is_hole)
			memset(data_of(cache, slot) + from, 0, (size_t)(to - from));
		else if (read_file(cache, data_of(cache, slot) + from, to - from, base + from) != 0)
			return -1;
		add_units(block->valid, unit, stop);
	}
	return 0;
}

/* How many bytes from here on, a block's begin, are blocks that lie wholly in the range and are not in the cache. */
static int64_t
uncached_size(struct osd_cache *cache, int64_t offset, int64_t count)
{
	int64_t size = 0;

	if (cache->capacity == 0)
		return count;
	if (offset % OSD_CACHE_BLOCK != 0)
		return 0;
	while (size < count) {
		int64_t index = (offset + size) / OSD_CACHE_BLOCK;
		int64_t length = block_length(cache, index);

		if (length > count - size || find_block(cache, index) != NONE)
			break;
		size += length;
	}
	return size;
}

static int
copy_from_block(struct osd_cache *cache, uint8_t *buffer, int64_t offset, int64_t size)
{
	int64_t inside = offset % OSD_CACHE_BLOCK;
	uint32_t slot = get_block(cache, offset / OSD_CACHE_BLOCK);

	if (slot == NONE ||
	    fill_units(cache, slot, (int)(inside / UNIT_SIZE), (int)((inside + size - 1) / UNIT_SIZE) + 1) != 0)
		return -1;
	memcpy(buffer, data_of(cache, slot) + inside, (size_t)size);
	return 0;
}

static int
copy_to_block(struct osd_cache *cache, const uint8_t *buffer, int64_t offset, int64_t size)
{
	int64_t inside = offset % OSD_CACHE_BLOCK, end = inside + size;
	int first = (int)(inside / UNIT_SIZE), stop = (int)((end - 1) / UNIT_SIZE) + 1;
	uint32_t slot = get_block(cache, offset / OSD_CACHE_BLOCK);
	struct block *block;

	if (slot == NONE)
		return -1;
	block = &cache->blocks[slot];
	/* A unit of which only a part is written must be known first; the last of the slice may itself be a part. */
	if (inside % UNIT_SIZE != 0 && fill_units(cache, slot, first, first + 1) != 0)
		return -1;
	if (end % UNIT_SIZE != 0 && end != block_length(cache, block->index) &&
	    fill_units(cache, slot, stop - 1, stop) != 0)
		return -1;
	memcpy(data_of(cache, slot) + inside, buffer, (size_t)size);
	add_units(block->valid, first, stop);
	add_units(block->dirty, first, stop);
	return 0;
}

/* ---- the face */

static int
allocate(struct osd_cache *cache)
{
	uint32_t buckets = 1;

	while (buckets < cache->capacity)
		buckets *= 2;
	cache->hash_mask = buckets - 1;
	cache->hash = malloc(buckets * sizeof(*cache->hash));
	cache->blocks = calloc(cache->capacity, sizeof(*cache->blocks));
	cache->victims = malloc(cache->capacity * sizeof(*cache->victims));
	/* Fresh memory takes room only where it is touched, so a small volume needs no smaller cache. */
	cache->data = malloc((size_t)cache->capacity * OSD_CACHE_BLOCK);
	if (cache->hash == NULL || cache->blocks == NULL || cache->victims == NULL || cache->data == NULL)
		return fail(ENOMEM);
	memset(cache->hash, 0xFF, buckets * sizeof(*cache->hash));
	for (uint32_t slot = 0; slot < cache->capacity; slot++) {
		cache->blocks[slot].index = -1;
		cache->blocks[slot].next = slot + 1 < cache->capacity ? slot + 1 : NONE;
	}
	cache->free_list = 0;
	return 0;
}

/*
 * Make a cache of so many bytes; less than one block is none, and everything goes to the file at once.  It counts what
 * it does in counters.  Returns NULL with errno when there is no memory.
 */
struct osd_cache *
osd_cache_new(const struct osd_window *window, uint64_t size, struct osd_slice_counters *counters)
{
	struct osd_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	cache->window = *window;
	cache->counters = counters;
	cache->capacity = (uint32_t)(size / OSD_CACHE_BLOCK);
	cache->free_list = NONE;
	cache->last = NONE;
	if (cache->capacity > 0 && allocate(cache) != 0) {
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
	free(cache->hash);
	free(cache->blocks);
	free(cache->victims);
	free(cache->data);
	free(cache);
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
	if (cache->error != 0)
		return fail(cache->error);
	while (count > 0) {
		int64_t size = uncached_size(cache, offset, count);
		int result;

		if (size > 0) {
			result = read_file(cache, buffer, size, offset);
		} else {
			size = OSD_CACHE_BLOCK - offset % OSD_CACHE_BLOCK;
			if (size > count)
				size = count;
			result = copy_from_block(cache, buffer, offset, size);
		}
		if (result != 0)
			return -1;
		buffer += size;
		offset += size;
		count -= size;
	}
	return 0;
}

/* Write a range, which must lie in the window.  Returns 0, or -1 with errno. */
int
osd_cache_write(struct osd_cache *cache, const uint8_t *buffer, int64_t count, int64_t offset)
{
	if (cache->error != 0)
		return fail(cache->error);
	while (count > 0) {
		int64_t size = uncached_size(cache, offset, count);
		int result;

		if (size > 0) {
			struct iovec piece = { .iov_base = (void *)(uintptr_t)buffer, .iov_len = (size_t)size };

			result = write_file(cache, &piece, 1, offset);
		} else {
			size = OSD_CACHE_BLOCK - offset % OSD_CACHE_BLOCK;
			if (size > count)
				size = count;
			result = copy_to_block(cache, buffer, offset, size);
		}
		if (result != 0)
			return -1;
		buffer += size;
		offset += size;
		count -= size;
	}
	return 0;
}

/* Write everything that is dirty to the file.  Returns 0, or -1 with errno. */
int
osd_cache_flush(struct osd_cache *cache)
{
	uint32_t count = 0;

	if (cache->error != 0)
		return fail(cache->error);
	for (uint32_t slot = 0; slot < cache->capacity; slot++) {
		struct block *block = &cache->blocks[slot];

		if (block->in_use && next_unit(block->dirty, 0, 0) < UNITS) {
			cache->victims[count].index = block->index;
			cache->victims[count].slot = slot;
			count++;
		}
	}
	return flush_blocks(cache, cache->victims, count);
}
