/*
 * Fills directories from WIMs again and again, for ThreadSanitizer to watch; see .ci/races.sh.
 *
 *	directory_races TARGET WIM...
 *
 * TARGET must be there, and empty; what each run made is removed.  Runs have other numbers of threads and descriptors, and
 * some are stopped.  Leaves with 0 when every run that was not stopped made all files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/directory.h"
#include "loaded.h"

static unsigned files, parts;

static int
count_file(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
	(void)facts;
	files += kind == FTW_F;
	parts += strncmp(path + where->base, ".osdimage-", 10) == 0;
	return 0;
}

static int
remove_file(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
	(void)facts;
	(void)kind;
	return where->level == 0 ? 0 : remove(path);
}

static int
run_once(const char *target, const struct loaded *loaded, unsigned workers, unsigned descriptors, unsigned stop_after)
{
	struct osd_run_options options = { .workers = workers, .memory = 3 << 20, .ends_at_bad = 1 };
	int root = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC), faults = 0;
	struct osd_directory *directory = osd_directory_new(&loaded->tree);
	struct osd_sink *sink = &directory->sink;
	struct osd_run *run;

	if (osd_directory_check(directory) != 0 || directory->reason != OSD_DIRECTORY_CAN ||
	    osd_directory_open(directory, root, descriptors, workers) != 0 ||
	    osd_directory_make(directory, UINT32_MAX) != 0) {
		fprintf(stderr, "cannot begin: %d\n", directory->reason);
		return 1;
	}
	run = osd_run_start(loaded->table.blobs, (uint32_t)loaded->table.count, &loaded->file, 1, &sink, 1, &options);
	if (run == NULL)
		return 1;
	if (stop_after > 0)
		osd_run_wait(run, stop_after);
	else
		while (!osd_run_wait(run, 5))
			(void)osd_run_bytes(run);
	osd_run_end(run);
	if (stop_after == 0 && (osd_run_error(run).number != 0 || directory->error.number != 0 ||
				osd_directory_date(directory, UINT32_MAX) != 0))
		faults++;
	osd_run_free(run);
	osd_directory_free(directory);
	close(root);
	files = parts = 0;
	nftw(target, count_file, 20, FTW_PHYS);
	nftw(target, remove_file, 20, FTW_PHYS | FTW_DEPTH);
	return faults + (parts > 0) + (stop_after == 0 && files == 0);
}

static int
run_all(const char *target, const char *path)
{
	static const unsigned descriptors[] = { 0, 9, 100 };
	struct loaded loaded;
	int faults = 0;

	if (load(path, &loaded) != 0)
		return 1;
	osd_directory_narrow(&loaded.tree);
	osd_tree_keep_blobs(&loaded.tree, &loaded.table);
	for (unsigned workers = 1; workers <= 4; workers++)
		for (unsigned i = 0; i < 3; i++) {
			faults += run_once(target, &loaded, workers, descriptors[i], 0);
			faults += run_once(target, &loaded, workers, descriptors[i], 3 + i);
		}
	unload(&loaded);
	if (faults > 0)
		fprintf(stderr, "%s: %d runs made something else\n", path, faults);
	return faults;
}

int
main(int argc, char **argv)
{
	int faults = 0;

	for (int i = 2; i < argc; i++)
		faults += run_all(argv[1], argv[i]);
	return faults == 0 && argc > 2 ? 0 : 1;
}
