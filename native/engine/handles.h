/* Descriptors of folders that are used again, as many as the system allows.  See handles.c. */
#ifndef OSDIMAGE_ENGINE_HANDLES_H
#define OSDIMAGE_ENGINE_HANDLES_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/arrays.h"

/* Three bytes for a unit, and the zero. */
#define OSD_NAME_BYTES (3 * 255 + 1)

struct osd_handle {
	uint32_t entry;
	int fd;
	unsigned users;
	uint32_t newer, older;		/* in the order of their last use */
};

struct osd_handles {
	const struct osd_tree *tree;
	int root;			/* of the caller */
	pthread_mutex_t lock;
	struct osd_handle *slots;
	uint32_t *slot_of;		/* of each entry; OSD_NONE for one that is not open */
	uint32_t count, capacity;
	uint32_t newest, oldest;
};

/* A folder while it is used. */
struct osd_folder_use {
	int fd;
	uint32_t slot;			/* OSD_NONE: of this use alone */
};

int osd_handles_init(struct osd_handles *handles, const struct osd_tree *tree, int root, uint32_t capacity);
int osd_handles_use(struct osd_handles *handles, uint32_t entry, struct osd_folder_use *use);
void osd_handles_done(struct osd_handles *handles, const struct osd_folder_use *use);
int osd_handles_shed(struct osd_handles *handles);
void osd_handles_release(struct osd_handles *handles);
int osd_open_at(struct osd_handles *handles, int folder, const char *name, int flags);
void osd_name_of(const struct osd_tree *tree, uint32_t entry, char *name);
size_t osd_put_utf8(char *at, uint32_t character);

#endif
