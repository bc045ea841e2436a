/*
 * The tree of an image without what of its files is not wanted: security descriptors, attributes.
 *
 * All but the files themselves is that of the tree, which must stay as long as this is used.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/arrays.h"

#define ATTRIBUTE_ARCHIVE 0x20u
/* What decides how the contents are stored and read: folder, sparse, reparse point, encrypted. */
#define NEEDED_ATTRIBUTES (0x10u | 0x200u | 0x400u | 0x4000u)
/* The root of a volume that was just formatted: hidden, system. */
#define ROOT_ATTRIBUTES 0x36u

/*
 * Make a tree of another one.  Files without their attributes have those that libntfs-3g gives to new ones, and the root
 * those that it has on a new volume.  0 or an errno; osd_tree_stripped_release() frees it.
 */
int
osd_tree_strip(const struct osd_tree *tree, int no_descriptors, int no_attributes, struct osd_tree *stripped)
{
	*stripped = *tree;
	stripped->inodes = malloc(((size_t)tree->inode_count + 1) * sizeof(*stripped->inodes));
	if (stripped->inodes == NULL)
		return ENOMEM;
	memcpy(stripped->inodes, tree->inodes, (size_t)tree->inode_count * sizeof(*stripped->inodes));
	for (uint32_t i = 0; i < tree->inode_count; i++) {
		struct osd_tree_inode *inode = &stripped->inodes[i];

		if (no_descriptors)
			inode->descriptor = OSD_NONE;
		if (no_attributes)
			inode->attributes = i == 0 ? ROOT_ATTRIBUTES
						   : (inode->attributes & NEEDED_ATTRIBUTES) | ATTRIBUTE_ARCHIVE;
	}
	if (no_descriptors)
		stripped->descriptor_count = 0;
	return 0;
}

/* Free what osd_tree_strip() made of a tree; the tree stays. */
void
osd_tree_stripped_release(struct osd_tree *stripped)
{
	free(stripped->inodes);
	memset(stripped, 0, sizeof(*stripped));
}
