/* A table from hashes to numbers.  See map.c. */
#ifndef OSDIMAGE_ENGINE_MAP_H
#define OSDIMAGE_ENGINE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct osd_map {
	uint64_t *hashes;
	uint32_t *numbers;		/* plus one; 0 for an empty slot */
	size_t capacity;
	size_t count;
	uint64_t seed;
};

#define OSD_MAP_NONE UINT32_MAX

uint64_t osd_map_hash(struct osd_map *map, const void *bytes, size_t size);
int osd_map_add(struct osd_map *map, uint64_t hash, uint32_t number);
uint32_t osd_map_first(const struct osd_map *map, uint64_t hash, size_t *slot);
uint32_t osd_map_next(const struct osd_map *map, uint64_t hash, size_t *slot);
void osd_map_release(struct osd_map *map);

#endif
