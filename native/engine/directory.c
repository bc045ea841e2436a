/*
 * What of an image becomes an empty directory, and the parts of it that need no contents: folders and empty files before
 * those of the sink, the times of folders behind.
 *
 * It is what libwim makes of the image: the same names, kinds, modes, times, contents and targets of links.  A reparse
 * point that is no link of POSIX is what it is without its data: a folder or an empty file.
 */
#define _GNU_SOURCE
#include "engine/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTRIBUTE_ENCRYPTED 0x4000u
/* A worker that copies a file has that and its folder open, and three folders on the way to that of the copy. */
#define DESCRIPTORS_OF_WORKER 5
#define MOST_FOLDERS 1024

/* Return the contents that become a file or the target of a link, or NULL for what has none. */
static const struct osd_tree_stream *
contents_of(const struct osd_tree *tree, const struct osd_tree_inode *inode)
{
	if (osd_makes_folder(inode) || inode->stream_count == 0 || (osd_is_reparse_point(inode) && !osd_is_link(inode)))
		return NULL;
	return &tree->streams[inode->first_stream];
}

/* Forget the contents that no directory has: those of streams with names, and of reparse points that are no links. */
void
osd_directory_narrow(struct osd_tree *tree)
{
	for (uint32_t i = 0; i < tree->stream_count; i++) {
		struct osd_tree_stream *stream = &tree->streams[i];

		if (contents_of(tree, &tree->inodes[stream->inode]) == stream)
			continue;
		stream->blob = OSD_NONE;
		stream->is_elsewhere = 0;
	}
}

/* ---- whether it can be */

static void
refuse(struct osd_directory *directory, enum osd_directory_reason reason, uint32_t entry)
{
	if (directory->reason == OSD_DIRECTORY_CAN) {
		directory->reason = reason;
		directory->reason_entry = entry;
	}
}

static void
check_inode(struct osd_directory *directory, const struct osd_tree_inode *inode)
{
	const struct osd_tree_stream *contents = contents_of(directory->tree, inode);
	uint32_t entry = inode->first_link;

	/* A WIM has the tag of a reparse point in the place of what tells names of one file: it has one name. */
	if (inode->link_count == 0 || ((osd_makes_folder(inode) || osd_is_link(inode)) && inode->link_count > 1)) {
		refuse(directory, OSD_DIRECTORY_DAMAGED_TREE, entry);
		return;
	}
	if (!osd_makes_folder(inode) && inode->attributes & ATTRIBUTE_ENCRYPTED)
		refuse(directory, OSD_DIRECTORY_ENCRYPTED, entry);
	if (osd_is_reparse_point(inode) && !osd_is_link(inode) && !directory->has_all_of_tags)
		refuse(directory, OSD_DIRECTORY_REPARSE_TAG, entry);
	if (contents != NULL &&
	    (contents->is_elsewhere || (contents->blob != OSD_NONE && contents->blob >= directory->tree->blob_count)))
		refuse(directory, OSD_DIRECTORY_ELSEWHERE, entry);
	if (!osd_is_link(inode))
		return;
	/* libwim makes nothing of a link without data.  Which way two links of the same data go is not kept apart. */
	if (contents == NULL || contents->blob >= directory->tree->blob_count || contents->size == 0)
		refuse(directory, OSD_DIRECTORY_LINK, entry);
	else if (directory->links != NULL && directory->links[contents->blob] != OSD_LINK_FIXED &&
		 directory->links[contents->blob] != OSD_LINK_NOT_FIXED)
		refuse(directory, OSD_DIRECTORY_LINK, entry);
}

/* Sort the files by their blobs: 0 or ENOMEM. */
static int
find_users(struct osd_directory *directory)
{
	const struct osd_tree *tree = directory->tree;
	uint32_t *at = calloc((size_t)tree->blob_count + 2, sizeof(*at)), count = 0;

	directory->user_at = at;
	directory->has_begun = calloc((size_t)tree->blob_count + 1, sizeof(*directory->has_begun));
	if (at == NULL || directory->has_begun == NULL)
		return ENOMEM;
	/* Two places behind, so that filling moves each to its begin. */
	for (uint32_t i = 0; i < tree->inode_count; i++) {
		const struct osd_tree_stream *contents = contents_of(tree, &tree->inodes[i]);

		if (contents != NULL && contents->blob < tree->blob_count && contents->size > 0) {
			at[contents->blob + 2]++;
			count++;
		}
	}
	for (uint32_t i = 1; i <= tree->blob_count + 1; i++)
		at[i] += at[i - 1];
	directory->users = malloc(((size_t)count + 1) * sizeof(*directory->users));
	if (directory->users == NULL)
		return ENOMEM;
	for (int links = 0; links < 2; links++)
		for (uint32_t i = 0; i < tree->inode_count; i++) {
			const struct osd_tree_stream *contents = contents_of(tree, &tree->inodes[i]);

			if (contents != NULL && contents->blob < tree->blob_count && contents->size > 0 &&
			    osd_is_link(&tree->inodes[i]) == links)
				directory->users[at[contents->blob + 1]++] = i;
		}
	return 0;
}

/* See whether the tree can become a directory in this way; reason says why not.  0 or ENOMEM. */
int
osd_directory_check(struct osd_directory *directory)
{
	const struct osd_tree *tree = directory->tree;

	if (!osd_makes_folder(&tree->inodes[tree->entries[0].inode]))
		refuse(directory, OSD_DIRECTORY_DAMAGED_TREE, 0);
	for (uint32_t i = 1; i < tree->entry_count; i++) {
		if (!osd_makes_folder(&tree->inodes[tree->entries[tree->entries[i].parent].inode]))
			refuse(directory, OSD_DIRECTORY_DAMAGED_TREE, i);
		if (osd_makes_folder(&tree->inodes[tree->entries[i].inode]))
			directory->folders++;
	}
	directory->to_make = directory->folders;
	for (uint32_t i = 0; i < tree->inode_count; i++) {
		const struct osd_tree_inode *inode = &tree->inodes[i];
		const struct osd_tree_stream *contents = contents_of(tree, inode);

		check_inode(directory, inode);
		if (!osd_makes_folder(inode) && !osd_is_link(inode) && (contents == NULL || contents->size == 0))
			directory->to_make++;
	}
	/* The root is dated too. */
	directory->folders++;
	directory->next_folder = 1;
	directory->next_date = tree->entry_count;
	return directory->reason == OSD_DIRECTORY_CAN ? find_users(directory) : 0;
}

/* ---- its begin and end */

/* Make what fills a directory from a tree, which must stay and have no other contents than osd_directory_narrow() left. */
struct osd_directory *
osd_directory_new(const struct osd_tree *tree)
{
	struct osd_directory *directory = calloc(1, sizeof(*directory));

	if (directory == NULL)
		return NULL;
	directory->sink.ops = &osd_directory_sink;
	directory->tree = tree;
	directory->reason_entry = OSD_NONE;
	pthread_mutex_init(&directory->lock, NULL);
	pthread_cond_init(&directory->left, NULL);
	directory->handles.root = -1;
	return directory;
}

/* Allow reparse points of all kinds, none of which has contents beside its data. */
void
osd_directory_allow_tags(struct osd_directory *directory)
{
	directory->has_all_of_tags = 1;
}

/*
 * Put a path before the targets of those links that lead to a place in the image.  links has a byte for each blob, and
 * must stay.  0 or ENOMEM.
 */
int
osd_directory_put_above(struct osd_directory *directory, const char *above, const uint8_t *links)
{
	free(directory->above);
	directory->above = strdup(above);
	directory->links = links;
	return directory->above == NULL ? ENOMEM : 0;
}

/*
 * Begin to fill a directory, whose descriptor must stay; it need not be one for reading.  So many more descriptors may be
 * taken; with few, folders are opened again and workers wait for each other.  0 or an errno.
 */
int
osd_directory_open(struct osd_directory *directory, int root, unsigned descriptors, unsigned workers)
{
	unsigned at_once = descriptors / DESCRIPTORS_OF_WORKER;
	uint64_t chance;

	if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
		return errno;
	/* Nobody knows it before, so no file of the image can have such a name, and nobody can have put a link there. */
	snprintf(directory->temporary, sizeof(directory->temporary), ".osdimage-%016llx", (unsigned long long)chance);
	directory->at_once = at_once == 0 ? 1 : at_once < workers ? at_once : workers;
	descriptors -= directory->at_once * DESCRIPTORS_OF_WORKER < descriptors ?
			       directory->at_once * DESCRIPTORS_OF_WORKER : descriptors;
	return osd_handles_init(&directory->handles, directory->tree, root,
				descriptors < MOST_FOLDERS ? descriptors : MOST_FOLDERS);
}

/* Free all, and remove what was not proved; no worker may be at work any more.  NULL is none. */
void
osd_directory_free(struct osd_directory *directory)
{
	if (directory == NULL)
		return;
	for (uint32_t i = 0; directory->has_begun != NULL && i < directory->tree->blob_count; i++)
		if (atomic_load(&directory->has_begun[i]))
			osd_forget_part(directory, i);
	while (directory->gathered != NULL) {
		struct osd_gathered *next = directory->gathered->next;

		free(directory->gathered);
		directory->gathered = next;
	}
	if (directory->handles.root >= 0)
		osd_handles_release(&directory->handles);
	pthread_mutex_destroy(&directory->lock);
	pthread_cond_destroy(&directory->left);
	free(directory->above);
	free(directory->user_at);
	free(directory->users);
	free(directory->has_begun);
	free(directory);
}

/* ---- what needs no contents */

static int
make_folder(struct osd_directory *directory, uint32_t entry)
{
	const struct osd_tree *tree = directory->tree;
	struct osd_folder_use use;
	char name[OSD_NAME_BYTES];
	int error = osd_handles_use(&directory->handles, tree->entries[entry].parent, &use);

	if (error != 0)
		return osd_directory_fail(directory, error, entry);
	osd_name_of(tree, entry, name);
	if (mkdirat(use.fd, name, 0755) != 0)
		error = osd_directory_fail(directory, errno, entry);
	osd_handles_done(&directory->handles, &use);
	return error;
}

/* Make so many more folders, and behind the last of them empty files; made tells how many there are.  0 or an errno. */
int
osd_directory_make(struct osd_directory *directory, uint32_t most)
{
	const struct osd_tree *tree = directory->tree;
	uint32_t *next = &directory->next_folder;
	int error = 0;

	for (; error == 0 && most > 0 && *next < tree->entry_count; ++*next) {
		if (!osd_makes_folder(&tree->inodes[tree->entries[*next].inode]))
			continue;
		error = make_folder(directory, *next);
		directory->made++;
		most--;
	}
	for (next = &directory->next_empty; error == 0 && most > 0 && *next < tree->inode_count; ++*next) {
		const struct osd_tree_inode *inode = &tree->inodes[*next];
		const struct osd_tree_stream *contents = contents_of(tree, inode);

		if (osd_makes_folder(inode) || osd_is_link(inode) || (contents != NULL && contents->size > 0))
			continue;
		error = osd_make_file(directory, *next, NULL, 0);
		directory->made++;
		most--;
	}
	return error;
}

/* Set the times of so many more folders, the deepest first; dated tells how many have theirs.  0 or an errno. */
int
osd_directory_date(struct osd_directory *directory, uint32_t most)
{
	const struct osd_tree *tree = directory->tree;
	struct osd_folder_use use;
	char name[OSD_NAME_BYTES];
	int error = 0;

	for (; error == 0 && most > 0 && directory->next_date > 0; directory->next_date--) {
		uint32_t entry = directory->next_date - 1;

		if (!osd_makes_folder(&tree->inodes[tree->entries[entry].inode]))
			continue;
		if (entry == 0) {
			osd_set_times(directory, 0, directory->handles.root, ".");
		} else {
			error = osd_handles_use(&directory->handles, tree->entries[entry].parent, &use);
			if (error != 0)
				return osd_directory_fail(directory, error, entry);
			osd_name_of(tree, entry, name);
			osd_set_times(directory, entry, use.fd, name);
			osd_handles_done(&directory->handles, &use);
		}
		directory->dated++;
		most--;
	}
	return error;
}
