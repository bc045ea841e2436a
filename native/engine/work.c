/*
 * The work on a unit: what is stored of it is read and expanded, and each blob in it handed on.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "engine/state.h"

static void
work_on_batch(struct osd_worker *worker, const struct osd_unit *unit)
{
	struct osd_run *run = worker->run;
	const struct osd_run_file *file = &run->files[unit->file];
	const uint8_t *stored = NULL;
	uint64_t begin = unit->begin, got = 0;
	int failure = unit->size == 0 ? 0
				      : osd_expand_read(worker->expander, file, begin, unit->size, &stored, &got);

	for (uint32_t i = unit->first; i < unit->first + unit->count && !osd_is_stopped(run); i++) {
		const struct osd_blob *blob = &run->blobs[i];
		const uint8_t *contents = NULL;
		int error = osd_blob_fault(&run->plan, blob);

		if (error == 0 && blob->size > 0) {
			if (failure != 0) {
				/* One of them cannot be read: which? */
				begin = blob->resource_offset;
				error = osd_expand_read(worker->expander, file, begin, blob->resource_stored_size,
							&stored, &got);
			}
			if (error == 0 && blob->resource_offset - begin + blob->resource_stored_size > got)
				error = ENODATA;
			if (error == 0)
				error = osd_expand_small(worker->expander, file, blob,
							 stored + (blob->resource_offset - begin), &contents);
		}
		osd_deliver_whole(worker, i, contents, error);
	}
}

/* What cannot be read, and what is empty, which needs no reading. */
static void
work_on_rest(struct osd_worker *worker, const struct osd_unit *unit)
{
	struct osd_run *run = worker->run;

	for (uint32_t i = unit->first; i < unit->first + unit->count && !osd_is_stopped(run); i++) {
		const struct osd_blob *blob = &run->blobs[i];
		int error = unit->error;

		if (error == 0)
			error = osd_blob_fault(&run->plan, blob);
		if (error == 0 && blob->is_solid)
			error = osd_solid_fault(&unit->chunks, blob);
		if (error == 0 && blob->size > 0)
			error = EBADMSG;
		osd_deliver_whole(worker, i, NULL, error);
	}
}

/* The blobs that a chunk holds from their begin to their end. */
static void
work_on_solid(struct osd_worker *worker, const struct osd_unit *unit, const uint8_t *contents, int error)
{
	struct osd_run *run = worker->run;

	for (uint32_t i = unit->first; i < unit->first + unit->count && !osd_is_stopped(run); i++) {
		const struct osd_blob *blob = &run->blobs[i];
		int fault = osd_solid_fault(&unit->chunks, blob);

		if (fault != 0)
			osd_deliver_whole(worker, i, NULL, fault);
		else if (blob->size <= unit->size - (blob->offset_in_resource - unit->begin))
			osd_deliver_whole(worker, i, contents + (blob->offset_in_resource - unit->begin), error);
	}
}

/* Hand on the pieces of a unit; only those of blobs that began in an earlier one, where the others are to wait. */
static void
work_on_pieces(struct osd_worker *worker, struct osd_unit *unit, struct osd_buffer *buffer, int error, int only_going_on)
{
	while (unit->pieces != NULL && !osd_is_stopped(worker->run)) {
		struct osd_piece *piece = unit->pieces;

		if (only_going_on && piece->offset == 0)
			break;
		unit->pieces = piece->next_in_unit;
		osd_deliver_piece(worker, piece, buffer, error);
	}
}

/* A segment or a chunk. */
static void
work_on_large(struct osd_worker *worker, struct osd_unit *unit, struct osd_buffer *buffer)
{
	struct osd_run *run = worker->run;
	const uint8_t *contents = buffer == NULL ? NULL : buffer->bytes;
	int error = unit->error;

	if (error == 0 && unit->kind == OSD_UNIT_SEGMENT)
		error = osd_piece_fault(run, unit->pieces);
	if (error == 0)
		error = osd_expand_unit(worker->expander, &run->files[unit->file], unit, buffer->bytes);
	if (buffer != NULL)
		osd_give_back_input(run, unit, buffer);
	if (unit->kind == OSD_UNIT_CHUNK) {
		/* In the order in which they lie there, as sinks write best. */
		work_on_pieces(worker, unit, buffer, error, 1);
		work_on_solid(worker, unit, contents, error);
	} else if (unit->pieces == NULL) {
		osd_deliver_whole(worker, unit->first, contents, error);
	}
	work_on_pieces(worker, unit, buffer, error, 0);
}

/* Work on a unit; buffer is what it was given, which may be NULL. */
void
osd_work(struct osd_worker *worker, struct osd_unit *unit, struct osd_buffer *buffer)
{
	switch (unit->kind) {
	case OSD_UNIT_BATCH:
		work_on_batch(worker, unit);
		break;
	case OSD_UNIT_REST:
		work_on_rest(worker, unit);
		break;
	default:
		work_on_large(worker, unit, buffer);
		break;
	}
}
