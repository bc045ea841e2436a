/*
 * The blob table of a WIM as an array, sorted by place, and reading many small blobs with one call.
 *
 * Most blobs of a Windows image are a few KB.  One object and some calls of Python for each would take as long as
 * decompressing and hashing them, and would hold the interpreter's lock while other threads could work.
 */
#define _GNU_SOURCE
#include "wim/blob_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <wimlib.h>

#include "wim/resource.h"

/* Callback of wimlib_iterate_lookup_table(): adds one entry.  Returns 0, or -1 when there is no memory. */
int
osd_blob_table_add(const struct wimlib_resource_entry *entry, void *context)
{
	struct osd_blob_table *table = context;
	struct osd_blob *blob;

	if (table->count == table->capacity) {
		size_t capacity = table->capacity > 0 ? table->capacity * 2 : 1024;
		struct osd_blob *grown = reallocarray(table->blobs, capacity, sizeof(*grown));

		if (grown == NULL)
			return -1;
		table->blobs = grown;
		table->capacity = capacity;
	}
	blob = &table->blobs[table->count++];
	memset(blob, 0, sizeof(*blob));
	blob->resource_offset = entry->raw_resource_offset_in_wim;
	blob->resource_stored_size = entry->raw_resource_compressed_size;
	blob->resource_size = entry->raw_resource_uncompressed_size;
	blob->offset_in_resource = entry->packed ? entry->offset : 0;
	blob->size = entry->uncompressed_size;
	memcpy(blob->sha1, entry->sha1_hash, sizeof(blob->sha1));
	blob->part_number = (uint16_t)entry->part_number;
	blob->references = entry->reference_count;
	blob->is_metadata = entry->is_metadata;
	blob->is_compressed = entry->is_compressed;
	blob->is_solid = entry->packed;
	return 0;
}

static int
by_place(const void *left, const void *right)
{
	const struct osd_blob *a = left, *b = right;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->resource_offset != b->resource_offset)
		return a->resource_offset < b->resource_offset ? -1 : 1;
	if (a->offset_in_resource != b->offset_in_resource)
		return a->offset_in_resource < b->offset_in_resource ? -1 : 1;
	return 0;
}

/* Note that the blobs from one on are in a file of this number. */
void
osd_blob_table_number(struct osd_blob_table *table, size_t first, uint16_t file)
{
	for (size_t i = first; i < table->count; i++)
		table->blobs[i].file = file;
}

/* Sort by place in the files, which is the order in which a disk reads best. */
void
osd_blob_table_sort(struct osd_blob_table *table)
{
	if (table->count > 0)
		qsort(table->blobs, table->count, sizeof(*table->blobs), by_place);
}

/* The sizes of all blobs together; hostile ones that are more than a number holds are UINT64_MAX. */
uint64_t
osd_blob_table_bytes(const struct osd_blob_table *table)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < table->count; i++)
		bytes = table->blobs[i].size > UINT64_MAX - bytes ? UINT64_MAX : bytes + table->blobs[i].size;
	return bytes;
}

/* Free the array. */
void
osd_blob_table_release(struct osd_blob_table *table)
{
	free(table->blobs);
	table->blobs = NULL;
	table->count = table->capacity = 0;
}

/*
 * Read blobs that are not solid one behind the other into buffer, until it is full or a blob is solid.  errors gets 0
 * or an errno for each; a blob that failed takes its room all the same.  Returns how many blobs were taken: 0 when the
 * first is solid or larger than the buffer.
 */
size_t
osd_reader_batch(struct osd_reader *reader, const struct osd_blob *blobs, size_t count, int compression_type,
		 uint32_t chunk_size, uint8_t *buffer, uint64_t capacity, int32_t *errors)
{
	uint64_t filled = 0;
	size_t taken;

	for (taken = 0; taken < count; taken++) {
		const struct osd_blob *blob = &blobs[taken];
		uint64_t done = 0;

		if (blob->is_solid || blob->size > capacity - filled)
			break;
		errors[taken] = 0;
		if (blob->size != blob->resource_size) {
			errors[taken] = EBADMSG;
		} else if (osd_reader_begin(reader, blob->resource_offset, blob->resource_stored_size, blob->size,
					    blob->is_compressed, 0, compression_type, chunk_size) != 0) {
			errors[taken] = errno;
		}
		while (errors[taken] == 0 && done < blob->size) {
			int64_t part = osd_reader_next(reader, buffer + filled + done, blob->size - done);

			if (part < 0)
				errors[taken] = errno;
			else if (part == 0)
				errors[taken] = ENODATA;
			else
				done += (uint64_t)part;
		}
		filled += blob->size;
	}
	return taken;
}
