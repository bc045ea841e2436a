/* Filling a new NTFS volume.  struct osd_sink is in engine.cdef.h, struct osd_source in ntfs.cdef.h. */

/* extents.h */
struct osd_extent { uint64_t lcn, length; };
struct osd_extents { struct osd_extent *runs; size_t count, capacity; uint64_t clusters; };
int osd_extents_add(struct osd_extents *runs, uint64_t lcn, uint64_t length);
void osd_extents_release(struct osd_extents *runs);
int osd_extents_decode(struct osd_extents *runs, const uint8_t *pairs, size_t size, uint64_t clusters);
size_t osd_extents_fitting(const struct osd_extent *runs, size_t count, size_t room, size_t *size);
size_t osd_extents_encode(const struct osd_extent *runs, size_t count, uint8_t *pairs);

/* index.h */
enum osd_collation { OSD_COLLATE_FILE_NAME, OSD_COLLATE_NUMBER, OSD_COLLATE_SECURITY_HASH, OSD_COLLATE_NUMBERS, ... };
struct osd_index_input {
	size_t count;
	uint32_t (*length)(void *context, size_t entry);
	void (*entry)(void *context, size_t entry, uint8_t *out);
	int (*block)(void *context, uint32_t number, const uint8_t *block);
	void *context;
	uint32_t attribute_type;
	enum osd_collation collation;
	uint32_t block_size, cluster_size;
	size_t largest_root, largest_parent;
};
struct osd_index { size_t root_size; uint32_t blocks; };
int osd_index_measure(const struct osd_index_input *input, struct osd_index *index);
int osd_index_build(const struct osd_index_input *input, struct osd_index *index, uint8_t *root, size_t room);

/* lznt1.h */
size_t osd_lznt1_compress(const uint8_t *data, size_t size, uint8_t *out, size_t room);

/* arrays.h */
#define OSD_NONE ...
struct osd_tree_entry {
	uint32_t parent, inode, next_link, name, short_name;
	uint8_t name_length, short_length;
};
struct osd_tree_inode {
	uint64_t created, modified, accessed;
	uint32_t attributes, reparse_tag, descriptor, object_id, first_stream, stream_count, first_link, link_count;
};
struct osd_tree_stream {
	uint64_t size;
	uint32_t blob, inode, name;
	uint8_t name_length, is_elsewhere;
};
struct osd_tree {
	struct osd_tree_entry *entries;
	struct osd_tree_inode *inodes;
	struct osd_tree_stream *streams;
	uint16_t *units;
	uint32_t entry_count, inode_count, stream_count, descriptor_count;
	int error;
	...;
};
struct osd_tree_pass { struct osd_audit *audit; struct osd_tree *tree; };
int osd_tree_begin(struct osd_tree *tree, const struct osd_blob *blobs, size_t count);
int osd_tree_add(const struct wimlib_dir_entry *entry, void *pass);
int osd_tree_walk(struct osd_tree *tree, const uint8_t *stored, size_t size,
                  int (*each)(const struct wimlib_dir_entry *entry, void *context), void *context);
void osd_tree_end(struct osd_tree *tree);
void osd_tree_release(struct osd_tree *tree);
void osd_tree_keep_blobs(struct osd_tree *tree, struct osd_blob_table *table);
int osd_tree_has_doubles(const struct osd_tree *tree, int *has_doubles);
size_t osd_tree_path(const struct osd_tree *tree, uint32_t entry, uint16_t *units, size_t room);
int osd_tree_strip(const struct osd_tree *tree, int no_descriptors, int no_attributes, struct osd_tree *stripped);
void osd_tree_stripped_release(struct osd_tree *stripped);

/* stored.h */
struct osd_stored { uint64_t extended, beside, marked; };
int osd_stored_scan(const uint8_t *tree, size_t size, struct osd_stored *found);
int osd_stored_links(const uint8_t *stored, size_t size, const struct osd_tree *tree, uint8_t *links);

/* fresh.h */
int osd_fresh_is_new(struct osd_source *source, uint64_t begin, uint64_t length);

/* bulk.h */
enum osd_bulk_reason {
	OSD_BULK_CAN, OSD_BULK_TOO_SMALL, OSD_BULK_PERHAPS_TOO_SMALL, OSD_BULK_NOT_NEW, OSD_BULK_DAMAGED_TREE,
	OSD_BULK_ELSEWHERE, OSD_BULK_ENCRYPTED, OSD_BULK_REPARSE_TAG, OSD_BULK_REPARSE_SIZE,
	OSD_BULK_DESCRIPTOR, OSD_BULK_TWINS, OSD_BULK_SYSTEM_NAME, OSD_BULK_OBJECT_ID, OSD_BULK_MANY_NAMES,
	OSD_BULK_LARGE_SPARSE, ...
};
struct osd_compacting { uint32_t algorithm, chunk_size; int type; unsigned level; };
struct osd_compacted { uint64_t files, size, stored; };
struct osd_bulk {
	struct osd_sink sink;
	enum osd_bulk_reason reason;
	uint32_t reason_entry;
	uint64_t needed, available;
	...;
};
void osd_bulk_allow_tags(struct osd_bulk *bulk);
struct osd_bulk *osd_bulk_new(const struct osd_tree *tree, uint32_t more_blobs, uint64_t stamp);
int osd_bulk_compact(struct osd_bulk *bulk, const uint8_t *wanted, const struct osd_compacting *how);
struct osd_compacted osd_bulk_compacted(const struct osd_bulk *bulk);
int osd_bulk_check(struct osd_bulk *bulk);
int osd_bulk_plan(struct osd_bulk *bulk, struct osd_source *source, uint64_t begin, uint64_t length);
int osd_bulk_put(struct osd_bulk *bulk, uint32_t blob, const uint8_t *data, size_t size);
int osd_bulk_begin(struct osd_bulk *bulk, int sync);
int osd_bulk_commit(struct osd_bulk *bulk, int sync);
int osd_bulk_finish(struct osd_bulk *bulk, int is_dirty, int sync);
void osd_bulk_free(struct osd_bulk *bulk);
int osd_descriptor_is_sound(const uint8_t *bytes, size_t size);
