/*
 * The blob pipeline: threads that read, decompress and hash blobs in the order of the files, and hand them to sinks.
 * See run.c.
 */
#ifndef OSDIMAGE_ENGINE_RUN_H
#define OSDIMAGE_ENGINE_RUN_H

#include <stdint.h>

#include "engine/sink.h"
#include "engine/units.h"

/* What has become of a blob: one of these, or the errno of reading its file. */
enum {
	OSD_BLOB_PENDING = -1,		/* nothing yet: the run was stopped before */
	OSD_BLOB_GOOD = 0,
	/* EBADMSG: it cannot be decompressed, or its numbers cannot be. */
	/* ENODATA: it lies beyond the end of its file. */
	/* ERANGE: it reaches beyond its solid resource. */
	/* EILSEQ: its SHA-1 is another. */
};

struct osd_run_options {
	unsigned workers;		/* threads; 1 at least; with sinks, no more than OSD_WORKERS are made */
	uint64_t memory;		/* bytes that units may hold together; a larger unit is worked on alone */
	int ends_at_bad;		/* whether the first blob that is bad ends the run */
	int is_plain_sha1;		/* whether libcrypto is not used */
};

/* Why a run ended before its end. */
struct osd_run_error {
	int number;			/* 0: it did not, or was stopped; what a blob became, ENOMEM, or the errno of its last sink */
	uint32_t blob;			/* at work then; none when it is not below the number of blobs */
	uint16_t file;			/* the blob's */
	uint64_t offset;		/* where its resource begins there */
};

/* Why a sink is left out. */
struct osd_sink_error {
	int number;			/* 0: it is not */
	uint32_t blob;			/* at work then; UINT32_MAX: none, at a flush */
};

struct osd_run;

struct osd_run *osd_run_start(const struct osd_blob *blobs, uint32_t count, const struct osd_run_file *files,
			      unsigned file_count, struct osd_sink *const *sinks, unsigned sink_count,
			      const struct osd_run_options *options);
int osd_run_wait(struct osd_run *run, unsigned milliseconds);
uint64_t osd_run_bytes(struct osd_run *run);
void osd_run_stop(struct osd_run *run);
void osd_run_end(struct osd_run *run);
const int32_t *osd_run_results(const struct osd_run *run);
uint32_t osd_run_bad(const struct osd_run *run);
struct osd_run_error osd_run_error(const struct osd_run *run);
struct osd_sink_error osd_run_sink_error(const struct osd_run *run, unsigned sink);
void osd_run_free(struct osd_run *run);
int osd_run_start_in(struct osd_run **place, const struct osd_blob *blobs, uint32_t count,
		     const struct osd_run_file *files, unsigned file_count, struct osd_sink *const *sinks,
		     unsigned sink_count, const struct osd_run_options *options);
void osd_run_free_in(struct osd_run **place);

#endif
