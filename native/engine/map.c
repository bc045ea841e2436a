/*
 * A table from hashes to numbers, which the caller compares with what they stand for.
 *
 * The hashes are others in each process: what a file holds cannot be chosen so that all of it meets in one slot.
 */
#include "engine/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* Return the hash of some bytes: steps like those of MurmurHash3's 64-bit finalizer. */
uint64_t
osd_map_hash(struct osd_map *map, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t hash, word;

	if (map->seed == 0) {
		const void *seed = (const void *)(uintptr_t)getauxval(AT_RANDOM);

		map->seed = 0x243F6A8885A308D3;
		if (seed != NULL)
			memcpy(&map->seed, seed, sizeof(map->seed));
		map->seed |= 1;
	}
	for (hash = map->seed ^ size; size > 0; at += sizeof(word)) {
		size_t part = size < sizeof(word) ? size : sizeof(word);

		word = 0;
		memcpy(&word, at, part);
		hash = (hash ^ word) * 0xFF51AFD7ED558CCD;
		hash ^= hash >> 32;
		hash *= map->seed;
		hash ^= hash >> 29;
		size -= part;
	}
	return hash;
}

static int
grow(struct osd_map *map)
{
	size_t capacity = map->capacity > 0 ? map->capacity * 2 : 1024;
	uint64_t *hashes = calloc(capacity, sizeof(*hashes));
	uint32_t *numbers = calloc(capacity, sizeof(*numbers));

	if (hashes == NULL || numbers == NULL) {
		free(hashes);
		free(numbers);
		return ENOMEM;
	}
	for (size_t i = 0; i < map->capacity; i++) {
		size_t slot = map->hashes[i] & (capacity - 1);

		if (map->numbers[i] == 0)
			continue;
		while (numbers[slot] != 0)
			slot = (slot + 1) & (capacity - 1);
		hashes[slot] = map->hashes[i];
		numbers[slot] = map->numbers[i];
	}
	free(map->hashes);
	free(map->numbers);
	map->hashes = hashes;
	map->numbers = numbers;
	map->capacity = capacity;
	return 0;
}

/* Add a number under a hash; others under it stay.  0 or ENOMEM. */
int
osd_map_add(struct osd_map *map, uint64_t hash, uint32_t number)
{
	size_t slot;

	if (map->count * 2 >= map->capacity && grow(map) != 0)
		return ENOMEM;
	for (slot = hash & (map->capacity - 1); map->numbers[slot] != 0;)
		slot = (slot + 1) & (map->capacity - 1);
	map->hashes[slot] = hash;
	map->numbers[slot] = number + 1;
	map->count++;
	return 0;
}

static uint32_t
find(const struct osd_map *map, uint64_t hash, size_t *slot)
{
	for (; map->numbers[*slot] != 0; *slot = (*slot + 1) & (map->capacity - 1))
		if (map->hashes[*slot] == hash)
			return map->numbers[*slot] - 1;
	return OSD_MAP_NONE;
}

/* Return the first number under a hash, and its slot; OSD_MAP_NONE when there is none. */
uint32_t
osd_map_first(const struct osd_map *map, uint64_t hash, size_t *slot)
{
	if (map->capacity == 0)
		return OSD_MAP_NONE;
	*slot = hash & (map->capacity - 1);
	return find(map, hash, slot);
}

/* Return the number behind that of a slot. */
uint32_t
osd_map_next(const struct osd_map *map, uint64_t hash, size_t *slot)
{
	*slot = (*slot + 1) & (map->capacity - 1);
	return find(map, hash, slot);
}

/* Free the table; it is empty then. */
void
osd_map_release(struct osd_map *map)
{
	free(map->hashes);
	free(map->numbers);
	memset(map, 0, sizeof(*map));
}
