/*
 * Contents of files that are compressed as a whole, as Windows does it (CompactOS, the Windows Overlay Filter): chunks of
 * one size, behind a table of where each but the first begins.
 *
 * Chunks are compressed by whoever has them, in any order, and put one behind the other as their turn comes.  A file
 * becomes a compressed one as soon as it is sure that it takes fewer clusters so: a chunk never becomes longer, so what
 * was saved once stays saved.  Until then both forms are kept; after some megabytes without that, it becomes a plain one.
 * What is sure is written piece by piece, into clusters that are free.
 *
 * Source: libfsntfs, "Windows Overlay Filter (WOF) compressed data"; WOF_EXTERNAL_INFO and FILE_PROVIDER_EXTERNAL_INFO_V0
 * of Microsoft's wofapi.h and ntifs.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wimlib.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

enum {
	STEP = 1 << 20,			/* written at once */
	TRIED = 4 << 20,		/* bytes until a file is taken for one that does not shrink, */
	TRIED_SHARE = 64,		/* or this part of a larger one, */
	TRIED_MOST = 64 << 20,		/* but no more: both forms are in memory until then */
};

/* A chunk that is not at its place yet, or a part of one. */
struct osd_chunk {
	struct osd_chunk *next;
	uint64_t number;
	uint32_t come;			/* bytes of it */
	uint32_t size;			/* compressed; as many as there are when it is stored as it is; 0 when nobody tried */
	uint8_t *packed;		/* where it is not stored as it is */
	uint8_t bytes[];
};

static uint64_t
table_size(const struct osd_compact *compact)
{
	return (compact->chunk_count - 1) * (compact->size > UINT32_MAX ? 8 : 4);
}

static uint32_t
length_of(const struct osd_bulk *bulk, const struct osd_compact *compact, uint64_t number)
{
	uint64_t left = compact->size - number * bulk->compacting.chunk_size;

	return left < bulk->compacting.chunk_size ? (uint32_t)left : bulk->compacting.chunk_size;
}

/* ---- the plan */

/*
 * Compress files that have room of their own and are wanted: a byte for each inode.  They may turn out to be larger so,
 * and stay as they are then.  0 or ENOMEM.
 */
int
osd_bulk_compact(struct osd_bulk *bulk, const uint8_t *wanted, const struct osd_compacting *how)
{
	bulk->compacting = *how;
	bulk->compact_wanted = malloc((size_t)bulk->tree->inode_count + 1);
	if (bulk->compact_wanted == NULL)
		return ENOMEM;
	memcpy(bulk->compact_wanted, wanted, bulk->tree->inode_count);
	return 0;
}

static int
is_candidate(const struct osd_bulk *bulk, uint32_t number)
{
	const struct osd_tree_inode *inode = &bulk->tree->inodes[number];
	const struct osd_tree_stream *stream = &bulk->tree->streams[inode->first_stream];

	return bulk->compact_wanted[number] && !osd_is_folder(inode) && !osd_is_reparse(inode) &&
	       bulk->placed[inode->first_stream].placement == OSD_PLACED_RUN && stream->size > bulk->fresh.cluster_size &&
	       !osd_file_has_stored_form(bulk, inode);
}

/* Choose the files, of those that were placed.  0 or an errno. */
int
osd_compact_plan(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	uint32_t count = 0;

	for (uint32_t i = 0; bulk->compact_wanted != NULL && i < tree->inode_count; i++)
		count += is_candidate(bulk, i);
	if (count == 0)
		return 0;
	bulk->compact = calloc(count, sizeof(*bulk->compact));
	if (bulk->compact == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < tree->inode_count; i++) {
		uint32_t stream = tree->inodes[i].first_stream;
		struct osd_compact *compact = &bulk->compact[bulk->compact_count];

		if (!is_candidate(bulk, i))
			continue;
		compact->size = tree->streams[stream].size;
		compact->chunk_count = round_up(compact->size, bulk->compacting.chunk_size) / bulk->compacting.chunk_size;
		if (pthread_mutex_init(&compact->lock, NULL) != 0)
			return ENOMEM;
		bulk->placed[stream] =
			(struct osd_placed){ .placement = OSD_PLACED_COMPACT, .at = bulk->compact_count++ };
	}
	return 0;
}

/* At most so many runs a file has, of either form. */
uint64_t
osd_compact_runs(const struct osd_compact *compact)
{
	return compact->size / STEP + 3;
}

/* Return what was compressed of a file; NULL for one that is stored as it is. */
const struct osd_compact *
osd_compact_of(const struct osd_bulk *bulk, const struct osd_tree_inode *inode)
{
	const struct osd_placed *placed = bulk->placed == NULL ? NULL : &bulk->placed[inode->first_stream];

	if (placed == NULL || placed->placement != OSD_PLACED_COMPACT ||
	    bulk->compact[placed->at].form != OSD_FORM_COMPRESSED)
		return NULL;
	return &bulk->compact[placed->at];
}

/* ---- what is sure */

static int
append(uint8_t **bytes, size_t *size, size_t *room, const uint8_t *more, size_t count)
{
	size_t needed = *size + count;

	if (needed > *room) {
		size_t grown = *room > 0 ? *room : 4096;
		uint8_t *made;

		while (grown < needed)
			grown *= 2;
		made = realloc(*bytes, grown);
		if (made == NULL)
			return ENOMEM;
		*bytes = made;
		*room = grown;
	}
	memcpy(*bytes + *size, more, count);
	*size = needed;
	return 0;
}

/* Write what is held, to whole clusters, and at the end all of it. */
static int
flush(struct osd_bulk *bulk, struct osd_compact *compact, int is_end)
{
	uint32_t cluster_size = bulk->fresh.cluster_size;
	size_t size = is_end ? round_up(compact->held_size, cluster_size) : compact->held_size / cluster_size * cluster_size;
	size_t stored = size < compact->held_size ? size : compact->held_size;
	static const uint8_t zeros[4096];
	int error = 0;

	if (size == 0)
		return 0;
	while (error == 0 && compact->held_size < size)
		error = append(&compact->held, &compact->held_size, &compact->held_room, zeros,
			       size - compact->held_size < sizeof(zeros) ? size - compact->held_size : sizeof(zeros));
	if (error != 0)
		return error;
	pthread_mutex_lock(&bulk->lock);
	error = osd_space_take(&bulk->space, size / cluster_size, &compact->runs);
	pthread_mutex_unlock(&bulk->lock);
	if (error == 0)
		error = osd_extents_write(&bulk->fresh, &compact->runs, compact->held, size, compact->written);
	if (error != 0)
		return error;
	compact->stored += stored;
	compact->written += size;
	compact->held_size -= size;
	memmove(compact->held, compact->held + size, compact->held_size);
	return 0;
}

static void
put_table(const struct osd_compact *compact, uint8_t *out)
{
	for (uint64_t i = 0; i + 1 < compact->chunk_count; i++)
		if (compact->size > UINT32_MAX)
			put64(out + 8 * i, compact->ends[i]);
		else
			put32(out + 4 * i, (uint32_t)compact->ends[i]);
}

/* See whether a file that was tried is compressed, or shall not be; the table then goes before what is held. */
static int
decide(struct osd_bulk *bulk, struct osd_compact *compact)
{
	uint64_t table = table_size(compact);
	uint64_t share = compact->size / TRIED_SHARE;
	uint64_t most = share < TRIED ? TRIED : share < TRIED_MOST ? share : TRIED_MOST;

	if (compact->saved >= table + bulk->fresh.cluster_size ||
	    (compact->next == compact->chunk_count &&
	     round_up(table + compact->packed, bulk->fresh.cluster_size) < round_up(compact->size, bulk->fresh.cluster_size))) {
		uint8_t *held = calloc(1, table + compact->held_size + 1);

		if (held == NULL)
			return ENOMEM;
		memcpy(held + table, compact->held, compact->held_size);
		free(compact->held);
		compact->held = held;
		compact->held_size += table;
		compact->held_room = compact->held_size + 1;
		compact->form = OSD_FORM_COMPRESSED;
	} else if (compact->next == compact->chunk_count || compact->plain_size >= most) {
		free(compact->held);
		compact->held = compact->plain;
		compact->held_size = compact->plain_size;
		compact->held_room = compact->plain_room;
		compact->plain = NULL;
		compact->form = OSD_FORM_PLAIN;
	}
	if (compact->form != OSD_FORM_UNDECIDED) {
		free(compact->plain);
		compact->plain = NULL;
		compact->plain_size = compact->plain_room = 0;
	}
	return 0;
}

static int
take_next(struct osd_bulk *bulk, struct osd_compact *compact, const struct osd_chunk *chunk)
{
	uint32_t length = length_of(bulk, compact, chunk->number);
	const uint8_t *packed = chunk->packed != NULL ? chunk->packed : chunk->bytes;
	uint32_t size = chunk->packed != NULL ? chunk->size : length;
	int error = 0;

	if (compact->ends == NULL) {
		compact->ends = calloc(compact->chunk_count, sizeof(*compact->ends));
		if (compact->ends == NULL)
			return ENOMEM;
	}
	if (compact->form == OSD_FORM_PLAIN) {
		packed = chunk->bytes;
		size = length;
	}
	error = append(&compact->held, &compact->held_size, &compact->held_room, packed, size);
	if (error == 0 && compact->form == OSD_FORM_UNDECIDED)
		error = append(&compact->plain, &compact->plain_size, &compact->plain_room, chunk->bytes, length);
	compact->packed += size;
	compact->ends[compact->next++] = compact->packed;
	compact->saved += length - size;
	if (error == 0 && compact->form == OSD_FORM_UNDECIDED)
		error = decide(bulk, compact);
	return error;
}

static int
finish(struct osd_bulk *bulk, struct osd_compact *compact)
{
	uint64_t table = compact->form == OSD_FORM_COMPRESSED ? table_size(compact) : 0;
	int is_held = compact->written == 0, error = 0;

	if (table > 0 && is_held)
		put_table(compact, compact->held);
	error = flush(bulk, compact, 1);
	if (error == 0 && table > 0 && !is_held) {
		uint8_t *bytes = malloc(table);

		if (bytes == NULL)
			return ENOMEM;
		put_table(compact, bytes);
		error = osd_extents_write(&bulk->fresh, &compact->runs, bytes, table, 0);
		free(bytes);
	}
	free(compact->held);
	free(compact->ends);
	compact->held = NULL;
	compact->ends = NULL;
	return error;
}

static void
free_chunk(struct osd_chunk *chunk)
{
	if (chunk != NULL)
		free(chunk->packed);
	free(chunk);
}

/* Put a whole chunk where its turn is, and all that follow it. */
static int
put_in_order(struct osd_bulk *bulk, struct osd_compact *compact, struct osd_chunk *chunk)
{
	struct osd_chunk **place = &compact->waiting;
	int error = 0;

	pthread_mutex_lock(&compact->lock);
	while (*place != NULL && (*place)->number < chunk->number)
		place = &(*place)->next;
	chunk->next = *place;
	*place = chunk;
	while (error == 0 && compact->waiting != NULL && compact->waiting->number == compact->next) {
		struct osd_chunk *first = compact->waiting;

		compact->waiting = first->next;
		error = take_next(bulk, compact, first);
		free_chunk(first);
		if (error == 0 && compact->form != OSD_FORM_UNDECIDED && compact->held_size >= STEP)
			error = flush(bulk, compact, 0);
	}
	if (error == 0 && compact->next == compact->chunk_count && compact->waiting == NULL)
		error = finish(bulk, compact);
	pthread_mutex_unlock(&compact->lock);
	return error;
}

/* ---- chunks */

static struct osd_chunk *
new_chunk(const struct osd_bulk *bulk, const struct osd_compact *compact, uint64_t number)
{
	struct osd_chunk *chunk = malloc(sizeof(*chunk) + length_of(bulk, compact, number));

	if (chunk != NULL)
		*chunk = (struct osd_chunk){ .number = number };
	return chunk;
}

static int
compress(struct osd_bulk *bulk, unsigned worker, struct osd_chunk *chunk, uint32_t length)
{
	const struct osd_compacting *how = &bulk->compacting;
	struct wimlib_compressor **made = &bulk->compressors[worker];

	if (*made == NULL && wimlib_create_compressor(how->type, how->chunk_size, how->level, made) != 0)
		return ENOMEM;
	/* What does not become shorter is stored as it is. */
	chunk->packed = length < 2 ? NULL : malloc(length - 1);
	if (chunk->packed == NULL)
		return length < 2 ? 0 : ENOMEM;
	chunk->size = (uint32_t)wimlib_compress(chunk->bytes, length, chunk->packed, length - 1, *made);
	if (chunk->size == 0) {
		free(chunk->packed);
		chunk->packed = NULL;
	}
	return 0;
}

/* Take bytes of a chunk; hand it out when all of it is there.  0 or ENOMEM. */
static int
gather(struct osd_bulk *bulk, struct osd_compact *compact, uint64_t number, size_t at, const uint8_t *data, size_t size,
       struct osd_chunk **whole)
{
	struct osd_chunk **place, *chunk;
	uint32_t length = length_of(bulk, compact, number);
	int error = 0;

	*whole = NULL;
	if (size == length) {
		chunk = new_chunk(bulk, compact, number);
		if (chunk != NULL)
			memcpy(chunk->bytes, data, size);
		*whole = chunk;
		return chunk == NULL ? ENOMEM : 0;
	}
	pthread_mutex_lock(&compact->lock);
	for (place = &compact->parts; *place != NULL && (*place)->number != number;)
		place = &(*place)->next;
	if (*place == NULL)
		*place = new_chunk(bulk, compact, number);
	chunk = *place;
	if (chunk == NULL) {
		error = ENOMEM;
	} else {
		memcpy(chunk->bytes + at, data, size);
		chunk->come += (uint32_t)size;
		if (chunk->come == length) {
			*place = chunk->next;
			*whole = chunk;
		}
	}
	pthread_mutex_unlock(&compact->lock);
	return error;
}

/* Take a piece of a file.  0 or an errno. */
int
osd_compact_piece(struct osd_bulk *bulk, unsigned worker, struct osd_compact *compact, uint64_t offset,
		  const uint8_t *data, size_t size)
{
	uint32_t chunk_size = bulk->compacting.chunk_size;
	int error = 0;

	while (error == 0 && size > 0) {
		uint64_t number = offset / chunk_size;
		size_t at = offset % chunk_size, length = length_of(bulk, compact, number);
		size_t part = length - at < size ? length - at : size;
		struct osd_chunk *chunk;
		int is_plain;

		error = gather(bulk, compact, number, at, data, part, &chunk);
		if (error == 0 && chunk != NULL) {
			pthread_mutex_lock(&compact->lock);
			is_plain = compact->form == OSD_FORM_PLAIN;
			pthread_mutex_unlock(&compact->lock);
			if (!is_plain)
				error = compress(bulk, worker, chunk, (uint32_t)length);
			if (error == 0)
				error = put_in_order(bulk, compact, chunk);
			else
				free_chunk(chunk);
		}
		offset += part;
		data += part;
		size -= part;
	}
	return error;
}

/* ---- what came of it */

/* Write the buffer of the reparse point of a compressed file: OSD_COMPACT_POINT bytes. */
void
osd_compact_point(const struct osd_bulk *bulk, uint8_t *out)
{
	put32(out, OSD_TAG_WOF);
	put16(out + 4, OSD_COMPACT_POINT - OSD_REPARSE_HEAD);
	put16(out + 6, 0);
	put32(out + 8, 1);		/* WOF_CURRENT_VERSION */
	put32(out + 12, 2);		/* WOF_PROVIDER_FILE */
	put32(out + 16, 1);		/* FILE_PROVIDER_CURRENT_VERSION */
	put32(out + 20, bulk->compacting.algorithm);
}

/* Count the compressed files, and their sizes in bytes: plain and in the clusters that they take. */
struct osd_compacted
osd_bulk_compacted(const struct osd_bulk *bulk)
{
	struct osd_compacted found = { 0 };

	for (uint32_t i = 0; i < bulk->compact_count; i++) {
		const struct osd_compact *compact = &bulk->compact[i];

		if (compact->form == OSD_FORM_COMPRESSED) {
			found.files++;
			found.size += round_up(compact->size, bulk->fresh.cluster_size);
			found.stored += compact->runs.clusters * bulk->fresh.cluster_size;
		}
	}
	return found;
}

void
osd_compact_free(struct osd_bulk *bulk)
{
	for (uint32_t i = 0; i < bulk->compact_count; i++) {
		struct osd_compact *compact = &bulk->compact[i];
		struct osd_chunk **lists[] = { &compact->waiting, &compact->parts };

		for (int list = 0; list < 2; list++)
			while (*lists[list] != NULL) {
				struct osd_chunk *first = *lists[list];

				*lists[list] = first->next;
				free_chunk(first);
			}
		free(compact->held);
		free(compact->plain);
		free(compact->ends);
		osd_extents_release(&compact->runs);
		pthread_mutex_destroy(&compact->lock);
	}
	for (int i = 0; i < OSD_WORKERS; i++)
		wimlib_free_compressor(bulk->compressors[i]);
	free(bulk->compact);
	free(bulk->compact_wanted);
}
