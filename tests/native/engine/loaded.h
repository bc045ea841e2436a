/* The first image of a WIM as arrays, for programs that give it to sinks. */
#ifndef OSDIMAGE_TESTS_LOADED_H
#define OSDIMAGE_TESTS_LOADED_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <wimlib.h>

#include "engine/arrays.h"
#include "engine/run.h"
#include "wim/audit.h"
#include "wim/blob_table.h"

struct loaded {
	struct osd_tree tree;
	struct osd_blob_table table;
	struct osd_run_file file;
};

/* Load it; who takes the blobs that the files need alone calls osd_tree_keep_blobs().  0, or -1 after a message. */
static inline int
load(const char *path, struct loaded *loaded)
{
	struct osd_audit audit = { 0 };
	struct osd_tree_pass pass = { &audit, &loaded->tree };
	struct wimlib_wim_info info;
	WIMStruct *wim;

	memset(loaded, 0, sizeof(*loaded));
	if (wimlib_open_wim(path, 0, &wim) != 0 || wimlib_get_wim_info(wim, &info) != 0 ||
	    wimlib_iterate_lookup_table(wim, 0, osd_blob_table_add, &loaded->table) != 0) {
		fprintf(stderr, "%s: cannot be opened\n", path);
		return -1;
	}
	osd_blob_table_sort(&loaded->table);
	if (osd_tree_begin(&loaded->tree, loaded->table.blobs, loaded->table.count) != 0 ||
	    wimlib_iterate_dir_tree(wim, 1, "/", WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE, osd_tree_add, &pass) != 0) {
		fprintf(stderr, "%s: its tree cannot be read\n", path);
		return -1;
	}
	wimlib_free(wim);
	osd_audit_release(&audit);
	osd_tree_end(&loaded->tree);
	loaded->file.fd = open(path, O_RDONLY | O_CLOEXEC);
	loaded->file.compression_type = info.compression_type;
	loaded->file.chunk_size = info.chunk_size;
	return loaded->file.fd < 0 ? -1 : 0;
}

static inline void
unload(struct loaded *loaded)
{
	close(loaded->file.fd);
	osd_tree_release(&loaded->tree);
	osd_blob_table_release(&loaded->table);
}

#endif
