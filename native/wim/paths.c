/*
 * The paths of an image, handed to Python many at a time.
 *
 * A list of some hundred thousand files has no need of anything else, and a call of Python for each of them would take ten
 * times as long as libwim's walk.
 */
#include "wim/paths.h"

#include <stdlib.h>
#include <string.h>

#include <wimlib.h>

/* Some thousand paths; a list that is read by `head` ends soon. */
#define SIZE 262144

/* Implemented in callbacks.py: nonzero to stop. */
int osd_on_paths(const char *text, size_t length, void *context);

/* Hand on what has come together. */
int
osd_paths_flush(struct osd_paths *paths)
{
	size_t length = paths->used;

	paths->used = 0;
	return length == 0 ? 0 : osd_on_paths(paths->text, length, paths->context);
}

static int
make_room(struct osd_paths *paths, size_t length)
{
	char *larger;

	if (length <= paths->size)
		return 0;
	larger = realloc(paths->text, length < SIZE ? SIZE : length);
	if (larger == NULL)
		return WIMLIB_ERR_NOMEM;
	paths->text = larger;
	paths->size = length < SIZE ? SIZE : length;
	return 0;
}

/* Callback of wimlib_iterate_dir_tree(): adds one path to the struct osd_paths. */
int
osd_paths_entry(const struct wimlib_dir_entry *entry, void *context)
{
	struct osd_paths *paths = context;
	size_t length = strlen(entry->full_path) + 1;
	int error = 0;

	if (length > paths->size - paths->used)
		error = osd_paths_flush(paths);
	if (error == 0)
		error = make_room(paths, length);
	if (error != 0)
		return error;
	memcpy(paths->text + paths->used, entry->full_path, length);
	paths->used += length;
	return 0;
}

void
osd_paths_release(struct osd_paths *paths)
{
	free(paths->text);
	paths->text = NULL;
}
