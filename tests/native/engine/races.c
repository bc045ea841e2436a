/*
 * Runs the blob pipeline over a WIM again and again, for ThreadSanitizer to watch; see .ci/races.sh.
 *
 *	races WIM...
 *
 * Each run has other numbers of threads and sinks and another budget, and some are stopped.  Leaves with 0 when every
 * run that was not stopped found all blobs good, and told each sink all bytes and the end of each blob once.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wimlib.h>

#include "engine/run.h"
#include "wim/blob_table.h"

#define SINKS 3

struct counting {
	struct osd_sink sink;
	atomic_uint_least64_t bytes;
	atomic_uint ends;
	atomic_uint flushes;
	unsigned char last[16];				/* of each worker: written without a lock, as sinks do */
	unsigned fails_after;
};

static int
count_piece(struct osd_sink *sink, unsigned worker, uint32_t blob, uint64_t offset, const uint8_t *data, size_t size)
{
	struct counting *counting = (struct counting *)sink;

	(void)blob;
	(void)offset;
	counting->last[worker] = data[size - 1];
	atomic_fetch_add(&counting->bytes, size);
	return counting->fails_after > 0 && atomic_load(&counting->ends) > counting->fails_after ? 28 : 0;
}

static int
count_end(struct osd_sink *sink, unsigned worker, uint32_t blob, int is_good)
{
	struct counting *counting = (struct counting *)sink;

	(void)worker;
	(void)blob;
	atomic_fetch_add(&counting->ends, is_good ? 1 : 1000000);
	return 0;
}

static int
count_flush(struct osd_sink *sink, unsigned worker)
{
	(void)worker;
	atomic_fetch_add(&((struct counting *)sink)->flushes, 1);
	return 0;
}

static const struct osd_sink_ops ops = { .piece = count_piece, .blob_end = count_end, .flush = count_flush };

static int
run_once(const struct osd_blob_table *table, const struct osd_run_file *file, unsigned workers, uint64_t memory,
	 unsigned sinks, unsigned stop_after)
{
	struct osd_run_options options = { .workers = workers, .memory = memory, .is_plain_sha1 = workers == 3 };
	struct counting counting[SINKS];
	struct osd_sink *pointers[SINKS];
	struct osd_run *run;
	int faults = 0;

	memset(counting, 0, sizeof(counting));
	for (unsigned i = 0; i < SINKS; i++) {
		counting[i].sink.ops = &ops;
		pointers[i] = &counting[i].sink;
	}
	/* The last of three fails in the middle. */
	counting[2].fails_after = 5;
	run = osd_run_start(table->blobs, (uint32_t)table->count, file, 1, pointers, sinks, &options);
	if (run == NULL) {
		perror("osd_run_start");
		return 1;
	}
	if (stop_after > 0) {
		osd_run_wait(run, stop_after);
	} else {
		while (!osd_run_wait(run, 5))
			(void)osd_run_bytes(run);
		osd_run_end(run);
		for (unsigned i = 0; i < sinks && i < 2; i++)
			if (counting[i].bytes != osd_blob_table_bytes(table) || counting[i].ends != table->count ||
			    counting[i].flushes != workers)
				faults++;
		if (osd_run_bad(run) != 0 || osd_run_error(run).number != 0 ||
		    osd_run_bytes(run) != osd_blob_table_bytes(table))
			faults++;
		if (sinks == SINKS && osd_run_sink_error(run, 2).number != 28)
			faults++;
	}
	osd_run_free(run);
	return faults;
}

static int
run_all(const char *path)
{
	static const uint64_t memories[] = { 1, 3 << 20, 64 << 20 };
	struct osd_blob_table table = { 0 };
	struct wimlib_wim_info info;
	struct osd_run_file file;
	WIMStruct *wim;
	int faults = 0;

	if (wimlib_open_wim(path, 0, &wim) != 0 || wimlib_get_wim_info(wim, &info) != 0 ||
	    wimlib_iterate_lookup_table(wim, 0, osd_blob_table_add, &table) != 0) {
		fprintf(stderr, "%s: cannot be opened\n", path);
		return 1;
	}
	wimlib_free(wim);
	osd_blob_table_sort(&table);
	memset(&file, 0, sizeof(file));
	file.fd = open(path, O_RDONLY | O_CLOEXEC);
	file.compression_type = info.compression_type;
	file.chunk_size = info.chunk_size;
	for (unsigned workers = 1; workers <= 5; workers++)
		for (unsigned memory = 0; memory < 3; memory++)
			for (unsigned sinks = 0; sinks <= SINKS; sinks++) {
				faults += run_once(&table, &file, workers, memories[memory], sinks, 0);
				faults += run_once(&table, &file, workers, memories[memory], sinks, 1 + sinks);
			}
	close(file.fd);
	osd_blob_table_release(&table);
	if (faults > 0)
		fprintf(stderr, "%s: %d runs told something else\n", path, faults);
	return faults;
}

int
main(int argc, char **argv)
{
	int faults = 0;

	for (int i = 1; i < argc; i++)
		faults += run_all(argv[i]);
	return faults == 0 && argc > 1 ? 0 : 1;
}
