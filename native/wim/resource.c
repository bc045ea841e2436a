/*
 * Sequential reader of one resource of a WIM file.
 *
 * libwim verifies on one thread and stops at the first bad blob.  This reader takes a resource's place in the file from
 * libwim's blob table and decompresses its chunks with libwim's public decompressors, so that Python can hash several
 * blobs at once and name every bad one.
 *
 * Format: "Windows Imaging File Format (WIM)", white paper, Microsoft 2007, "Resources": a table of chunk offsets
 * (u32, or u64 where the resource is larger than 4 GiB; the first chunk has none), then the chunks; a chunk whose
 * stored size equals its size is stored.  Solid resources (version 0xE00) begin with u64 size, u32 chunk size and u32
 * compression type, and their table holds the size of each chunk as u32.
 *
 * Everything read from the file is checked before it is used; nothing larger than one chunk and the table is held.
 */
#define _GNU_SOURCE
#include "wim/resource.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wimlib.h>

#include "fail.h"

#define SOLID_HEADER_SIZE 16
/* The largest chunk that libwim itself accepts for LZMS (1 GiB) would be half a small machine; ESDs use 64 MiB. */
#define LARGEST_CHUNK (UINT32_C(1) << 28)

#define CHUNK_IS_LOST (UINT64_C(1) << 63)
/* What is tried by itself when a part of what is stored plainly cannot be read. */
#define BLOCK UINT64_C(4096)

struct osd_reader {
	int fd;
	uint64_t begin;		/* where the WIM begins in what fd has */
	uint64_t length;	/* how long it is; 0 for up to the end of that */
	uint64_t size;		/* how much of it is there, when the resource was begun */
	struct wimlib_decompressor *decompressor;
	int decompressor_type;
	uint32_t decompressor_chunk;

	uint64_t position;	/* of the next chunk in the file */
	uint64_t end;		/* of the resource in the file */
	uint64_t remaining;	/* bytes that have not been handed out */
	uint64_t next_chunk;
	uint64_t chunks;
	uint32_t chunk_size;
	int is_compressed;

	int is_recovering;	/* what cannot be read becomes zeros */
	uint64_t lost;		/* how many bytes did */

	uint64_t *stored;	/* stored size of each chunk; with CHUNK_IS_LOST where its place is not known */
	uint64_t stored_capacity;
	uint8_t *scratch;
	uint64_t scratch_capacity;
};

/* Make a reader of a WIM that is all that a descriptor has (0, 0), or a part of it, as of a file on a disc. */
struct osd_reader *
osd_reader_new(int fd, uint64_t begin, uint64_t length)
{
	struct osd_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->fd = fd;
	reader->begin = begin;
	reader->length = length;
	return reader;
}

/* Free the reader.  The file descriptor stays open: it is the caller's. */
void
osd_reader_free(struct osd_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->decompressor != NULL)
		wimlib_free_decompressor(reader->decompressor);
	free(reader->stored);
	free(reader->scratch);
	free(reader);
}

/* Read all of a range of the WIM; what lies behind its end is none of it.  Returns 0, or -1 with errno. */
static int
read_fully(const struct osd_reader *reader, void *buffer, uint64_t size, uint64_t offset)
{
	uint8_t *cursor = buffer;

	if (offset > reader->size || size > reader->size - offset)
		return fail(ENODATA);
	offset += reader->begin;
	while (size > 0) {
		ssize_t count = pread(reader->fd, cursor, size, (off_t)offset);

		if (count < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (count == 0)
			return fail(ENODATA);
		cursor += count;
		offset += (uint64_t)count;
		size -= (uint64_t)count;
	}
	return 0;
}

static int
reserve(void **memory, uint64_t *capacity, uint64_t wanted)
{
	void *grown;

	if (wanted <= *capacity)
		return 0;
	grown = realloc(*memory, wanted);
	if (grown == NULL)
		return fail(ENOMEM);
	*memory = grown;
	*capacity = wanted;
	return 0;
}

/* Use the decompressor at hand when it fits: making one allocates and fills tables, and most blobs are small. */
static int
prepare_decompressor(struct osd_reader *reader, int type, uint32_t chunk_size)
{
	if (reader->decompressor != NULL && reader->decompressor_type == type &&
	    reader->decompressor_chunk == chunk_size)
		return 0;
	if (reader->decompressor != NULL)
		wimlib_free_decompressor(reader->decompressor);
	reader->decompressor = NULL;
	switch (wimlib_create_decompressor((enum wimlib_compression_type)type, chunk_size, &reader->decompressor)) {
	case WIMLIB_ERR_SUCCESS:
		break;
	case WIMLIB_ERR_NOMEM:
		return fail(ENOMEM);
	default:
		return fail(EBADMSG);
	}
	reader->decompressor_type = type;
	reader->decompressor_chunk = chunk_size;
	return 0;
}

/*
 * Take what cannot be read for zeros from now on: of a chunk that cannot be expanded what comes behind the damage, and
 * all of one of which the table says what cannot be.  Chunks behind those of a table that tells their places stay where they are.
 */
void
osd_reader_recover(struct osd_reader *reader)
{
	reader->is_recovering = 1;
}

/* How many bytes the chunks of the resource that was begun last have which could not be read whole. */
uint64_t
osd_reader_lost(const struct osd_reader *reader)
{
	return reader->lost;
}

/* Read the table of chunks and leave position at the first chunk. */
static int
read_chunk_table(struct osd_reader *reader, uint64_t size, int is_solid)
{
	uint64_t width = (!is_solid && size > UINT32_MAX) ? 8 : 4;
	uint64_t entries = is_solid ? reader->chunks : reader->chunks - 1;
	uint64_t room = reader->end - reader->position;
	uint64_t first;

	if (entries > room / width)
		return fail(EBADMSG);
	if (reserve((void **)&reader->stored, &reader->stored_capacity, reader->chunks * 8) != 0 ||
	    reserve((void **)&reader->scratch, &reader->scratch_capacity, entries * width) != 0)
		return -1;
	if (read_fully(reader, reader->scratch, entries * width, reader->position) != 0)
		return -1;
	first = reader->position + entries * width;
	room -= entries * width;
	if (is_solid) {
		for (uint64_t i = 0; i < entries; i++) {
			uint32_t value;

			memcpy(&value, reader->scratch + i * 4, 4);
			reader->stored[i] = le32toh(value);
			if (reader->stored[i] > room) {
				if (!reader->is_recovering)
					return fail(EBADMSG);
				/* Where those behind it are is not known either. */
				for (; i < entries; i++)
					reader->stored[i] = CHUNK_IS_LOST;
				break;
			}
			room -= reader->stored[i];
		}
	} else {
		uint64_t before = 0, lost = 0;

		for (uint64_t i = 0; i < entries; i++) {
			uint64_t offset;

			if (width == 8) {
				memcpy(&offset, reader->scratch + i * 8, 8);
				offset = le64toh(offset);
			} else {
				uint32_t value;

				memcpy(&value, reader->scratch + i * 4, 4);
				offset = le32toh(value);
			}
			if (offset < before || offset > room) {
				if (!reader->is_recovering)
					return fail(EBADMSG);
				/* Neither where this chunk ends is known, nor where the next begins. */
				reader->stored[i] = lost = CHUNK_IS_LOST;
				continue;
			}
			reader->stored[i] = (offset - before) | lost;
			before = offset;
			lost = 0;
		}
		reader->stored[entries] = (room - before) | lost;
	}
	reader->position = first;
	return 0;
}

/*
 * Begin to read a resource.  offset and stored_size are its place in the file, size what it expands to.  A solid
 * resource brings its own compression type and chunk size.  Returns 0, or -1 with errno: EBADMSG for contents that
 * cannot be, ENODATA for a file that ends too early.
 */
int
osd_reader_begin(struct osd_reader *reader, uint64_t offset, uint64_t stored_size, uint64_t size, int is_compressed,
		 int is_solid, int compression_type, uint32_t chunk_size)
{
	struct stat facts;

	if (offset + stored_size < offset || stored_size > INT64_MAX)
		return fail(EBADMSG);
	if (offset + stored_size > INT64_MAX)
		return fail(ENODATA);
	/* The sizes of the tables below follow from stored_size, so it must be the file's and not a claim. */
	if (fstat(reader->fd, &facts) != 0)
		return -1;
	reader->size = INT64_MAX - reader->begin;
	if (S_ISREG(facts.st_mode))
		reader->size = (uint64_t)facts.st_size < reader->begin ? 0 : (uint64_t)facts.st_size - reader->begin;
	if (reader->length > 0 && reader->length < reader->size)
		reader->size = reader->length;
	if (offset + stored_size > reader->size)
		return fail(ENODATA);
	reader->lost = 0;
	reader->position = offset;
	reader->end = offset + stored_size;
	reader->remaining = size;
	reader->next_chunk = 0;
	reader->chunks = 0;
	reader->is_compressed = is_compressed || is_solid;
	reader->chunk_size = chunk_size;
	if (!reader->is_compressed)
		return stored_size == size ? 0 : fail(EBADMSG);
	if (is_solid) {
		uint8_t header[SOLID_HEADER_SIZE];
		uint64_t real_size;
		uint32_t real_chunk, real_type;

		if (stored_size < sizeof(header))
			return fail(EBADMSG);
		if (read_fully(reader, header, sizeof(header), offset) != 0)
			return -1;
		memcpy(&real_size, header, 8);
		memcpy(&real_chunk, header + 8, 4);
		memcpy(&real_type, header + 12, 4);
		if (le64toh(real_size) != size)
			return fail(EBADMSG);
		reader->chunk_size = le32toh(real_chunk);
		compression_type = (int)le32toh(real_type);
		reader->position += sizeof(header);
	}
	if (reader->chunk_size == 0 || (reader->chunk_size & (reader->chunk_size - 1)) != 0 ||
	    reader->chunk_size > LARGEST_CHUNK)
		return fail(EBADMSG);
	if (size == 0)
		return 0;
	reader->chunks = (size - 1) / reader->chunk_size + 1;
	if (read_chunk_table(reader, size, is_solid) != 0)
		return -1;
	return prepare_decompressor(reader, compression_type, reader->chunk_size);
}

/* The buffer size that osd_reader_next() needs at least: one chunk. */
uint32_t
osd_reader_piece(const struct osd_reader *reader)
{
	return reader->is_compressed ? reader->chunk_size : 1;
}

/* Read what is stored plainly; 0, or -1 with errno. */
static int
read_plain(struct osd_reader *reader, uint8_t *buffer, uint64_t size)
{
	if (read_fully(reader, buffer, size, reader->position) == 0)
		return 0;
	if (!reader->is_recovering)
		return -1;
	for (uint64_t at = 0; at < size; at += BLOCK) {
		uint64_t part = size - at < BLOCK ? size - at : BLOCK;

		if (read_fully(reader, buffer + at, part, reader->position + at) != 0) {
			memset(buffer + at, 0, part);
			reader->lost += part;
		}
	}
	return 0;
}

/* Read a chunk that takes so many bytes, and expand it; 0, or -1 with errno. */
static int
read_chunk(struct osd_reader *reader, uint8_t *buffer, uint64_t size, uint64_t stored)
{
	if (stored == 0 || stored > size)
		return fail(EBADMSG);
	if (stored == size)
		return read_plain(reader, buffer, size);
	if (reserve((void **)&reader->scratch, &reader->scratch_capacity, stored) != 0 ||
	    read_fully(reader, reader->scratch, stored, reader->position) != 0)
		return -1;
	if (wimlib_decompress(reader->scratch, stored, buffer, size, reader->decompressor) == 0)
		return 0;
	if (!reader->is_recovering)
		return fail(EBADMSG);
	/* It has written what comes before the damage, in some order: what it writes now stands among zeros. */
	memset(buffer, 0, size);
	(void)wimlib_decompress(reader->scratch, stored, buffer, size, reader->decompressor);
	reader->lost += size;
	return 0;
}

/* What the next chunk expands to. */
static uint64_t
size_of_next(const struct osd_reader *reader)
{
	return reader->remaining < reader->chunk_size ? reader->remaining : reader->chunk_size;
}

static int64_t
next_chunk(struct osd_reader *reader, uint8_t *buffer)
{
	uint64_t size = size_of_next(reader);
	uint64_t stored = reader->stored[reader->next_chunk];

	if (read_chunk(reader, buffer, size, stored) != 0) {
		if (!reader->is_recovering || errno == ENOMEM)
			return -1;
		memset(buffer, 0, size);
		reader->lost += size;
	}
	reader->position += stored & ~CHUNK_IS_LOST;
	reader->next_chunk++;
	reader->remaining -= size;
	return (int64_t)size;
}

/*
 * Read on: fill buffer with whole chunks, as many as fit (at least one: capacity >= osd_reader_piece()).  Returns the
 * number of bytes, 0 at the end of the resource, or -1 with errno.
 */
int64_t
osd_reader_next(struct osd_reader *reader, uint8_t *buffer, uint64_t capacity)
{
	int64_t filled = 0;

	if (!reader->is_compressed) {
		uint64_t size = reader->remaining < capacity ? reader->remaining : capacity;

		if (read_plain(reader, buffer, size) != 0)
			return -1;
		reader->position += size;
		reader->remaining -= size;
		return (int64_t)size;
	}
	while (reader->remaining > 0) {
		uint64_t size = size_of_next(reader);
		int64_t count;

		if (size > capacity - (uint64_t)filled)
			break;
		count = next_chunk(reader, buffer + filled);
		if (count < 0)
			return -1;
		filled += count;
	}
	return filled;
}

/*
 * Pass over as many of the next bytes as can be without reading: of what is compressed whole chunks.  Returns how many
 * that were.
 */
uint64_t
osd_reader_skip(struct osd_reader *reader, uint64_t count)
{
	uint64_t skipped = 0;

	if (!reader->is_compressed) {
		skipped = reader->remaining < count ? reader->remaining : count;
		reader->position += skipped;
		reader->remaining -= skipped;
		return skipped;
	}
	while (reader->remaining > 0 && size_of_next(reader) <= count - skipped) {
		uint64_t size = size_of_next(reader);

		reader->position += reader->stored[reader->next_chunk++] & ~CHUNK_IS_LOST;
		reader->remaining -= size;
		skipped += size;
	}
	return skipped;
}
