/* The tree of an image as arrays.  See arrays.c. */
#ifndef OSDIMAGE_ENGINE_ARRAYS_H
#define OSDIMAGE_ENGINE_ARRAYS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/map.h"

struct osd_audit;
struct osd_blob;
struct osd_blob_table;
struct wimlib_dir_entry;

/* No parent, blob, descriptor, object id or further link. */
#define OSD_NONE UINT32_MAX

#define OSD_OBJECT_ID_BYTES 64

/* A name of a file or directory.  The first is the root's.  Parents come before what is in them. */
struct osd_tree_entry {
	uint32_t parent;		/* an entry */
	uint32_t inode;
	uint32_t next_link;		/* the entry that is another name of the same file */
	uint32_t name;			/* where in units it begins */
	uint32_t short_name;
	uint8_t name_length;		/* in units */
	uint8_t short_length;		/* 0 for no short name */
};

/* A file or directory. */
struct osd_tree_inode {
	uint64_t created, modified, accessed;	/* in 100 ns since 1601 */
	uint32_t attributes;
	uint32_t reparse_tag;
	uint32_t descriptor;
	uint32_t object_id;
	uint32_t first_stream;		/* the unnamed one: the contents, or the data of the reparse point */
	uint32_t stream_count;
	uint32_t first_link;		/* an entry */
	uint32_t link_count;
};

struct osd_tree_stream {
	uint64_t size;
	uint32_t blob;			/* in the list that the tree was made with; OSD_NONE when it is empty or elsewhere */
	uint32_t inode;
	uint32_t name;
	uint8_t name_length;		/* 0 for the unnamed one */
	uint8_t is_elsewhere;		/* it has contents, and they are in no blob of the list */
};

struct osd_tree_descriptor {
	size_t at;			/* in bytes */
	uint32_t size;
};

struct osd_tree {
	/* In: the blobs of the WIM; OSD_NONE for what is not among them. */
	const struct osd_blob *blobs;
	uint32_t blob_count;

	struct osd_tree_entry *entries;
	struct osd_tree_inode *inodes;
	struct osd_tree_stream *streams;
	uint16_t *units;		/* the names, as UTF-16 */
	struct osd_tree_descriptor *descriptors;	/* each once */
	uint8_t *bytes;			/* of the descriptors */
	uint8_t *object_ids;		/* of OSD_OBJECT_ID_BYTES each */
	uint32_t entry_count, inode_count, stream_count, unit_count, descriptor_count, object_id_count;
	size_t byte_count, byte_capacity;

	/* 0, ENOMEM, EOVERFLOW for a tree that has no place in these arrays, EBADMSG for one that cannot be. */
	int error;

	/* While it is made. */
	uint32_t *above;		/* the entry at each depth */
	uint32_t above_count;
	struct osd_map blob_map, inode_map, descriptor_map, pointer_map;
	const char **pointers;		/* of the descriptors that were met, as libwim has them */
	uint32_t *pointer_descriptors;
	uint32_t pointer_count;
};

/* What one pass over a tree fills. */
struct osd_tree_pass {
	struct osd_audit *audit;
	struct osd_tree *tree;
};

int osd_tree_begin(struct osd_tree *tree, const struct osd_blob *blobs, size_t count);
int osd_tree_add(const struct wimlib_dir_entry *entry, void *pass);
int osd_tree_walk(struct osd_tree *tree, const uint8_t *stored, size_t size,
		  int (*each)(const struct wimlib_dir_entry *entry, void *context), void *context);
void osd_tree_end(struct osd_tree *tree);
void osd_tree_keep_blobs(struct osd_tree *tree, struct osd_blob_table *table);
void osd_tree_release(struct osd_tree *tree);
int osd_tree_has_doubles(const struct osd_tree *tree, int *has_doubles);
size_t osd_tree_path(const struct osd_tree *tree, uint32_t entry, uint16_t *units, size_t room);

/* stripped.c */
int osd_tree_strip(const struct osd_tree *tree, int no_descriptors, int no_attributes, struct osd_tree *stripped);
void osd_tree_stripped_release(struct osd_tree *stripped);

#endif
