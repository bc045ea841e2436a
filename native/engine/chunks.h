/* Where the chunks of a compressed resource are.  See chunks.c. */
#ifndef OSDIMAGE_ENGINE_CHUNKS_H
#define OSDIMAGE_ENGINE_CHUNKS_H

#include <stdint.h>

/* Stands before the table of a solid resource. */
#define OSD_SOLID_HEADER_SIZE 16

/* A compressed resource that was compared with itself; only what it says of chunks is still to be looked at. */
struct osd_chunks {
	uint64_t stored_size;		/* of the resource, in bytes */
	uint64_t size;			/* what it expands to */
	uint64_t count;			/* of chunks; 0 for a resource of nothing */
	uint64_t entries;		/* of the table */
	uint64_t table_at;		/* where the table begins, from the begin of the resource */
	uint64_t data_at;		/* where the chunks begin */
	uint32_t entry_size;
	uint32_t chunk_size;
	int compression_type;
};

int osd_chunks_init(struct osd_chunks *chunks, uint64_t stored_size, uint64_t size, int compression_type,
		    uint32_t chunk_size);
int osd_chunks_init_solid(struct osd_chunks *chunks, uint64_t stored_size, uint64_t size, const uint8_t *header);
uint64_t osd_chunk_size(const struct osd_chunks *chunks, uint64_t chunk);
void osd_chunks_entries(const struct osd_chunks *chunks, uint64_t first, uint64_t count, uint64_t *entry,
			uint64_t *entries);
int osd_chunks_bounds(const struct osd_chunks *chunks, uint64_t first, uint64_t count, const uint8_t *entries,
		      uint64_t *bounds);
int osd_chunks_solid_entry(const struct osd_chunks *chunks, uint64_t chunk, const uint8_t *entry, uint64_t *at,
			   uint64_t *stored_size);

#endif
