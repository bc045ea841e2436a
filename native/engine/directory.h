/*
 * An image into an empty directory, by a sink of the blob pipeline.  See directory.c and directory_sink.c.
 *
 * The steps, in their order: osd_directory_check(), osd_directory_open(), osd_directory_make() until all is made,
 * the run of the pipeline with the sink, osd_directory_date() until all is dated, osd_directory_free().
 */
#ifndef OSDIMAGE_ENGINE_DIRECTORY_H
#define OSDIMAGE_ENGINE_DIRECTORY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "engine/arrays.h"
#include "engine/handles.h"
#include "engine/link_target.h"
#include "engine/sink.h"

/* Why a directory is not filled in this way. */
enum osd_directory_reason {
	OSD_DIRECTORY_CAN,
	OSD_DIRECTORY_DAMAGED_TREE,
	OSD_DIRECTORY_ELSEWHERE,
	OSD_DIRECTORY_ENCRYPTED,
	OSD_DIRECTORY_REPARSE_TAG,
	OSD_DIRECTORY_LINK,
};

/* What is known of the links that have a blob: whether what stands above the image is put before their targets. */
enum {
	OSD_LINK_FIXED = 1,
	OSD_LINK_NOT_FIXED = 2,
};

/* What went wrong first. */
struct osd_directory_error {
	int number;
	uint32_t entry;
	int is_link;			/* its data are not those of a link */
};

/* The data of a link that come in pieces. */
struct osd_gathered {
	struct osd_gathered *next;
	uint32_t blob;
	uint8_t bytes[];
};

struct osd_directory {
	struct osd_sink sink;
	const struct osd_tree *tree;
	enum osd_directory_reason reason;
	uint32_t reason_entry;

	char *above;			/* what stands before the targets of links that are fixed; NULL for nothing */
	const uint8_t *links;		/* of each blob, what is known of links that have it; NULL where that changes nothing */
	int has_all_of_tags;		/* whether it is known that no reparse point has contents beside its data */

	/* The files that have a blob: users[user_at[blob]] and on; those that are no links come first. */
	uint32_t *user_at, *users;
	atomic_uchar *has_begun;	/* of each blob: pieces of it were written */
	struct osd_handles handles;
	char temporary[32];		/* how the names of files begin that are not proved */

	pthread_mutex_t lock;
	pthread_cond_t left;
	unsigned at_once, inside;	/* how many workers may have files open, and do */
	struct osd_gathered *gathered;
	struct osd_directory_error error;
	uint64_t undated;		/* files whose times could not be set, */
	uint32_t undated_entry;		/* the first of them, */
	int undated_number;		/* and why */

	uint32_t folders, to_make;	/* how many there are to date, and to make */
	uint32_t made, dated;
	uint32_t next_folder, next_empty, next_date;	/* where the steps go on */
};

static inline int
osd_is_reparse_point(const struct osd_tree_inode *inode)
{
	return (inode->attributes & 0x400) != 0;
}

/* Whether a file is a link of POSIX. */
static inline int
osd_is_link(const struct osd_tree_inode *inode)
{
	return osd_is_reparse_point(inode) &&
	       (inode->reparse_tag == OSD_TAG_SYMLINK || inode->reparse_tag == OSD_TAG_MOUNT_POINT);
}

/* Whether a file is a directory of POSIX. */
static inline int
osd_makes_folder(const struct osd_tree_inode *inode)
{
	return (inode->attributes & 0x10) != 0 && !osd_is_link(inode);
}

/* directory.c */
void osd_directory_narrow(struct osd_tree *tree);
struct osd_directory *osd_directory_new(const struct osd_tree *tree);
void osd_directory_allow_tags(struct osd_directory *directory);
int osd_directory_put_above(struct osd_directory *directory, const char *above, const uint8_t *links);
int osd_directory_check(struct osd_directory *directory);
int osd_directory_open(struct osd_directory *directory, int root, unsigned descriptors, unsigned workers);
int osd_directory_make(struct osd_directory *directory, uint32_t most);
int osd_directory_date(struct osd_directory *directory, uint32_t most);
void osd_directory_free(struct osd_directory *directory);

/* directory_file.c: each returns 0, or an errno that osd_directory_fail() was told. */
int osd_make_file(struct osd_directory *directory, uint32_t number, const uint8_t *data, uint64_t size);
int osd_make_link(struct osd_directory *directory, uint32_t number, uint32_t blob, const uint8_t *data, size_t size);
int osd_write_part(struct osd_directory *directory, uint32_t blob, uint64_t offset, const uint8_t *data, size_t size);
int osd_name_parts(struct osd_directory *directory, uint32_t blob, uint32_t files);
void osd_forget_part(struct osd_directory *directory, uint32_t blob);
void osd_set_times(struct osd_directory *directory, uint32_t entry, int folder, const char *name);
int osd_directory_fail(struct osd_directory *directory, int number, uint32_t entry);

/* directory_sink.c */
extern const struct osd_sink_ops osd_directory_sink;

#endif
