/*
 * Fills new NTFS volumes from WIMs again and again, for ThreadSanitizer to watch; see .ci/races.sh.
 *
 *	volume_races VOLUME WIM...
 *
 * VOLUME is as mkntfs left it; what is filled are copies.  Runs have other numbers of threads and of volumes that are
 * filled at once, some compress files as a whole, and some are stopped.  Leaves with 0 when every run that was not
 * stopped filled its volumes, and each algorithm compressed a file of one of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <wimlib.h>

#include "engine/bulk.h"
#include "loaded.h"
#include "slices/source.h"

#define VOLUMES 3
#define ALGORITHMS 4

/* By FILE_PROVIDER_COMPRESSION_* of wofapi.h; the lowest level has the least time between what its threads share. */
static const struct osd_compacting compacting[ALGORITHMS] = {
	{ .algorithm = 0, .chunk_size = 4096, .type = WIMLIB_COMPRESSION_TYPE_XPRESS, .level = 1 },
	{ .algorithm = 1, .chunk_size = 32768, .type = WIMLIB_COMPRESSION_TYPE_LZX, .level = 1 },
	{ .algorithm = 2, .chunk_size = 8192, .type = WIMLIB_COMPRESSION_TYPE_XPRESS, .level = 1 },
	{ .algorithm = 3, .chunk_size = 16384, .type = WIMLIB_COMPRESSION_TYPE_XPRESS, .level = 1 },
};
/* Files that each of them has compressed. */
static uint64_t compacted[ALGORITHMS];

struct volume {
	int fd;
	struct osd_source *source;
	struct osd_bulk *bulk;
};

static int
copy_of(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("volume", MFD_CLOEXEC);
	static char buffer[1 << 20];
	ssize_t got = 0;

	while (from >= 0 && to >= 0 && (got = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)got) != got)
			return -1;
	close(from);
	return got < 0 ? -1 : to;
}

/* Want all files compressed that can be. */
static int
compact(struct osd_bulk *bulk, const struct osd_compacting *how)
{
	uint8_t *wanted = malloc((size_t)bulk->tree->inode_count + 1);
	int error = ENOMEM;

	if (wanted != NULL) {
		memset(wanted, 1, bulk->tree->inode_count);
		error = osd_bulk_compact(bulk, wanted, how);
	}
	free(wanted);
	return error;
}

static int
begin(struct volume *volume, const char *fresh, const struct loaded *loaded, const struct osd_compacting *how)
{
	struct stat facts;

	volume->fd = copy_of(fresh);
	if (volume->fd < 0 || fstat(volume->fd, &facts) != 0)
		return -1;
	volume->source = osd_source_of_file(volume->fd);
	volume->bulk = osd_bulk_new(&loaded->tree, 0, UINT64_C(130000000000000000));
	if (volume->source == NULL || volume->bulk == NULL)
		return -1;
	osd_bulk_allow_tags(volume->bulk);
	if (how != NULL && compact(volume->bulk, how) != 0)
		return -1;
	if (osd_bulk_plan(volume->bulk, volume->source, 0, (uint64_t)facts.st_size) != 0 ||
	    volume->bulk->reason != OSD_BULK_CAN) {
		fprintf(stderr, "cannot plan: %d\n", volume->bulk->reason);
		return -1;
	}
	return osd_bulk_begin(volume->bulk, 0) == 0 ? 0 : -1;
}

static void
end(struct volume *volume)
{
	osd_bulk_free(volume->bulk);
	osd_source_release(volume->source);
	close(volume->fd);
}

static int
run_once(const char *fresh, const struct loaded *loaded, const struct osd_compacting *how, unsigned workers,
	 unsigned count, unsigned stop_after)
{
	struct osd_run_options options = { .workers = workers, .memory = 3 << 20, .ends_at_bad = 1 };
	struct volume volumes[VOLUMES] = { 0 };
	struct osd_sink *sinks[VOLUMES];
	struct osd_run *run;
	int faults = 0;

	for (unsigned i = 0; i < count; i++) {
		if (begin(&volumes[i], fresh, loaded, how) != 0)
			return 1;
		sinks[i] = &volumes[i].bulk->sink;
	}
	run = osd_run_start(loaded->table.blobs, (uint32_t)loaded->table.count, &loaded->file, 1, sinks, count, &options);
	if (run == NULL)
		return 1;
	if (stop_after > 0)
		osd_run_wait(run, stop_after);
	else
		while (!osd_run_wait(run, 5))
			(void)osd_run_bytes(run);
	osd_run_end(run);
	faults += stop_after == 0 && osd_run_error(run).number != 0;
	for (unsigned i = 0; stop_after == 0 && i < count; i++)
		faults += osd_run_sink_error(run, i).number != 0 || osd_bulk_commit(volumes[i].bulk, 0) != 0 ||
			  osd_bulk_finish(volumes[i].bulk, 0, 0) != 0;
	osd_run_free(run);
	for (unsigned i = 0; i < count; i++) {
		if (how != NULL && stop_after == 0)
			compacted[how->algorithm] += osd_bulk_compacted(volumes[i].bulk).files;
		end(&volumes[i]);
	}
	return faults;
}

int
main(int argc, char **argv)
{
	int faults = 0;

	for (int i = 2; i < argc; i++) {
		struct loaded loaded;

		if (load(argv[i], &loaded) != 0)
			return 1;
		osd_tree_keep_blobs(&loaded.tree, &loaded.table);
		for (unsigned workers = 1; workers <= 4; workers++)
			for (unsigned count = 1; count <= VOLUMES; count++) {
				const struct osd_compacting *how = &compacting[(workers + count) % ALGORITHMS];
				unsigned stop_after = 2 * workers + count;

				faults += run_once(argv[1], &loaded, NULL, workers, count, 0);
				faults += run_once(argv[1], &loaded, NULL, workers, count, stop_after);
				faults += run_once(argv[1], &loaded, how, workers, count, 0);
				faults += run_once(argv[1], &loaded, how, workers, count, stop_after);
			}
		unload(&loaded);
	}
	for (int i = 0; i < ALGORITHMS; i++)
		if (compacted[i] == 0) {
			fprintf(stderr, "no file was compressed by algorithm %d\n", i);
			faults++;
		}
	if (faults > 0)
		fprintf(stderr, "%d runs filled a volume otherwise, or not\n", faults);
	return faults == 0 && argc > 2 ? 0 : 1;
}
