/*
 * The threads of a run, what they hold, and the order in which they hand things on.
 *
 * Each worker takes the next unit and the memory for it under one lock, so that the oldest unit always has its memory:
 * what younger ones hold while they wait for an older one cannot stop it.  It then reads, expands, hashes and delivers
 * the unit itself (work.c, deliver.c), without another lock and while the bytes are in the processor's cache.
 *
 * Workers call no Python, write nothing and end nothing: what went wrong stands in the results.
 */
#define _GNU_SOURCE
#include "engine/run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/large.h"
#include "engine/state.h"
#include "fail.h"

/* ---- ending */

/* Stop the run, as osd_run_stop() does; the lock is held. */
void
osd_stop_locked(struct osd_run *run)
{
	atomic_store(&run->is_stopped, 1);
	pthread_cond_broadcast(&run->room);
}

/* End the run for a reason, of which only the first is told; the lock is held. */
void
osd_end_locked(struct osd_run *run, int number, uint32_t blob)
{
	if (run->error.number == 0 && !osd_is_stopped(run)) {
		run->error.number = number;
		run->error.blob = blob;
		if (blob < run->plan.count) {
			run->error.file = run->blobs[blob].file;
			run->error.offset = run->blobs[blob].resource_offset;
		}
	}
	osd_stop_locked(run);
}

/* ---- memory */

/* The memory that a unit takes of the budget; small blobs use what each worker has. */
static uint64_t
charge_of(const struct osd_unit *unit)
{
	if (unit->error != 0 || (unit->kind != OSD_UNIT_SEGMENT && unit->kind != OSD_UNIT_CHUNK))
		return 0;
	return (unit->size < OSD_UNIT_SIZE ? OSD_UNIT_SIZE : unit->size) + osd_expand_input(unit);
}

static void
free_buffer(struct osd_buffer *buffer)
{
	osd_large_free(buffer->bytes, buffer->size);
	free(buffer);
}

static void
free_idle(struct osd_run *run)
{
	while (run->idle != NULL) {
		struct osd_buffer *buffer = run->idle;

		run->idle = buffer->next;
		free_buffer(buffer);
	}
}

/* Take a buffer for a unit; the lock is held.  Returns NULL without memory. */
static struct osd_buffer *
take_buffer(struct osd_run *run, const struct osd_unit *unit)
{
	struct osd_buffer *buffer = run->idle;

	if (unit->size <= OSD_UNIT_SIZE && buffer != NULL) {
		run->idle = buffer->next;
	} else {
		/* What is kept counts for nothing in the budget: a large chunk takes its place. */
		if (unit->size > OSD_UNIT_SIZE)
			free_idle(run);
		buffer = calloc(1, sizeof(*buffer));
		if (buffer == NULL)
			return NULL;
		buffer->size = unit->size < OSD_UNIT_SIZE ? OSD_UNIT_SIZE : unit->size;
		buffer->bytes = osd_large_new(buffer->size);
		if (buffer->bytes == NULL) {
			free(buffer);
			return NULL;
		}
	}
	buffer->users = 1;
	buffer->charge = charge_of(unit);
	run->held += buffer->charge;
	return buffer;
}

/* Give up one use of a buffer; the lock is held.  Those of the usual size are kept for the next units. */
void
osd_give_back_locked(struct osd_run *run, struct osd_buffer *buffer)
{
	if (--buffer->users > 0)
		return;
	run->held -= buffer->charge;
	if (buffer->size == OSD_UNIT_SIZE) {
		buffer->next = run->idle;
		run->idle = buffer;
	} else {
		free_buffer(buffer);
	}
	pthread_cond_broadcast(&run->room);
}

/* What was read of a unit is expanded now, and its memory free. */
void
osd_give_back_input(struct osd_run *run, const struct osd_unit *unit, struct osd_buffer *buffer)
{
	uint64_t input = osd_expand_input(unit);

	if (input == 0)
		return;
	pthread_mutex_lock(&run->lock);
	buffer->charge -= input;
	run->held -= input;
	pthread_cond_broadcast(&run->room);
	pthread_mutex_unlock(&run->lock);
}

/* ---- workers */

/* Take the next unit and its memory.  Returns 0 when there is none, or the run is stopped. */
static int
take_unit(struct osd_run *run, struct osd_unit *unit, struct osd_buffer **buffer)
{
	uint64_t charge;
	int cut = 1;

	*buffer = NULL;
	pthread_mutex_lock(&run->lock);
	for (;;) {
		if (!osd_is_stopped(run) && !run->has_next) {
			cut = osd_plan_next(&run->plan, &run->next);
			if (cut < 0)
				osd_end_locked(run, errno, run->plan.next);
			run->has_next = cut != 0;
		}
		if (cut <= 0 || osd_is_stopped(run)) {
			pthread_mutex_unlock(&run->lock);
			return 0;
		}
		charge = charge_of(&run->next);
		if (run->held == 0 || charge == 0 || charge + run->held <= run->options.memory)
			break;
		pthread_cond_wait(&run->room, &run->lock);
	}
	if (charge > 0) {
		*buffer = take_buffer(run, &run->next);
		if (*buffer == NULL) {
			osd_end_locked(run, ENOMEM, run->next.first);
			pthread_mutex_unlock(&run->lock);
			return 0;
		}
	}
	*unit = run->next;
	run->has_next = 0;
	pthread_mutex_unlock(&run->lock);
	return 1;
}

static void *
work(void *argument)
{
	struct osd_worker *worker = argument;
	struct osd_run *run = worker->run;
	struct osd_unit unit;
	struct osd_buffer *buffer;

	while (take_unit(run, &unit, &buffer)) {
		osd_work(worker, &unit, buffer);
		osd_unit_release(&unit);
		if (buffer != NULL) {
			pthread_mutex_lock(&run->lock);
			osd_give_back_locked(run, buffer);
			pthread_mutex_unlock(&run->lock);
		}
	}
	if (!osd_is_stopped(run))
		osd_flush_sinks(worker);
	pthread_mutex_lock(&run->lock);
	if (--run->at_work == 0)
		pthread_cond_broadcast(&run->end);
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

/* ---- the face */

/* Start the workers, as many as the system lets; none of them gets signals.  Returns 0, or -1 with errno. */
static int
start_workers(struct osd_run *run)
{
	sigset_t all, before;
	int error = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < run->options.workers && error == 0; i++) {
		struct osd_worker *worker = &run->workers[i];

		worker->run = run;
		worker->number = i;
		worker->expander = osd_expander_new();
		worker->sha1 = osd_sha1_new(run->library);
		if (worker->expander == NULL || worker->sha1 == NULL) {
			error = ENOMEM;
			break;
		}
		pthread_mutex_lock(&run->lock);
		error = pthread_create(&worker->thread, NULL, work, worker);
		if (error == 0) {
			run->worker_count++;
			run->at_work++;
		}
		pthread_mutex_unlock(&run->lock);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return run->worker_count > 0 ? 0 : fail(error);
}

static void
init_conditions(struct osd_run *run)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->room, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&run->end, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* Allocate what the run needs for its blobs, files, sinks and workers.  Returns 0, or -1 with errno. */
static int
fill(struct osd_run *run, uint32_t count, const struct osd_run_file *files, unsigned file_count,
     struct osd_sink *const *sinks, unsigned sink_count)
{
	run->results = malloc(((size_t)count + 1) * sizeof(*run->results));
	run->files = calloc((size_t)file_count + 1, sizeof(*run->files));
	run->sinks = calloc((size_t)sink_count + 1, sizeof(*run->sinks));
	run->workers = calloc(run->options.workers, sizeof(*run->workers));
	run->library = osd_sha1_open(run->options.is_plain_sha1);
	if (run->results == NULL || run->files == NULL || run->sinks == NULL || run->workers == NULL ||
	    run->library == NULL)
		return fail(ENOMEM);
	for (uint32_t i = 0; i < count; i++)
		run->results[i] = OSD_BLOB_PENDING;
	if (file_count > 0)
		memcpy(run->files, files, file_count * sizeof(*files));
	for (unsigned i = 0; i < sink_count; i++)
		run->sinks[i].sink = sinks[i];
	run->sink_count = run->sinks_left = sink_count;
	return osd_plan_init(&run->plan, run->blobs, count, run->files, file_count);
}

/*
 * Start a run.  Blobs, sinks and what the descriptors of the files are must stay until it is freed; they are the
 * caller's.  Returns NULL with errno: EINVAL for blobs that are not sorted by place or no worker, ENOMEM, EAGAIN when no
 * thread can be made, or why a file has no size.
 */
struct osd_run *
osd_run_start(const struct osd_blob *blobs, uint32_t count, const struct osd_run_file *files, unsigned file_count,
	      struct osd_sink *const *sinks, unsigned sink_count, const struct osd_run_options *options)
{
	struct osd_run *run;
	int error;

	if (options->workers == 0) {
		errno = EINVAL;
		return NULL;
	}
	run = calloc(1, sizeof(*run));
	if (run == NULL)
		return NULL;
	run->blobs = blobs;
	run->options = *options;
	if (sink_count > 0 && run->options.workers > OSD_WORKERS)
		run->options.workers = OSD_WORKERS;
	init_conditions(run);
	if (fill(run, count, files, file_count, sinks, sink_count) == 0 && start_workers(run) == 0)
		return run;
	error = errno;
	osd_run_free(run);
	errno = error;
	return NULL;
}

/* Wait until all workers have ended, but no longer than a time.  Returns whether they have. */
int
osd_run_wait(struct osd_run *run, unsigned milliseconds)
{
	struct timespec until;
	int has_ended, error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += milliseconds / 1000;
	until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&run->lock);
	while (run->at_work > 0 && error == 0)
		error = pthread_cond_timedwait(&run->end, &run->lock, &until);
	has_ended = run->at_work == 0;
	pthread_mutex_unlock(&run->lock);
	return has_ended;
}

/* How many bytes of blobs, expanded, are done with: those of bad ones too. */
uint64_t
osd_run_bytes(struct osd_run *run)
{
	return atomic_load_explicit(&run->bytes, memory_order_relaxed);
}

/* Let every worker end after the blob or chunk that it is at. */
void
osd_run_stop(struct osd_run *run)
{
	pthread_mutex_lock(&run->lock);
	osd_stop_locked(run);
	pthread_mutex_unlock(&run->lock);
}

/* Stop the run, unless it has ended, and wait for its workers.  What is told below is true from then on. */
void
osd_run_end(struct osd_run *run)
{
	osd_run_stop(run);
	for (; run->worker_count > 0; run->worker_count--)
		pthread_join(run->workers[run->worker_count - 1].thread, NULL);
}

/* What has become of each blob: OSD_BLOB_GOOD, OSD_BLOB_PENDING or an errno. */
const int32_t *
osd_run_results(const struct osd_run *run)
{
	return run->results;
}

/* How many blobs are bad. */
uint32_t
osd_run_bad(const struct osd_run *run)
{
	return atomic_load(&run->bad);
}

struct osd_run_error
osd_run_error(const struct osd_run *run)
{
	return run->error;
}

struct osd_sink_error
osd_run_sink_error(const struct osd_run *run, unsigned sink)
{
	return (struct osd_sink_error){ .number = atomic_load(&run->sinks[sink].number), .blob = run->sinks[sink].blob };
}

/* Free a run, after it was ended.  NULL is none. */
void
osd_run_free(struct osd_run *run)
{
	if (run == NULL)
		return;
	osd_run_end(run);
	if (run->has_next)
		osd_unit_release(&run->next);
	for (struct osd_spanning *spanning = run->plan.open; spanning != NULL; spanning = spanning->next)
		for (struct osd_piece *piece = spanning->waiting; piece != NULL; piece = piece->next)
			if (piece->buffer != NULL)
				osd_give_back_locked(run, piece->buffer);
	osd_plan_release(&run->plan);
	free_idle(run);
	for (unsigned i = 0; run->workers != NULL && i < run->options.workers; i++) {
		osd_expander_free(run->workers[i].expander);
		osd_sha1_free(run->workers[i].sha1);
	}
	osd_sha1_close(run->library);
	free(run->workers);
	free(run->sinks);
	free(run->files);
	free(run->results);
	pthread_mutex_destroy(&run->lock);
	pthread_cond_destroy(&run->room);
	pthread_cond_destroy(&run->end);
	free(run);
}

/*
 * Start a run as osd_run_start() does, and have it in a place before any signal can come between: who owns the place ends
 * it, whatever happens on the way back.  0 or an errno.
 */
int
osd_run_start_in(struct osd_run **place, const struct osd_blob *blobs, uint32_t count, const struct osd_run_file *files,
		 unsigned file_count, struct osd_sink *const *sinks, unsigned sink_count,
		 const struct osd_run_options *options)
{
	*place = osd_run_start(blobs, count, files, file_count, sinks, sink_count, options);
	return *place == NULL ? errno : 0;
}

/* End the run in a place, if there is one, and free it. */
void
osd_run_free_in(struct osd_run **place)
{
	osd_run_free(*place);
	*place = NULL;
}
