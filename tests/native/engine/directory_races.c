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

#include <wimlib.h>

#include "engine/directory.h"
#include "engine/run.h"
#include "wim/audit.h"
#include "wim/blob_table.h"

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
run_once(const char *target, struct osd_tree *tree, struct osd_blob_table *table, const struct osd_run_file *file,
	 unsigned workers, unsigned descriptors, unsigned stop_after)
{
	struct osd_run_options options = { .workers = workers, .memory = 3 << 20, .ends_at_bad = 1 };
	int root = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC), faults = 0;
	struct osd_directory *directory = osd_directory_new(tree);
	struct osd_sink *sink = &directory->sink;
	struct osd_run *run;

	if (osd_directory_check(directory) != 0 || directory->reason != OSD_DIRECTORY_CAN ||
	    osd_directory_open(directory, root, descriptors, workers) != 0 ||
	    osd_directory_make(directory, UINT32_MAX) != 0) {
		fprintf(stderr, "cannot begin: %d\n", directory->reason);
		return 1;
	}
	run = osd_run_start(table->blobs, (uint32_t)table->count, file, 1, &sink, 1, &options);
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
	struct osd_blob_table table = { 0 };
	struct wimlib_wim_info info;
	struct osd_run_file file;
	struct osd_tree tree;
	struct osd_audit audit = { 0 };
	struct osd_tree_pass pass = { &audit, &tree };
	WIMStruct *wim;
	int faults = 0;

	if (wimlib_open_wim(path, 0, &wim) != 0 || wimlib_get_wim_info(wim, &info) != 0 ||
	    wimlib_iterate_lookup_table(wim, 0, osd_blob_table_add, &table) != 0) {
		fprintf(stderr, "%s: cannot be opened\n", path);
		return 1;
	}
	osd_blob_table_sort(&table);
	if (osd_tree_begin(&tree, table.blobs, table.count) != 0 ||
	    wimlib_iterate_dir_tree(wim, 1, "/", WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE, osd_tree_add, &pass) != 0)
		return 1;
	wimlib_free(wim);
	osd_audit_release(&audit);
	osd_tree_end(&tree);
	osd_directory_narrow(&tree);
	osd_tree_keep_blobs(&tree, &table);
	memset(&file, 0, sizeof(file));
	file.fd = open(path, O_RDONLY | O_CLOEXEC);
	file.compression_type = info.compression_type;
	file.chunk_size = info.chunk_size;
	for (unsigned workers = 1; workers <= 4; workers++)
		for (unsigned i = 0; i < 3; i++) {
			faults += run_once(target, &tree, &table, &file, workers, descriptors[i], 0);
			faults += run_once(target, &tree, &table, &file, workers, descriptors[i], 3 + i);
		}
	close(file.fd);
	osd_tree_release(&tree);
	osd_blob_table_release(&table);
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
