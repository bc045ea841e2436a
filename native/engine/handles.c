/*
 * Descriptors of the folders that an image makes, so that no path is walked for each of their files.
 *
 * There are more folders than a process may have descriptors.  The last that were used stay open; another is opened from
 * the nearest one above it that is, name by name, and no name is followed when it is a link.  None is opened for reading:
 * an O_PATH descriptor is enough to make things in a folder, and needs no leave to list it.
 */
#define _GNU_SOURCE
#include "engine/handles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As many names as a path of Linux can have; whoever applies has refused longer ones. */
#define DEEPEST 2048
/* Stands for the root, which is the caller's and stays open. */
#define SLOT_OF_ROOT (OSD_NONE - 1)

/* Write a character as UTF-8, half a surrogate pair as three bytes; return how many. */
size_t
osd_put_utf8(char *at, uint32_t character)
{
	if (character < 0x80) {
		at[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		at[0] = (char)(0xC0 | character >> 6);
		at[1] = (char)(0x80 | (character & 0x3F));
		return 2;
	}
	if (character < 0x10000) {
		at[0] = (char)(0xE0 | character >> 12);
		at[1] = (char)(0x80 | (character >> 6 & 0x3F));
		at[2] = (char)(0x80 | (character & 0x3F));
		return 3;
	}
	at[0] = (char)(0xF0 | character >> 18);
	at[1] = (char)(0x80 | (character >> 12 & 0x3F));
	at[2] = (char)(0x80 | (character >> 6 & 0x3F));
	at[3] = (char)(0x80 | (character & 0x3F));
	return 4;
}

/* Write the name of an entry into OSD_NAME_BYTES, as libwim spells it. */
void
osd_name_of(const struct osd_tree *tree, uint32_t entry, char *name)
{
	const uint16_t *units = tree->units + tree->entries[entry].name;
	size_t length = tree->entries[entry].name_length;

	for (size_t i = 0; i < length; i++) {
		uint32_t character = units[i];

		if (character >= 0xD800 && character < 0xDC00 && i + 1 < length && units[i + 1] >= 0xDC00 &&
		    units[i + 1] < 0xE000)
			character = 0x10000 + ((character - 0xD800) << 10) + (units[++i] - 0xDC00u);
		name += osd_put_utf8(name, character);
	}
	*name = '\0';
}

/* Prepare to keep some folders open; 0 stands for none.  0, or an errno; it must be released in any case. */
int
osd_handles_init(struct osd_handles *handles, const struct osd_tree *tree, int root, uint32_t capacity)
{
	memset(handles, 0, sizeof(*handles));
	pthread_mutex_init(&handles->lock, NULL);
	handles->tree = tree;
	handles->root = root;
	handles->capacity = capacity;
	handles->newest = handles->oldest = OSD_NONE;
	handles->slots = calloc((size_t)capacity + 1, sizeof(*handles->slots));
	handles->slot_of = malloc(((size_t)tree->entry_count + 1) * sizeof(*handles->slot_of));
	if (handles->slots == NULL || handles->slot_of == NULL)
		return ENOMEM;
	memset(handles->slot_of, 0xFF, ((size_t)tree->entry_count + 1) * sizeof(*handles->slot_of));
	return 0;
}

/* Close all. */
void
osd_handles_release(struct osd_handles *handles)
{
	for (uint32_t i = 0; i < handles->count; i++)
		if (handles->slots[i].fd >= 0)
			close(handles->slots[i].fd);
	free(handles->slots);
	free(handles->slot_of);
	pthread_mutex_destroy(&handles->lock);
	handles->slots = NULL;
	handles->slot_of = NULL;
	handles->count = 0;
}

/* ---- the order of the last use; the lock is held */

static void
take_out(struct osd_handles *handles, uint32_t slot)
{
	struct osd_handle *handle = &handles->slots[slot];

	if (handle->newer == OSD_NONE)
		handles->newest = handle->older;
	else
		handles->slots[handle->newer].older = handle->older;
	if (handle->older == OSD_NONE)
		handles->oldest = handle->newer;
	else
		handles->slots[handle->older].newer = handle->newer;
}

static void
put_first(struct osd_handles *handles, uint32_t slot)
{
	struct osd_handle *handle = &handles->slots[slot];

	handle->newer = OSD_NONE;
	handle->older = handles->newest;
	if (handles->newest == OSD_NONE)
		handles->oldest = slot;
	else
		handles->slots[handles->newest].newer = slot;
	handles->newest = slot;
}

/* Return a slot for one more folder, or OSD_NONE when all are in use. */
static uint32_t
make_room(struct osd_handles *handles)
{
	uint32_t slot;

	if (handles->count < handles->capacity)
		return handles->count++;
	for (slot = handles->oldest; slot != OSD_NONE && handles->slots[slot].users > 0;)
		slot = handles->slots[slot].newer;
	if (slot == OSD_NONE)
		return OSD_NONE;
	take_out(handles, slot);
	if (handles->slots[slot].fd >= 0) {
		close(handles->slots[slot].fd);
		handles->slot_of[handles->slots[slot].entry] = OSD_NONE;
	}
	return slot;
}

/* Close what is open and not used now: somebody has no descriptor left.  Returns whether there was any. */
int
osd_handles_shed(struct osd_handles *handles)
{
	int found = 0;

	pthread_mutex_lock(&handles->lock);
	for (uint32_t i = 0; i < handles->count; i++) {
		struct osd_handle *handle = &handles->slots[i];

		if (handle->users > 0 || handle->fd < 0)
			continue;
		close(handle->fd);
		handle->fd = -1;
		handles->slot_of[handle->entry] = OSD_NONE;
		found = 1;
	}
	pthread_mutex_unlock(&handles->lock);
	return found;
}

/* Open something in a folder, for which folders that are not in use are closed where it must be.  -1 with errno. */
int
osd_open_at(struct osd_handles *handles, int folder, const char *name, int flags)
{
	int fd;

	do
		fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC, 0644);
	while (fd < 0 && (errno == EINTR || ((errno == EMFILE || errno == ENFILE) && osd_handles_shed(handles))));
	return fd;
}

/* ---- use */

/* Open a folder from one above it, through the entries between them, the last of which comes first. */
static int
open_below(struct osd_handles *handles, int above, const uint32_t *entries, size_t count)
{
	char name[OSD_NAME_BYTES];
	int fd = above;

	while (count > 0) {
		int next;

		osd_name_of(handles->tree, entries[--count], name);
		next = osd_open_at(handles, fd, name, O_PATH | O_DIRECTORY);
		if (fd != above) {
			int error = errno;

			close(fd);
			errno = error;
		}
		if (next < 0)
			return -1;
		fd = next;
	}
	return fd;
}

/* Keep a folder that was opened, unless another worker has done so meanwhile. */
static void
keep(struct osd_handles *handles, uint32_t entry, struct osd_folder_use *use)
{
	uint32_t slot;

	pthread_mutex_lock(&handles->lock);
	slot = handles->slot_of[entry];
	if (slot != OSD_NONE) {
		close(use->fd);
		take_out(handles, slot);
	} else {
		slot = make_room(handles);
		if (slot == OSD_NONE) {
			pthread_mutex_unlock(&handles->lock);
			return;
		}
		handles->slots[slot] = (struct osd_handle){ .entry = entry, .fd = use->fd };
		handles->slot_of[entry] = slot;
	}
	put_first(handles, slot);
	handles->slots[slot].users++;
	use->slot = slot;
	use->fd = handles->slots[slot].fd;
	pthread_mutex_unlock(&handles->lock);
}

/* Open a folder of the tree, which must have been made, or use it once more.  0, or an errno. */
int
osd_handles_use(struct osd_handles *handles, uint32_t entry, struct osd_folder_use *use)
{
	struct osd_folder_use above = { .fd = handles->root, .slot = SLOT_OF_ROOT };
	uint32_t between[DEEPEST];
	size_t count = 0;
	int error;

	pthread_mutex_lock(&handles->lock);
	for (uint32_t each = entry; each != 0; each = handles->tree->entries[each].parent) {
		uint32_t slot = handles->slot_of[each];

		if (slot != OSD_NONE) {
			take_out(handles, slot);
			put_first(handles, slot);
			handles->slots[slot].users++;
			above.fd = handles->slots[slot].fd;
			above.slot = slot;
			break;
		}
		if (count == DEEPEST) {
			pthread_mutex_unlock(&handles->lock);
			return ENAMETOOLONG;
		}
		between[count++] = each;
	}
	pthread_mutex_unlock(&handles->lock);
	*use = above;
	if (count == 0)
		return 0;
	use->fd = open_below(handles, above.fd, between, count);
	use->slot = OSD_NONE;
	error = use->fd < 0 ? errno : 0;
	osd_handles_done(handles, &above);
	if (error == 0)
		keep(handles, entry, use);
	return error;
}

/* End a use. */
void
osd_handles_done(struct osd_handles *handles, const struct osd_folder_use *use)
{
	if (use->slot == OSD_NONE) {
		close(use->fd);
	} else if (use->slot != SLOT_OF_ROOT) {
		pthread_mutex_lock(&handles->lock);
		handles->slots[use->slot].users--;
		pthread_mutex_unlock(&handles->lock);
	}
}
