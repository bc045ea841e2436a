/*
 * The table of chunks of a compressed resource.
 *
 * Source: "Windows Imaging File Format (WIM)", white paper, Microsoft 2007, "Resources": a table of chunk offsets from
 * the first chunk on (u32, or u64 where the resource is larger than 4 GiB; the first chunk has none), then the chunks; a
 * chunk whose stored size equals its size is stored as it is.  Solid resources (version 0xE00) begin with u64 size, u32
 * chunk size and u32 compression type, and their table holds the stored size of each chunk as u32.
 *
 * These functions read memory, not files: who calls reads as many entries at a time as are wanted, so that a table needs
 * no memory of its own however long it claims to be.  Nothing of a table is believed: all bounds that they return lie in
 * the resource, in order, and no chunk is stored in more bytes than it has.
 */
#include "engine/chunks.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* The least that any program writes (XPRESS), and the most: libwim takes 1 GiB, half a small machine; ESDs have 64 MiB. */
#define SMALLEST_CHUNK (UINT32_C(1) << 12)
#define LARGEST_CHUNK (UINT32_C(1) << 28)

static uint32_t
get32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return le32toh(value);
}

static uint64_t
get64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

/* Fill in what follows from the size of chunks.  Returns 0, or EBADMSG when the table has no room in the resource. */
static int
divide(struct osd_chunks *chunks, int is_solid)
{
	uint64_t room = chunks->stored_size - chunks->table_at;

	if (chunks->chunk_size < SMALLEST_CHUNK || chunks->chunk_size > LARGEST_CHUNK ||
	    (chunks->chunk_size & (chunks->chunk_size - 1)) != 0)
		return EBADMSG;
	chunks->count = chunks->size == 0 ? 0 : (chunks->size - 1) / chunks->chunk_size + 1;
	chunks->entries = is_solid || chunks->count == 0 ? chunks->count : chunks->count - 1;
	chunks->entry_size = !is_solid && chunks->size > UINT32_MAX ? 8 : 4;
	if (chunks->entries > room / chunks->entry_size)
		return EBADMSG;
	chunks->data_at = chunks->table_at + chunks->entries * chunks->entry_size;
	return 0;
}

/*
 * Compare what is said of a resource that is not solid with itself.  stored_size is the caller's to compare with the
 * file.  Returns 0, or EBADMSG: the size of chunks is none that there is, the table has no room in the resource.
 */
int
osd_chunks_init(struct osd_chunks *chunks, uint64_t stored_size, uint64_t size, int compression_type,
		uint32_t chunk_size)
{
	memset(chunks, 0, sizeof(*chunks));
	chunks->stored_size = stored_size;
	chunks->size = size;
	chunks->compression_type = compression_type;
	chunks->chunk_size = chunk_size;
	return divide(chunks, 0);
}

/* The same of a solid resource, whose header must say the same size.  It has OSD_SOLID_HEADER_SIZE bytes. */
int
osd_chunks_init_solid(struct osd_chunks *chunks, uint64_t stored_size, uint64_t size, const uint8_t *header)
{
	memset(chunks, 0, sizeof(*chunks));
	if (stored_size < OSD_SOLID_HEADER_SIZE || get64(header) != size || get32(header + 12) > INT32_MAX)
		return EBADMSG;
	chunks->stored_size = stored_size;
	chunks->size = size;
	chunks->table_at = OSD_SOLID_HEADER_SIZE;
	chunks->chunk_size = get32(header + 8);
	chunks->compression_type = (int)get32(header + 12);
	return divide(chunks, 1);
}

/* The size that a chunk expands to: that of all, but for the last. */
uint64_t
osd_chunk_size(const struct osd_chunks *chunks, uint64_t chunk)
{
	uint64_t begin = chunk * chunks->chunk_size;

	return chunks->size - begin < chunks->chunk_size ? chunks->size - begin : chunks->chunk_size;
}

/* Tell which entries of the table say where some chunks of a resource that is not solid are: count + 1 at most. */
void
osd_chunks_entries(const struct osd_chunks *chunks, uint64_t first, uint64_t count, uint64_t *entry, uint64_t *entries)
{
	uint64_t end = first + count < chunks->count ? first + count : chunks->count - 1;

	*entry = first == 0 ? 0 : first - 1;
	*entries = end - *entry;
}

/*
 * Find some chunks of a resource that is not solid.  entries are those that osd_chunks_entries() names; bounds gets
 * count + 1 offsets from the begin of the resource: where each chunk begins, and where the last one ends.  Returns 0, or
 * EBADMSG.
 */
int
osd_chunks_bounds(const struct osd_chunks *chunks, uint64_t first, uint64_t count, const uint8_t *entries,
		  uint64_t *bounds)
{
	uint64_t room = chunks->stored_size - chunks->data_at;

	for (uint64_t i = 0; i <= count; i++) {
		uint64_t offset = room;

		if (first + i == 0) {
			offset = 0;
		} else if (first + i < chunks->count) {
			offset = chunks->entry_size == 8 ? get64(entries) : get32(entries);
			entries += chunks->entry_size;
		}
		if (offset > room)
			return EBADMSG;
		bounds[i] = chunks->data_at + offset;
		if (i > 0 && (bounds[i] <= bounds[i - 1] ||
			      bounds[i] - bounds[i - 1] > osd_chunk_size(chunks, first + i - 1)))
			return EBADMSG;
	}
	return 0;
}

/*
 * Find the next chunk of a solid resource: at is where it begins, from the begin of the resource, and moves behind it.
 * It begins as data_at.  Returns 0, or EBADMSG: then nothing is known of the chunks behind it either.
 */
int
osd_chunks_solid_entry(const struct osd_chunks *chunks, uint64_t chunk, const uint8_t *entry, uint64_t *at,
		       uint64_t *stored_size)
{
	uint64_t size = get32(entry);

	if (size == 0 || size > osd_chunk_size(chunks, chunk) || size > chunks->stored_size - *at)
		return EBADMSG;
	*stored_size = size;
	*at += size;
	return 0;
}
