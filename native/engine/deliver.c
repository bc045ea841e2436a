/*
 * What is done with the contents of blobs: they are hashed, and handed to the sinks.
 *
 * A blob within one unit is compared with its SHA-1 before a sink sees it.  One of several units is delivered piece by
 * piece, and hashed in order: the worker that finds the next piece there, and nobody hashing, takes the baton and hashes
 * all that follows it; the others leave their pieces, whose buffers stay until then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/state.h"

static void
end_run(struct osd_run *run, int number, uint32_t blob)
{
	pthread_mutex_lock(&run->lock);
	osd_end_locked(run, number, blob);
	pthread_mutex_unlock(&run->lock);
}

/* ---- sinks */

static int
is_left_out(struct osd_sink_state *state)
{
	return atomic_load_explicit(&state->number, memory_order_relaxed) != 0;
}

static void
leave_out(struct osd_run *run, struct osd_sink_state *state, int number, uint32_t blob)
{
	pthread_mutex_lock(&run->lock);
	if (!is_left_out(state)) {
		state->blob = blob;
		atomic_store(&state->number, number);
		if (--run->sinks_left == 0)
			osd_end_locked(run, number, blob);
	}
	pthread_mutex_unlock(&run->lock);
}

static void
deliver(struct osd_worker *worker, uint32_t blob, uint64_t offset, const uint8_t *data, uint64_t size)
{
	struct osd_run *run = worker->run;

	/* Each worker begins at another sink: two that write to one file wait for each other. */
	for (unsigned i = 0; i < run->sink_count && size > 0; i++) {
		struct osd_sink_state *state = &run->sinks[(worker->number + i) % run->sink_count];
		int number = is_left_out(state) ? 0 : state->sink->ops->piece(state->sink, worker->number, blob, offset,
									      data, (size_t)size);

		if (number != 0)
			leave_out(run, state, number, blob);
	}
}

void
osd_flush_sinks(struct osd_worker *worker)
{
	struct osd_run *run = worker->run;

	for (unsigned i = 0; i < run->sink_count; i++) {
		struct osd_sink_state *state = &run->sinks[i];
		int number = is_left_out(state) ? 0 : state->sink->ops->flush(state->sink, worker->number);

		if (number != 0)
			leave_out(run, state, number, UINT32_MAX);
	}
}

/* ---- blobs */

static void
count_bytes(struct osd_run *run, uint64_t size)
{
	atomic_fetch_add_explicit(&run->bytes, size, memory_order_relaxed);
}

/* Tell what has become of a blob; error is 0 when it is good. */
static void
finish(struct osd_worker *worker, uint32_t blob, int error)
{
	struct osd_run *run = worker->run;

	run->results[blob] = error;
	if (error != 0)
		atomic_fetch_add(&run->bad, 1);
	for (unsigned i = 0; i < run->sink_count; i++) {
		struct osd_sink_state *state = &run->sinks[i];
		int number = is_left_out(state) ? 0 : state->sink->ops->blob_end(state->sink, worker->number, blob,
										 error == 0);

		if (number != 0)
			leave_out(run, state, number, blob);
	}
	/* Without memory nothing is known of the blob. */
	if (error == ENOMEM || (error != 0 && run->options.ends_at_bad))
		end_run(run, error, blob);
}

static int
compare(struct osd_sha1 *sha1, const struct osd_blob *blob)
{
	uint8_t digest[OSD_SHA1_SIZE];
	int error = osd_sha1_end(sha1, digest);

	if (error != 0)
		return error;
	return memcmp(digest, blob->sha1, sizeof(digest)) == 0 ? 0 : EILSEQ;
}

/* All of a blob is in memory, unless error says why not. */
void
osd_deliver_whole(struct osd_worker *worker, uint32_t number, const uint8_t *data, int error)
{
	const struct osd_blob *blob = &worker->run->blobs[number];

	if (error == 0)
		error = osd_sha1_begin(worker->sha1);
	if (error == 0)
		error = osd_sha1_add(worker->sha1, data, (size_t)blob->size);
	if (error == 0)
		error = compare(worker->sha1, blob);
	if (error == 0)
		deliver(worker, number, 0, data, blob->size);
	finish(worker, number, error);
	count_bytes(worker->run, blob->size);
}

/* ---- blobs of several units */

static void
put_in_order(struct osd_spanning *spanning, struct osd_piece *piece)
{
	struct osd_piece **place = &spanning->waiting;

	while (*place != NULL && (*place)->offset < piece->offset)
		place = &(*place)->next;
	piece->next = *place;
	*place = piece;
}

/* Hash a piece; the baton is held, and the lock is not.  Returns 0 or an errno. */
static int
hash_piece(struct osd_run *run, struct osd_spanning *spanning, const struct osd_piece *piece)
{
	int error = 0;

	if (spanning->sha1 == NULL) {
		spanning->sha1 = osd_sha1_new(run->library);
		if (spanning->sha1 == NULL)
			return ENOMEM;
		error = osd_sha1_begin(spanning->sha1);
	}
	return error != 0 ? error : osd_sha1_add(spanning->sha1, piece->buffer->bytes + piece->at, (size_t)piece->size);
}

/* Hash what follows the last piece that was hashed; the lock is held, and let go meanwhile. */
static void
carry_baton(struct osd_run *run, struct osd_spanning *spanning)
{
	while (spanning->waiting != NULL && spanning->waiting->offset == spanning->hashed && !osd_is_stopped(run)) {
		struct osd_piece *piece = spanning->waiting;
		int error = spanning->error;

		spanning->waiting = piece->next;
		spanning->is_hashing = 1;
		pthread_mutex_unlock(&run->lock);
		if (error == 0)
			error = hash_piece(run, spanning, piece);
		count_bytes(run, piece->size);
		pthread_mutex_lock(&run->lock);
		spanning->is_hashing = 0;
		if (spanning->error == 0)
			spanning->error = error;
		spanning->hashed += piece->size;
		if (piece->buffer != NULL)
			osd_give_back_locked(run, piece->buffer);
		free(piece);
	}
}

/* Hand on a piece, which is taken over.  The end of its blob is told by the worker that hashes the last one. */
void
osd_deliver_piece(struct osd_worker *worker, struct osd_piece *piece, struct osd_buffer *buffer, int error)
{
	struct osd_run *run = worker->run;
	struct osd_spanning *spanning = piece->spanning;
	uint32_t blob = spanning->blob;
	int is_done = 0;

	if (error == 0)
		deliver(worker, blob, piece->offset, buffer->bytes + piece->at, piece->size);
	pthread_mutex_lock(&run->lock);
	if (spanning->error == 0)
		spanning->error = error;
	if (error == 0) {
		piece->buffer = buffer;
		buffer->users++;
	}
	put_in_order(spanning, piece);
	if (!spanning->is_hashing) {
		carry_baton(run, spanning);
		is_done = spanning->hashed == run->blobs[blob].size;
	}
	if (is_done) {
		error = spanning->error;
		if (error == 0)
			error = compare(spanning->sha1, &run->blobs[blob]);
		osd_spanning_done(&run->plan, spanning);
	}
	pthread_mutex_unlock(&run->lock);
	if (is_done)
		finish(worker, blob, error);
}

/* Tell whether a blob of several units is known to be bad, so that the rest of it need not be read. */
int
osd_piece_fault(struct osd_run *run, const struct osd_piece *piece)
{
	int error;

	if (piece == NULL)
		return 0;
	pthread_mutex_lock(&run->lock);
	error = piece->spanning->error;
	pthread_mutex_unlock(&run->lock);
	return error;
}
