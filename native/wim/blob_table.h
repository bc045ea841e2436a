/* The blob table of a WIM as an array, sorted by place.  See blob_table.c. */
#ifndef OSDIMAGE_BLOB_TABLE_H
#define OSDIMAGE_BLOB_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct wimlib_resource_entry;
struct osd_reader;

struct osd_blob {
	uint64_t resource_offset;
	uint64_t resource_stored_size;
	uint64_t resource_size;
	uint64_t offset_in_resource;
	uint64_t size;
	uint8_t sha1[20];
	uint16_t part_number;
	uint16_t file;			/* of several that are read together, counted from 0 */
	uint32_t references;
	uint8_t is_metadata;
	uint8_t is_compressed;
	uint8_t is_solid;
	uint8_t unused;
};

struct osd_blob_table {
	struct osd_blob *blobs;
	size_t count;
	size_t capacity;
};

int osd_blob_table_add(const struct wimlib_resource_entry *entry, void *table);
void osd_blob_table_number(struct osd_blob_table *table, size_t first, uint16_t file);
void osd_blob_table_sort(struct osd_blob_table *table);
uint64_t osd_blob_table_bytes(const struct osd_blob_table *table);
void osd_blob_table_release(struct osd_blob_table *table);
size_t osd_reader_batch(struct osd_reader *reader, const struct osd_blob *blobs, size_t count, int compression_type,
			uint32_t chunk_size, uint8_t *buffer, uint64_t capacity, int32_t *errors);

#endif
