/*
 * Cutting the blobs of a run into units of work.
 *
 * Units follow the order of the files, which is the order in which a disk reads best.  They are cut one at a time, when a
 * worker asks for the next: a list of all would grow with what a file claims to hold.  For the same reason no table of
 * chunks is held: those of a solid resource are read a window at a time, and each segment of a large blob reads its own
 * part of the table when it is worked on.
 *
 * Blobs of a solid resource may overlap, as only the hostile make them: each is cut for itself.  The functions are called
 * by one thread at a time.
 */
#define _GNU_SOURCE
#include "engine/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/hash.h"
#include "fail.h"

#define BATCH_BLOBS 512

/* Read of a file, as pread() does.  Returns how many bytes, 0 at its end, or -1 with errno. */
int64_t
osd_file_read(const struct osd_run_file *file, uint8_t *buffer, uint64_t size, uint64_t offset)
{
	ssize_t count;

	if (offset >= file->size)
		return 0;
	if (size > file->size - offset)
		size = file->size - offset;
	do {
		count = pread(file->fd, buffer, size, (off_t)(file->begin + offset));
	} while (count < 0 && errno == EINTR);
	return count;
}

/* Read all of a range.  Returns 0 or an errno: ENODATA when the file ends before. */
int
osd_read_fully(const struct osd_run_file *file, uint8_t *buffer, uint64_t size, uint64_t offset)
{
	while (size > 0) {
		int64_t count = osd_file_read(file, buffer, size, offset);

		if (count < 0)
			return errno;
		if (count == 0)
			return ENODATA;
		buffer += count;
		offset += (uint64_t)count;
		size -= (uint64_t)count;
	}
	return 0;
}

/* Find how much of a file is there.  Returns 0, or -1 with errno. */
static int
find_size(struct osd_run_file *file)
{
	struct stat facts;
	off_t end;

	if (fstat(file->fd, &facts) != 0)
		return -1;
	end = S_ISREG(facts.st_mode) ? facts.st_size : lseek(file->fd, 0, SEEK_END);
	if (end < 0)
		return -1;
	file->size = (uint64_t)end < file->begin ? 0 : (uint64_t)end - file->begin;
	if (file->length > 0 && file->length < file->size)
		file->size = file->length;
	return 0;
}

/* ---- what is wrong with a blob, as far as the list of blobs tells */

static int
is_before(const struct osd_blob *a, const struct osd_blob *b)
{
	if (a->file != b->file)
		return a->file < b->file;
	if (a->resource_offset != b->resource_offset)
		return a->resource_offset < b->resource_offset;
	return a->offset_in_resource < b->offset_in_resource;
}

/*
 * Compare what is said of a blob with its file and with itself.  Returns 0 or an errno: ENODATA when the file ends before
 * its resource, EBADMSG when its numbers cannot be.
 */
int
osd_blob_fault(const struct osd_plan *plan, const struct osd_blob *blob)
{
	const struct osd_run_file *file = &plan->files[blob->file];
	struct osd_chunks chunks;

	if (blob->resource_stored_size > INT64_MAX || blob->resource_offset > UINT64_MAX - blob->resource_stored_size)
		return EBADMSG;
	if (blob->resource_offset > file->size || blob->resource_stored_size > file->size - blob->resource_offset)
		return ENODATA;
	if (blob->is_solid)
		return 0;
	if (blob->size != blob->resource_size)
		return EBADMSG;
	if (!blob->is_compressed)
		return blob->size == blob->resource_stored_size ? 0 : EBADMSG;
	if (osd_chunks_init(&chunks, blob->resource_stored_size, blob->size, file->compression_type,
			    file->chunk_size) != 0)
		return EBADMSG;
	/* No chunk is stored in more bytes than it has; so nothing is read that is larger than what it expands to. */
	if (blob->size > 0 && blob->resource_stored_size - chunks.data_at > blob->size)
		return EBADMSG;
	return 0;
}

/* The same of a blob in a solid resource.  Returns 0, ERANGE when it reaches beyond it, or EBADMSG. */
int
osd_solid_fault(const struct osd_chunks *chunks, const struct osd_blob *blob)
{
	if (blob->resource_size != chunks->size || blob->resource_stored_size != chunks->stored_size)
		return EBADMSG;
	if (blob->offset_in_resource > chunks->size || blob->size > chunks->size - blob->offset_in_resource)
		return ERANGE;
	return 0;
}

/* ---- blobs of several units */

static struct osd_spanning *
open_spanning(struct osd_plan *plan, uint32_t blob)
{
	struct osd_spanning *spanning = calloc(1, sizeof(*spanning));

	if (spanning == NULL)
		return NULL;
	spanning->blob = blob;
	spanning->next = plan->open;
	if (plan->open != NULL)
		plan->open->previous = spanning;
	plan->open = spanning;
	return spanning;
}

/* Forget a blob of several units.  Pieces of it that wait are freed; their buffers are the caller's to give back. */
void
osd_spanning_done(struct osd_plan *plan, struct osd_spanning *spanning)
{
	if (spanning->previous != NULL)
		spanning->previous->next = spanning->next;
	else
		plan->open = spanning->next;
	if (spanning->next != NULL)
		spanning->next->previous = spanning->previous;
	while (spanning->waiting != NULL) {
		struct osd_piece *piece = spanning->waiting;

		spanning->waiting = piece->next;
		free(piece);
	}
	osd_sha1_free(spanning->sha1);
	free(spanning);
}

/* Put the next bytes of a blob into a unit.  Returns 0, or -1 with errno. */
static int
cut_piece(struct osd_spanning *spanning, struct osd_unit *unit, uint64_t size, uint64_t at)
{
	struct osd_piece *piece = calloc(1, sizeof(*piece));

	if (piece == NULL)
		return fail(ENOMEM);
	piece->spanning = spanning;
	piece->offset = spanning->cut;
	piece->size = size;
	piece->at = at;
	if (unit->pieces == NULL)
		unit->pieces = piece;
	else
		unit->last_piece->next_in_unit = piece;
	unit->last_piece = piece;
	spanning->cut += size;
	return 0;
}

/* Free the pieces of a unit that nobody took over. */
void
osd_unit_release(struct osd_unit *unit)
{
	while (unit->pieces != NULL) {
		struct osd_piece *piece = unit->pieces;

		unit->pieces = piece->next_in_unit;
		free(piece);
	}
}

/* ---- cutting */

/*
 * Prepare to cut blobs, which must be sorted by place (osd_blob_table_sort()) and stay where they are.  Returns 0, or -1
 * with errno: EINVAL when they are not sorted or name a file that is not given, ENOMEM, or why a file has no size.
 */
int
osd_plan_init(struct osd_plan *plan, const struct osd_blob *blobs, uint32_t count, struct osd_run_file *files,
	      unsigned file_count)
{
	memset(plan, 0, sizeof(*plan));
	for (unsigned i = 0; i < file_count; i++)
		if (find_size(&files[i]) != 0)
			return -1;
	for (uint32_t i = 0; i < count; i++)
		if (blobs[i].file >= file_count || (i > 0 && is_before(&blobs[i], &blobs[i - 1])))
			return fail(EINVAL);
	plan->blobs = blobs;
	plan->count = count;
	plan->files = files;
	plan->file_count = file_count;
	plan->window = malloc((size_t)OSD_TABLE_WINDOW * 4);
	return plan->window == NULL ? fail(ENOMEM) : 0;
}

/* Free what the plan holds, blobs of several units that are not done as well. */
void
osd_plan_release(struct osd_plan *plan)
{
	while (plan->open != NULL)
		osd_spanning_done(plan, plan->open);
	free(plan->window);
	plan->window = NULL;
}

static void
cut_rest(struct osd_plan *plan, struct osd_unit *unit, uint32_t end, int error)
{
	unit->kind = OSD_UNIT_REST;
	unit->first = plan->next;
	unit->count = end - plan->next;
	unit->file = plan->blobs[plan->next].file;
	unit->error = error;
	unit->chunks = plan->chunks;
	plan->next = end;
}

/* Small blobs that lie together.  Those that cannot be read are among them, and count for nothing. */
static void
cut_batch(struct osd_plan *plan, struct osd_unit *unit)
{
	unsigned file = plan->blobs[plan->next].file;
	uint64_t end = 0;

	unit->kind = OSD_UNIT_BATCH;
	unit->first = plan->next;
	unit->file = file;
	while (plan->next < plan->count && unit->count < BATCH_BLOBS) {
		const struct osd_blob *blob = &plan->blobs[plan->next];

		if (blob->file != file || blob->is_solid || blob->size > OSD_UNIT_SIZE)
			break;
		if (blob->size > 0 && osd_blob_fault(plan, blob) == 0) {
			uint64_t blob_end = blob->resource_offset + blob->resource_stored_size;

			if (end == 0)
				unit->begin = blob->resource_offset;
			else if (blob_end - unit->begin > OSD_UNIT_SIZE)
				break;
			if (blob_end > end)
				end = blob_end;
			unit->size = end - unit->begin;
		}
		unit->count++;
		plan->next++;
	}
}

/* The next segment of a large blob.  Returns 0, or -1 with errno. */
static int
cut_segment(struct osd_plan *plan, struct osd_unit *unit)
{
	const struct osd_blob *blob = &plan->blobs[plan->next];
	const struct osd_run_file *file = &plan->files[blob->file];
	uint64_t segment = OSD_UNIT_SIZE;

	unit->kind = OSD_UNIT_SEGMENT;
	unit->first = plan->next;
	unit->count = 1;
	unit->file = blob->file;
	unit->stored_at = blob->resource_offset;
	unit->is_compressed = blob->is_compressed;
	if (blob->is_compressed) {
		(void)osd_chunks_init(&unit->chunks, blob->resource_stored_size, blob->size, file->compression_type,
				      file->chunk_size);
		if (file->chunk_size > segment)
			segment = file->chunk_size;
	}
	unit->begin = plan->large == NULL ? 0 : plan->large->cut;
	unit->size = blob->size - unit->begin < segment ? blob->size - unit->begin : segment;
	if (unit->size < blob->size) {
		if (plan->large == NULL)
			plan->large = open_spanning(plan, plan->next);
		if (plan->large == NULL)
			return fail(ENOMEM);
		if (cut_piece(plan->large, unit, unit->size, 0) != 0)
			return -1;
	}
	if (unit->begin + unit->size == blob->size) {
		plan->large = NULL;
		plan->next++;
	}
	return 0;
}

/* Begin with the solid resource in which the next blob is. */
static void
begin_solid(struct osd_plan *plan)
{
	const struct osd_blob *first = &plan->blobs[plan->next];
	uint8_t header[OSD_SOLID_HEADER_SIZE];

	plan->is_solid = 1;
	plan->file = first->file;
	plan->resource_offset = first->resource_offset;
	plan->chunk = 0;
	plan->window_first = plan->window_count = 0;
	for (plan->solid_end = plan->next; plan->solid_end < plan->count; plan->solid_end++) {
		const struct osd_blob *blob = &plan->blobs[plan->solid_end];

		if (!blob->is_solid || blob->file != first->file || blob->resource_offset != first->resource_offset)
			break;
	}
	plan->error = osd_blob_fault(plan, first);
	if (plan->error == 0 && first->resource_stored_size < sizeof(header))
		plan->error = EBADMSG;
	if (plan->error == 0)
		plan->error = osd_read_fully(&plan->files[plan->file], header, sizeof(header), plan->resource_offset);
	if (plan->error == 0)
		plan->error = osd_chunks_init_solid(&plan->chunks, first->resource_stored_size, first->resource_size,
						    header);
	plan->at = plan->chunks.data_at;
}

/* Find where the next chunk of the solid resource is.  Returns 0 or an errno. */
static int
find_chunk(struct osd_plan *plan, struct osd_unit *unit)
{
	uint64_t at = plan->at;
	int error;

	if (plan->chunk >= plan->window_first + plan->window_count) {
		uint64_t left = plan->chunks.entries - plan->chunk;

		plan->window_first = plan->chunk;
		plan->window_count = left < OSD_TABLE_WINDOW ? left : OSD_TABLE_WINDOW;
		error = osd_read_fully(&plan->files[plan->file], plan->window, plan->window_count * 4,
				       plan->resource_offset + plan->chunks.table_at + plan->chunk * 4);
		if (error != 0)
			return error;
	}
	error = osd_chunks_solid_entry(&plan->chunks, plan->chunk,
				       plan->window + (plan->chunk - plan->window_first) * 4, &plan->at,
				       &unit->stored_size);
	unit->stored_at = plan->resource_offset + at;
	return error;
}

/* Put what begins in a chunk into its unit; what does not end there goes on in the next ones. */
static int
cut_blobs(struct osd_plan *plan, struct osd_unit *unit)
{
	uint64_t end = unit->begin + unit->size;

	unit->first = plan->next;
	while (plan->next < plan->solid_end && plan->blobs[plan->next].offset_in_resource < end) {
		const struct osd_blob *blob = &plan->blobs[plan->next];
		struct osd_spanning *spanning;

		/* One that cannot be is told by the worker. */
		if (osd_solid_fault(&plan->chunks, blob) == 0 && blob->size > end - blob->offset_in_resource) {
			spanning = open_spanning(plan, plan->next);
			if (spanning == NULL)
				return fail(ENOMEM);
			if (cut_piece(spanning, unit, end - blob->offset_in_resource,
				      blob->offset_in_resource - unit->begin) != 0)
				return -1;
		}
		unit->count++;
		plan->next++;
	}
	return 0;
}

/* Put the next bytes of all blobs that began in an earlier chunk into a unit; all that is left of them when it is bad. */
static int
cut_open(struct osd_plan *plan, struct osd_unit *unit)
{
	for (struct osd_spanning *spanning = plan->open; spanning != NULL; spanning = spanning->next) {
		const struct osd_blob *blob = &plan->blobs[spanning->blob];
		uint64_t left = blob->size - spanning->cut;
		uint64_t part = unit->error == 0 && left > unit->size ? unit->size : left;

		if (left > 0 && cut_piece(spanning, unit, part, 0) != 0)
			return -1;
	}
	return 0;
}

static int
has_open(const struct osd_plan *plan)
{
	for (const struct osd_spanning *spanning = plan->open; spanning != NULL; spanning = spanning->next)
		if (spanning->cut < plan->blobs[spanning->blob].size)
			return 1;
	return 0;
}

/* The next chunk of the solid resource in which something is.  Returns 1, 0 when there is none, or -1 with errno. */
static int
cut_chunk(struct osd_plan *plan, struct osd_unit *unit)
{
	while (plan->error == 0 && plan->chunk < plan->chunks.count) {
		int goes_on = has_open(plan), begins;

		if (!goes_on && plan->next == plan->solid_end)
			return 0;
		unit->kind = OSD_UNIT_CHUNK;
		unit->file = plan->file;
		unit->chunks = plan->chunks;
		unit->begin = plan->chunk * plan->chunks.chunk_size;
		unit->size = osd_chunk_size(&plan->chunks, plan->chunk);
		plan->error = unit->error = find_chunk(plan, unit);
		plan->chunk++;
		if (unit->error != 0)
			return goes_on ? (cut_open(plan, unit) == 0 ? 1 : -1) : 0;
		begins = plan->next < plan->solid_end &&
			 plan->blobs[plan->next].offset_in_resource < unit->begin + unit->size;
		if (!goes_on && !begins)
			continue;
		if (cut_open(plan, unit) != 0 || cut_blobs(plan, unit) != 0)
			return -1;
		return 1;
	}
	return 0;
}

/*
 * Cut the next unit.  Returns 1, 0 when there is none left, or -1 with errno ENOMEM.  The caller gives what was cut back
 * with osd_unit_release().
 */
int
osd_plan_next(struct osd_plan *plan, struct osd_unit *unit)
{
	for (;;) {
		const struct osd_blob *blob;

		memset(unit, 0, sizeof(*unit));
		if (plan->is_solid) {
			int cut = cut_chunk(plan, unit);

			if (cut != 0)
				return cut;
			memset(unit, 0, sizeof(*unit));
			plan->is_solid = 0;
			if (plan->next < plan->solid_end) {
				cut_rest(plan, unit, plan->solid_end, plan->error);
				return 1;
			}
		}
		if (plan->next == plan->count)
			return 0;
		blob = &plan->blobs[plan->next];
		if (blob->is_solid) {
			begin_solid(plan);
			continue;
		}
		if (blob->size <= OSD_UNIT_SIZE) {
			cut_batch(plan, unit);
			return 1;
		}
		if (plan->large == NULL && osd_blob_fault(plan, blob) != 0) {
			cut_rest(plan, unit, plan->next + 1, osd_blob_fault(plan, blob));
			return 1;
		}
		return cut_segment(plan, unit) == 0 ? 1 : -1;
	}
}
