/* What the threads of a run share; for run.c, work.c and deliver.c. */
#ifndef OSDIMAGE_ENGINE_STATE_H
#define OSDIMAGE_ENGINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "engine/expand.h"
#include "engine/hash.h"
#include "engine/run.h"

struct osd_buffer {
	uint8_t *bytes;
	uint64_t size;
	uint64_t charge;		/* of the budget */
	unsigned users;
	struct osd_buffer *next;	/* of the idle ones */
};

struct osd_sink_state {
	struct osd_sink *sink;
	atomic_int number;
	uint32_t blob;
};

struct osd_worker {
	struct osd_run *run;
	unsigned number;
	pthread_t thread;
	struct osd_expander *expander;
	struct osd_sha1 *sha1;
};

struct osd_run {
	const struct osd_blob *blobs;
	struct osd_run_file *files;
	struct osd_run_options options;
	struct osd_sha1_library *library;
	struct osd_sink_state *sinks;
	unsigned sink_count;
	struct osd_worker *workers;
	unsigned worker_count;		/* of those that were started and not joined */
	int32_t *results;
	atomic_uint_least64_t bytes;
	atomic_uint bad;
	atomic_int is_stopped;

	pthread_mutex_t lock;
	pthread_cond_t room;		/* memory was given back, or the run is stopped */
	pthread_cond_t end;		/* the last worker has ended */
	struct osd_plan plan;
	struct osd_unit next;
	int has_next;
	uint64_t held;
	struct osd_buffer *idle;
	unsigned at_work;
	unsigned sinks_left;
	struct osd_run_error error;
};

/* Whether no more work is wanted. */
static inline int
osd_is_stopped(struct osd_run *run)
{
	return atomic_load_explicit(&run->is_stopped, memory_order_relaxed);
}

/* run.c; the lock is held for those whose names end so. */
void osd_stop_locked(struct osd_run *run);
void osd_end_locked(struct osd_run *run, int number, uint32_t blob);
void osd_give_back_locked(struct osd_run *run, struct osd_buffer *buffer);
void osd_give_back_input(struct osd_run *run, const struct osd_unit *unit, struct osd_buffer *buffer);

/* work.c */
void osd_work(struct osd_worker *worker, struct osd_unit *unit, struct osd_buffer *buffer);

/* deliver.c */
void osd_deliver_whole(struct osd_worker *worker, uint32_t number, const uint8_t *data, int error);
void osd_deliver_piece(struct osd_worker *worker, struct osd_piece *piece, struct osd_buffer *buffer, int error);
int osd_piece_fault(struct osd_run *run, const struct osd_piece *piece);
void osd_flush_sinks(struct osd_worker *worker);

#endif
