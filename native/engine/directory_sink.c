/* The sink that makes the files of a directory: what of a blob goes to which of them, and when. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/directory.h"
#include "wim/blob_table.h"

/* Wait until there are descriptors for one more worker. */
static void
enter(struct osd_directory *directory)
{
	pthread_mutex_lock(&directory->lock);
	while (directory->inside == directory->at_once)
		pthread_cond_wait(&directory->left, &directory->lock);
	directory->inside++;
	pthread_mutex_unlock(&directory->lock);
}

static void
leave(struct osd_directory *directory)
{
	pthread_mutex_lock(&directory->lock);
	directory->inside--;
	pthread_cond_signal(&directory->left);
	pthread_mutex_unlock(&directory->lock);
}

static const struct osd_tree_inode *
user(const struct osd_directory *directory, uint32_t at)
{
	return &directory->tree->inodes[directory->users[at]];
}

/* How many files have a blob that are no links. */
static uint32_t
count_files(const struct osd_directory *directory, uint32_t blob)
{
	uint32_t at = directory->user_at[blob];

	while (at < directory->user_at[blob + 1] && !osd_is_link(user(directory, at)))
		at++;
	return at - directory->user_at[blob];
}

static int
make_links(struct osd_directory *directory, uint32_t blob, uint32_t files, const uint8_t *data, size_t size)
{
	int error = 0;

	for (uint32_t at = directory->user_at[blob] + files; error == 0 && at < directory->user_at[blob + 1]; at++)
		error = osd_make_link(directory, directory->users[at], blob, data, size);
	return error;
}

/* Make all that has a blob, of its contents. */
static int
make_all(struct osd_directory *directory, uint32_t blob, const uint8_t *data, size_t size)
{
	uint32_t files = count_files(directory, blob);
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < files; i++)
		error = osd_make_file(directory, directory->users[directory->user_at[blob] + i], data, size);
	return error != 0 ? error : make_links(directory, blob, files, data, size);
}

/* ---- pieces: small blobs of a solid resource that do not end in the chunk where they begin come so, too */

/* Return the gathered data of a link, which are taken out of the list where that is wanted; the lock is held. */
static struct osd_gathered *
find_gathered(struct osd_directory *directory, uint32_t blob, int is_last)
{
	struct osd_gathered **at = &directory->gathered, *found;

	while (*at != NULL && (*at)->blob != blob)
		at = &(*at)->next;
	found = *at;
	if (found != NULL && is_last)
		*at = found->next;
	return found;
}

/* Gather data of links; what is too large for any is found to be none at its end. */
static int
gather(struct osd_directory *directory, uint32_t blob, uint64_t offset, const uint8_t *data, size_t size)
{
	uint64_t whole = directory->tree->blobs[blob].size;
	struct osd_gathered *gathered;
	int error = 0;

	if (whole > OSD_LARGEST_LINK)
		return 0;
	pthread_mutex_lock(&directory->lock);
	gathered = find_gathered(directory, blob, 0);
	if (gathered == NULL) {
		gathered = calloc(1, sizeof(*gathered) + whole);
		if (gathered == NULL) {
			error = ENOMEM;
		} else {
			gathered->blob = blob;
			gathered->next = directory->gathered;
			directory->gathered = gathered;
		}
	}
	if (error == 0)
		memcpy(gathered->bytes + offset, data, size);
	pthread_mutex_unlock(&directory->lock);
	return error;
}

static int
keep_piece(struct osd_directory *directory, uint32_t blob, uint64_t offset, const uint8_t *data, size_t size)
{
	uint32_t files = count_files(directory, blob);
	int error = 0;

	atomic_store(&directory->has_begun[blob], 1);
	if (files < directory->user_at[blob + 1] - directory->user_at[blob])
		error = gather(directory, blob, offset, data, size);
	if (error == 0 && files > 0)
		error = osd_write_part(directory, blob, offset, data, size);
	return error;
}

/* All pieces of a blob have come, and are good. */
static int
name_all(struct osd_directory *directory, uint32_t blob)
{
	uint32_t files = count_files(directory, blob);
	struct osd_gathered *gathered;
	int error = files > 0 ? osd_name_parts(directory, blob, files) : 0;

	if (error != 0 || files == directory->user_at[blob + 1] - directory->user_at[blob])
		return error;
	pthread_mutex_lock(&directory->lock);
	gathered = find_gathered(directory, blob, 1);
	pthread_mutex_unlock(&directory->lock);
	error = make_links(directory, blob, files, gathered == NULL ? NULL : gathered->bytes,
			   gathered == NULL ? 0 : (size_t)directory->tree->blobs[blob].size);
	free(gathered);
	atomic_store(&directory->has_begun[blob], 0);
	return error;
}

/* ---- what the pipeline calls */

static int
take_piece(struct osd_sink *sink, unsigned worker, uint32_t blob, uint64_t offset, const uint8_t *data, size_t size)
{
	struct osd_directory *directory = (struct osd_directory *)sink;
	uint64_t whole;
	int error;

	(void)worker;
	if (blob >= directory->tree->blob_count)
		return EINVAL;
	if (directory->user_at[blob] == directory->user_at[blob + 1])
		return 0;
	whole = directory->tree->blobs[blob].size;
	if (offset > whole || size > whole - offset)
		return EINVAL;
	enter(directory);
	error = size == whole ? make_all(directory, blob, data, size)
			      : keep_piece(directory, blob, offset, data, size);
	leave(directory);
	return error;
}

static int
end_blob(struct osd_sink *sink, unsigned worker, uint32_t blob, int is_good)
{
	struct osd_directory *directory = (struct osd_directory *)sink;
	int error = 0;

	(void)worker;
	if (blob >= directory->tree->blob_count || !atomic_load(&directory->has_begun[blob]))
		return 0;
	/* What is not good is removed at the end. */
	if (!is_good)
		return 0;
	enter(directory);
	error = name_all(directory, blob);
	leave(directory);
	return error;
}

static int
flush(struct osd_sink *sink, unsigned worker)
{
	/* Everything was written when it came. */
	(void)sink;
	(void)worker;
	return 0;
}

const struct osd_sink_ops osd_directory_sink = {
	.piece = take_piece,
	.blob_end = end_blob,
	.flush = flush,
};
