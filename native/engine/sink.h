/*
 * Where the bytes of blobs go: what the pipeline (run.h) calls, and what a sink may count on.
 *
 * Threads: any worker may call any operation at any time, also for the same blob (pieces of a large one).  A worker does
 * one thing at a time: what a sink gathers for each worker needs no lock.  Workers are numbered from 0, below
 * OSD_WORKERS.  No Python.
 */
#ifndef OSDIMAGE_ENGINE_SINK_H
#define OSDIMAGE_ENGINE_SINK_H

#include <stddef.h>
#include <stdint.h>

/* How many workers a run with sinks has at most. */
#define OSD_WORKERS 64

struct osd_sink;

/*
 * What a sink implements.  Each operation returns 0, or an errno: then this sink has failed, the others go on, and the
 * run ends when none is left.  A sink that failed is not called again, but for calls that other workers have begun.
 *
 * A blob that a sink does not want is its own to know: it returns 0 at once.  blob is the place in the list that the run
 * was given; that tells its size.
 */
struct osd_sink_ops {
	/*
	 * Take bytes of a blob.  One that fits a unit comes whole (offset 0, all of its size) and after its SHA-1 was found
	 * right.  The pieces of a larger one come in any order, from several workers at once, each byte once, and before it
	 * is proved: what is made of them must not look whole until blob_end() said so.  size is never 0: of an empty blob
	 * only the end is told.  data belongs to the caller, and changes after the call.
	 */
	int (*piece)(struct osd_sink *sink, unsigned worker, uint32_t blob, uint64_t offset, const uint8_t *data,
		     size_t size);
	/*
	 * Learn that no more comes of a blob: all calls of piece() for it have returned.  is_good: all of it came and its
	 * SHA-1 is right; otherwise nothing, some or all of it came.  Once for each blob of the run, also for one that
	 * cannot be read, unless the run is stopped before.
	 */
	int (*blob_end)(struct osd_sink *sink, unsigned worker, uint32_t blob, int is_good);
	/* Write what was gathered for a worker: it has no more work.  Once for each worker, unless the run is stopped before. */
	int (*flush)(struct osd_sink *sink, unsigned worker);
};

/* The first member of what implements it. */
struct osd_sink {
	const struct osd_sink_ops *ops;
};

#endif
