/*
 * Expanding what a WIM stores: units of it from a file, small blobs from memory.
 *
 * libwim's decompressors are made for one compression and one size of chunk; one is kept for as long as it fits, since
 * making one fills tables, and most blobs are small.
 */
#define _GNU_SOURCE
#include "engine/expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <wimlib.h>

#include "engine/large.h"

/* The most chunks of a unit: those of 4 KiB, the smallest that osd_chunks_init() takes. */
#define MOST_CHUNKS (OSD_UNIT_SIZE >> 12)
/* What is kept to read into: a unit, and the tables of its blobs. */
#define INPUT_KEPT (OSD_UNIT_SIZE + OSD_UNIT_SIZE / 8)

struct osd_expander {
	struct wimlib_decompressor *decompressor;
	int type;
	uint32_t chunk_size;
	uint8_t *input;
	uint64_t input_size;
	uint8_t *small;					/* OSD_UNIT_SIZE bytes */
	uint64_t bounds[MOST_CHUNKS + 1];
	uint8_t entries[(MOST_CHUNKS + 1) * 8];
};

/* Make what one thread expands with.  Returns NULL without memory. */
struct osd_expander *
osd_expander_new(void)
{
	struct osd_expander *expander = calloc(1, sizeof(*expander));

	if (expander == NULL)
		return NULL;
	expander->small = malloc(OSD_UNIT_SIZE);
	if (expander->small == NULL) {
		free(expander);
		return NULL;
	}
	return expander;
}

void
osd_expander_free(struct osd_expander *expander)
{
	if (expander == NULL)
		return;
	if (expander->decompressor != NULL)
		wimlib_free_decompressor(expander->decompressor);
	osd_large_free(expander->input, expander->input_size);
	free(expander->small);
	free(expander);
}

/* Return memory for what is stored, or NULL. */
static uint8_t *
input_of(struct osd_expander *expander, uint64_t size)
{
	if (size > expander->input_size) {
		uint64_t wanted = size < INPUT_KEPT ? INPUT_KEPT : size;

		osd_large_free(expander->input, expander->input_size);
		expander->input = osd_large_new(wanted);
		expander->input_size = expander->input == NULL ? 0 : wanted;
	}
	return expander->input;
}

/* Give back what only a large chunk needed. */
static void
trim_input(struct osd_expander *expander)
{
	if (expander->input_size <= INPUT_KEPT)
		return;
	osd_large_free(expander->input, expander->input_size);
	expander->input = NULL;
	expander->input_size = 0;
}

/* Have a decompressor.  Returns 0, ENOMEM, or EBADMSG for a compression that libwim does not know. */
static int
prepare(struct osd_expander *expander, int type, uint32_t chunk_size)
{
	if (expander->decompressor != NULL && expander->type == type && expander->chunk_size == chunk_size)
		return 0;
	if (expander->decompressor != NULL)
		wimlib_free_decompressor(expander->decompressor);
	expander->decompressor = NULL;
	switch (wimlib_create_decompressor((enum wimlib_compression_type)type, chunk_size, &expander->decompressor)) {
	case WIMLIB_ERR_SUCCESS:
		break;
	case WIMLIB_ERR_NOMEM:
		return ENOMEM;
	default:
		expander->decompressor = NULL;
		return EBADMSG;
	}
	expander->type = type;
	expander->chunk_size = chunk_size;
	return 0;
}

/* Expand a chunk, or copy it where it is stored as it is.  Returns 0 or EBADMSG. */
static int
expand_chunk(struct osd_expander *expander, const uint8_t *stored, uint64_t stored_size, uint8_t *contents, uint64_t size)
{
	if (stored_size == size) {
		memcpy(contents, stored, size);
		return 0;
	}
	return wimlib_decompress(stored, stored_size, contents, size, expander->decompressor) == 0 ? 0 : EBADMSG;
}

/*
 * Read what is stored in a range; stored is valid until the next call.  A file may end before: got tells how much there
 * is.  Returns 0 or an errno.
 */
int
osd_expand_read(struct osd_expander *expander, const struct osd_run_file *file, uint64_t offset, uint64_t size,
		const uint8_t **stored, uint64_t *got)
{
	uint8_t *input = input_of(expander, size);

	if (input == NULL)
		return ENOMEM;
	for (*got = 0; *got < size;) {
		int64_t count = osd_file_read(file, input + *got, size - *got, offset + *got);

		if (count < 0)
			return errno;
		if (count == 0)
			break;
		*got += (uint64_t)count;
	}
	*stored = input;
	return 0;
}

/*
 * Expand a blob that is small, not solid, and without fault (osd_blob_fault()), from what is stored of it.  contents is
 * in memory of the expander, or in stored.  Returns 0, EBADMSG or ENOMEM.
 */
int
osd_expand_small(struct osd_expander *expander, const struct osd_run_file *file, const struct osd_blob *blob,
		 const uint8_t *stored, const uint8_t **contents)
{
	struct osd_chunks chunks;
	const uint64_t *bounds = expander->bounds;
	int error;

	*contents = stored;
	if (!blob->is_compressed || blob->size == 0)
		return 0;
	error = osd_chunks_init(&chunks, blob->resource_stored_size, blob->size, file->compression_type,
				file->chunk_size);
	if (error == 0)
		error = prepare(expander, chunks.compression_type, chunks.chunk_size);
	if (error == 0)
		error = osd_chunks_bounds(&chunks, 0, chunks.count, stored, expander->bounds);
	if (error != 0)
		return error;
	if (chunks.count == 1 && bounds[1] - bounds[0] == blob->size) {
		*contents = stored + bounds[0];
		return 0;
	}
	*contents = expander->small;
	for (uint64_t i = 0; i < chunks.count && error == 0; i++)
		error = expand_chunk(expander, stored + bounds[i], bounds[i + 1] - bounds[i],
				     expander->small + i * chunks.chunk_size, osd_chunk_size(&chunks, i));
	return error;
}

/* Expand the chunks of a segment. */
static int
expand_segment(struct osd_expander *expander, const struct osd_run_file *file, const struct osd_unit *unit,
	       uint8_t *contents)
{
	const struct osd_chunks *chunks = &unit->chunks;
	const uint64_t *bounds = expander->bounds;
	uint64_t first = unit->begin / chunks->chunk_size, count = (unit->size - 1) / chunks->chunk_size + 1;
	uint64_t entry, entries;
	uint8_t *input;
	int error;

	osd_chunks_entries(chunks, first, count, &entry, &entries);
	error = osd_read_fully(file, expander->entries, entries * chunks->entry_size,
			       unit->stored_at + chunks->table_at + entry * chunks->entry_size);
	if (error == 0)
		error = osd_chunks_bounds(chunks, first, count, expander->entries, expander->bounds);
	if (error != 0)
		return error;
	input = input_of(expander, bounds[count] - bounds[0]);
	if (input == NULL)
		return ENOMEM;
	error = osd_read_fully(file, input, bounds[count] - bounds[0], unit->stored_at + bounds[0]);
	for (uint64_t i = 0; i < count && error == 0; i++)
		error = expand_chunk(expander, input + (bounds[i] - bounds[0]), bounds[i + 1] - bounds[i],
				     contents + i * chunks->chunk_size, osd_chunk_size(chunks, first + i));
	return error;
}

static int
expand_solid(struct osd_expander *expander, const struct osd_run_file *file, const struct osd_unit *unit, uint8_t *contents)
{
	uint8_t *input;
	int error;

	if (unit->stored_size == unit->size)
		return osd_read_fully(file, contents, unit->size, unit->stored_at);
	input = input_of(expander, unit->stored_size);
	if (input == NULL)
		return ENOMEM;
	error = osd_read_fully(file, input, unit->stored_size, unit->stored_at);
	return error != 0 ? error : expand_chunk(expander, input, unit->stored_size, contents, unit->size);
}

/*
 * Expand a segment or a chunk from its file into memory of its size.  Returns 0 or an errno: EBADMSG for what cannot be
 * expanded, ENODATA for a file that ends too early, ENOMEM, or that of the read.
 */
int
osd_expand_unit(struct osd_expander *expander, const struct osd_run_file *file, const struct osd_unit *unit,
		uint8_t *contents)
{
	int error;

	if (unit->kind == OSD_UNIT_SEGMENT && !unit->is_compressed)
		return osd_read_fully(file, contents, unit->size, unit->stored_at + unit->begin);
	error = prepare(expander, unit->chunks.compression_type, unit->chunks.chunk_size);
	if (error == 0)
		error = unit->kind == OSD_UNIT_SEGMENT ? expand_segment(expander, file, unit, contents)
						       : expand_solid(expander, file, unit, contents);
	trim_input(expander);
	return error;
}

/* The memory, in bytes, that is taken beside the contents while a unit is expanded; 0 for what a thread keeps. */
uint64_t
osd_expand_input(const struct osd_unit *unit)
{
	uint64_t size = unit->stored_size;

	if (unit->kind == OSD_UNIT_SEGMENT)
		/* Its chunks may be stored in as many bytes as they have: that is not known before. */
		size = unit->is_compressed ? unit->size : 0;
	return size > INPUT_KEPT ? size : 0;
}
