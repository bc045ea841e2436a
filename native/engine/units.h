/* The work of a run, cut into units in the order of the files.  See units.c. */
#ifndef OSDIMAGE_ENGINE_UNITS_H
#define OSDIMAGE_ENGINE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/chunks.h"
#include "wim/blob_table.h"

/* Blobs up to this size are read together; larger ones are cut into segments of it. */
#define OSD_UNIT_SIZE (UINT32_C(1) << 20)

/*
 * A file in which blobs are, open for reading: all that a descriptor has, or a part of it, as of a file on a disc.  Nothing
 * beyond its end is read, whatever the blobs claim.
 */
struct osd_run_file {
	int fd;
	int compression_type;
	uint32_t chunk_size;		/* of resources that are not solid */
	uint64_t begin;			/* where it begins in what the descriptor has */
	uint64_t length;		/* how long it is; 0 for up to the end of that */
	uint64_t size;			/* how much of it is there; osd_plan_init() finds it */
};

struct osd_buffer;
struct osd_sha1;
struct osd_spanning;

/* The part of a unit that belongs to a blob of several units. */
struct osd_piece {
	struct osd_piece *next_in_unit;
	struct osd_piece *next;		/* of the same blob, that waits for its turn to be hashed; in order */
	struct osd_spanning *spanning;
	uint64_t offset;		/* in the blob */
	uint64_t size;
	uint64_t at;			/* in the unit */
	struct osd_buffer *buffer;	/* holds its bytes while it waits; NULL where they could not be read */
};

/* A blob of several units, from the first to the last of them. */
struct osd_spanning {
	uint32_t blob;
	int error;			/* the first of its pieces */
	int is_hashing;			/* whether a worker holds the baton */
	uint64_t cut;			/* bytes that are in units, from its begin on */
	uint64_t hashed;		/* bytes, from its begin on */
	struct osd_piece *waiting;
	struct osd_sha1 *sha1;
	struct osd_spanning *previous, *next;
};

enum osd_unit_kind {
	OSD_UNIT_BATCH,			/* small blobs that lie together */
	OSD_UNIT_SEGMENT,		/* a part of a large blob, or all of it */
	OSD_UNIT_CHUNK,			/* a chunk of a solid resource */
	OSD_UNIT_REST,			/* blobs that cannot be read, and those of nothing */
};

struct osd_unit {
	enum osd_unit_kind kind;
	uint32_t first;			/* of its blobs; those that span units are left out of a chunk's */
	uint32_t count;
	unsigned file;
	int error;			/* why nothing of it can be read */
	uint64_t begin;			/* of a batch: in the file; of a segment: in the blob; of a chunk: in the resource */
	uint64_t size;			/* what a batch has stored; what a segment or chunk expands to */
	uint64_t stored_at;		/* of a segment: of its resource; of a chunk: of itself; in the file */
	uint64_t stored_size;		/* of a chunk */
	int is_compressed;
	struct osd_chunks chunks;	/* of a segment or chunk that is compressed; of the rest of a solid resource */
	struct osd_piece *pieces;	/* in the order of their blobs: those that go on, then those that begin */
	struct osd_piece *last_piece;
};

/* Entries of the table of a solid resource that are read at a time. */
#define OSD_TABLE_WINDOW 2048

/* Where the cutting is. */
struct osd_plan {
	const struct osd_blob *blobs;
	uint32_t count;
	const struct osd_run_file *files;
	unsigned file_count;
	uint32_t next;			/* the blob that is not cut yet */
	struct osd_spanning *large;	/* the blob at next, where some of its segments are cut */
	struct osd_spanning *open;	/* blobs of several units that are not hashed to their end */
	/* Of the solid resource at work: its blobs are from next to solid_end. */
	uint32_t solid_end;
	int is_solid;
	int error;			/* why nothing more of it can be read */
	unsigned file;
	uint64_t resource_offset;
	struct osd_chunks chunks;
	uint64_t chunk;			/* the next one */
	uint64_t at;			/* where it is stored, from the begin of the resource */
	uint8_t *window;
	uint64_t window_first;
	uint64_t window_count;
};

int osd_plan_init(struct osd_plan *plan, const struct osd_blob *blobs, uint32_t count, struct osd_run_file *files,
		  unsigned file_count);
int osd_plan_next(struct osd_plan *plan, struct osd_unit *unit);
void osd_plan_release(struct osd_plan *plan);
int osd_blob_fault(const struct osd_plan *plan, const struct osd_blob *blob);
int osd_solid_fault(const struct osd_chunks *chunks, const struct osd_blob *blob);
void osd_unit_release(struct osd_unit *unit);
void osd_spanning_done(struct osd_plan *plan, struct osd_spanning *spanning);
int64_t osd_file_read(const struct osd_run_file *file, uint8_t *buffer, uint64_t size, uint64_t offset);
int osd_read_fully(const struct osd_run_file *file, uint8_t *buffer, uint64_t size, uint64_t offset);

#endif
