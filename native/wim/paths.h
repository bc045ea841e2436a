/* The paths of an image, many at a time.  See paths.c. */
#ifndef OSDIMAGE_PATHS_H
#define OSDIMAGE_PATHS_H

#include <stddef.h>

struct wimlib_dir_entry;

/* Paths, each ended by a NUL byte. */
struct osd_paths {
	void *context;	/* of osd_on_paths(), callbacks.py */
	char *text;
	size_t used;
	size_t size;
};

int osd_paths_entry(const struct wimlib_dir_entry *entry, void *paths);
int osd_paths_flush(struct osd_paths *paths);
void osd_paths_release(struct osd_paths *paths);

#endif
