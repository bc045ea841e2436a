/*
 * Filling a new NTFS volume from an image: what is planned, and how it comes to the volume.
 *
 * The order, which makes that half an image never looks whole:
 *
 *   osd_bulk_check()   what can be known of the tree alone                                                plan.c
 *   osd_bulk_plan()    what can be known before anything is written: where everything goes, and why not   plan.c
 *   osd_bulk_begin()   the volume is marked dirty                                                         commit.c
 *   its sink           contents, into clusters that are free, in the order in which they come            fill.c, late.c
 *   osd_bulk_commit()  records and indexes, where nothing leads; then what leads there                   commit.c
 *   osd_bulk_finish()  the mark is taken away
 */
#ifndef OSDIMAGE_ENGINE_BULK_H
#define OSDIMAGE_ENGINE_BULK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/arrays.h"
#include "engine/fresh.h"
#include "engine/index.h"
#include "engine/record.h"
#include "engine/extents.h"
#include "engine/sink.h"
#include "engine/space.h"

/* Why an image is not written in this way.  Nothing was written then. */
enum osd_bulk_reason {
	OSD_BULK_CAN,
	OSD_BULK_TOO_SMALL,		/* it does not fit: see needed and available */
	OSD_BULK_PERHAPS_TOO_SMALL,	/* it may fit, which is known only when it is written */
	OSD_BULK_NOT_NEW,		/* the volume is not as it was formatted */
	OSD_BULK_DAMAGED_TREE,
	OSD_BULK_ELSEWHERE,		/* contents that are not in the WIM */
	OSD_BULK_ENCRYPTED,
	OSD_BULK_REPARSE_TAG,		/* of one that libwim does not tell all of, or of a third party */
	OSD_BULK_REPARSE_SIZE,
	OSD_BULK_DESCRIPTOR,		/* it is malformed */
	OSD_BULK_TWINS,			/* two names of a folder, or of streams of a file, that NTFS takes for one */
	OSD_BULK_SYSTEM_NAME,		/* a name that a file of NTFS itself has */
	OSD_BULK_OBJECT_ID,		/* two files have it */
	OSD_BULK_MANY_NAMES,		/* more names or streams than a list of attributes holds */
	OSD_BULK_LARGE_SPARSE,
	OSD_BULK_REASONS
};

/* Where the bytes of a stream go. */
enum osd_placement {
	OSD_PLACED_EMPTY,
	OSD_PLACED_IN_RECORD,		/* into bulk->inner, from at on */
	OSD_PLACED_RUN,			/* from cluster at on */
	OSD_PLACED_RUNS,		/* bulk->split[at]: more runs than one */
	OSD_PLACED_REPARSE,		/* the same, for what is in bulk->inner until the end */
	OSD_PLACED_LATE,		/* bulk->late[at]: where is known when they have come */
	OSD_PLACED_COMPACT,		/* bulk->compact[at]: the same, and in which form */
};

struct osd_placed {
	uint64_t at;
	uint8_t placement;
};

struct osd_split {
	struct osd_extents runs;
	size_t inner_at;
};

/* A stream that is sparse or compressed, in units: how many clusters of each are stored, and where. */
struct osd_late {
	uint32_t stream;
	uint16_t flags;			/* OSD_IS_COMPRESSED, OSD_IS_SPARSE */
	uint32_t unit_size;		/* in bytes */
	uint32_t unit_count;
	uint64_t *lcn;
	uint16_t *stored;		/* clusters; 0: a hole */
	struct osd_partial *partial;	/* units of which a part has come */
};

/* How files are compressed as a whole: see compact.c. */
struct osd_compacting {
	uint32_t algorithm;		/* FILE_PROVIDER_COMPRESSION_* of wofapi.h */
	uint32_t chunk_size;		/* in bytes */
	int type;			/* of wimlib_create_compressor() */
	unsigned level;
};

/* Files that were compressed, and bytes of their clusters before and after. */
struct osd_compacted {
	uint64_t files, size, stored;
};

#define OSD_TAG_WOF 0x80000017u
#define OSD_COMPACT_POINT 24		/* bytes of the reparse buffer */

enum osd_form { OSD_FORM_UNDECIDED, OSD_FORM_COMPRESSED, OSD_FORM_PLAIN };

/* A file that may be compressed as a whole. */
struct osd_compact {
	pthread_mutex_t lock;		/* of all that follows */
	enum osd_form form;
	uint64_t size;			/* plain, in bytes */
	uint64_t chunk_count;
	uint64_t next;			/* the chunk whose turn it is */
	struct osd_chunk *waiting, *parts;
	uint64_t *ends;			/* of the chunks, from the end of the table on */
	uint64_t packed, saved;		/* bytes of the chunks so far, and what they are less */
	uint8_t *held, *plain;		/* what is not written yet, and while the form is open the other form */
	size_t held_size, held_room, plain_size, plain_room;
	struct osd_extents runs;
	uint64_t written;		/* bytes of the clusters */
	uint64_t stored;		/* bytes of the stream */
};

/* The names in a directory, sorted: bulk->children from first on; and its index. */
struct osd_folder_index {
	uint32_t inode;
	uint32_t first;
	uint32_t count;
	uint32_t blocks;
	uint32_t root_size;
	uint32_t largest_root;
	uint32_t largest_parent;
	struct osd_extents runs;
	struct osd_extents bitmap;		/* of its blocks, where that has no room in the record */
};

/* A name in a directory: an entry, times 4, and what of it. */
enum osd_child {
	OSD_CHILD_NAME = 0,
	OSD_CHILD_SHORT = 1,
	OSD_CHILD_SYSTEM = 2,		/* not an entry, but a file of the system */
};

/* An index of one of the files of the system, of entries of one length. */
struct osd_view {
	uint32_t file;			/* its record */
	const char *name;
	enum osd_collation collation;
	uint8_t *entries;
	uint32_t *order;
	size_t entry_size;
	uint32_t key_size;
	size_t count;
	int is_written;
	struct osd_index index;
	struct osd_extents runs, bitmap;
};

enum { OSD_VIEW_HASHES, OSD_VIEW_IDS, OSD_VIEW_OBJECTS, OSD_VIEW_REPARSE, OSD_VIEWS };

#define OSD_GATHERED (1u << 20)

/* What a worker has gathered: bytes that lie together, and units of which the place is not chosen yet. */
struct osd_gather {
	uint8_t *bytes;
	uint64_t at;
	size_t size;
	uint8_t *late_bytes;
	size_t late_size, late_room;
	struct osd_waiting *waiting;
	size_t waiting_count, waiting_room;
};

struct wimlib_compressor;

struct osd_bulk {
	struct osd_sink sink;		/* the first member */
	const struct osd_tree *tree;
	uint32_t blob_count;		/* those of the tree, and more that were given to it */
	int has_all_of_tags;		/* no reparse point has more than libwim tells */
	uint64_t stamp;			/* the time of the change of all records, in 100 ns since 1601 */
	struct osd_fresh fresh;
	struct osd_space space;

	/* Why not: the reason, and the entry of the tree that it is about, or OSD_NONE. */
	enum osd_bulk_reason reason;
	uint32_t reason_entry;
	uint64_t needed, available;	/* in bytes */

	/* The plan. */
	struct osd_placed *placed;	/* of each stream */
	uint32_t *users;		/* streams, by their blobs: those of one from user_at[blob] to user_at[blob + 1] */
	uint32_t *user_at;
	uint8_t *inner;
	size_t inner_size;
	struct osd_split *split;
	uint32_t split_count;
	struct osd_late *late;
	uint32_t late_count;
	struct osd_compacting compacting;
	uint8_t *compact_wanted;	/* of each inode; NULL: none */
	struct osd_compact *compact;
	uint32_t compact_count;
	struct wimlib_compressor *compressors[OSD_WORKERS];
	uint32_t *children;
	struct osd_folder_index *folders;
	uint32_t folder_count;
	uint32_t *folder_of;		/* of each inode; OSD_NONE for a file */
	uint8_t *secure;		/* the contents of $Secure:$SDS */
	uint64_t secure_size, secure_room;
	struct osd_extents secure_runs;
	uint32_t *security_ids;		/* of each descriptor of the tree */
	uint32_t usual_id;		/* of files without one */
	struct osd_view views[OSD_VIEWS];
	struct osd_extents mft, mft_bitmap;
	uint64_t record_limit;		/* how many records have room in it */
	uint64_t files_end;		/* the record behind the last file */
	uint64_t late_clusters;		/* reserved for what is placed late */

	/* While it is written. */
	pthread_mutex_t lock;		/* of space, and of the units of which a part has come */
	int has_lock;
	struct osd_gather gathers[OSD_WORKERS];
	uint64_t next_record;		/* of an extension */
	struct osd_file *file;
};

/* ---- plan.c */
struct osd_bulk *osd_bulk_new(const struct osd_tree *tree, uint32_t more_blobs, uint64_t stamp);
void osd_bulk_allow_tags(struct osd_bulk *bulk);
int osd_bulk_check(struct osd_bulk *bulk);
int osd_bulk_plan(struct osd_bulk *bulk, struct osd_source *source, uint64_t begin, uint64_t length);
void osd_bulk_free(struct osd_bulk *bulk);
uint32_t osd_bulk_stream_flags(const struct osd_bulk *bulk, uint32_t stream);
int osd_bulk_refuse(struct osd_bulk *bulk, enum osd_bulk_reason reason, uint32_t entry);

/* ---- place.c: in the record or not */
int osd_place_streams(struct osd_bulk *bulk);
int osd_find_users(struct osd_bulk *bulk);

/* ---- folders.c: the directories */
int osd_folders_plan(struct osd_bulk *bulk);
uint64_t osd_folders_clusters(const struct osd_bulk *bulk, const struct osd_folder_index *folder);
uint64_t osd_folder_size(const struct osd_folder_index *folder);
int osd_folders_take(struct osd_bulk *bulk);
int osd_folder_build(struct osd_bulk *bulk, const struct osd_folder_index *folder, uint8_t *root, size_t room);
int osd_has_two_names(const struct osd_bulk *bulk, const struct osd_tree_entry *entry);
int osd_names_compare(const uint16_t *upcase, const uint16_t *left, size_t left_length, const uint16_t *right,
		      size_t right_length, int with_case);

/* ---- file.c, bounds.c, records.c: the attributes and records of a file */
size_t osd_file_name_value(const struct osd_bulk *bulk, uint32_t entry, int is_short, uint8_t *out);
uint64_t osd_file_base_size(const struct osd_bulk *bulk, uint32_t inode);
int osd_file_bound(const struct osd_bulk *bulk, uint32_t inode, uint64_t size, uint64_t *records, uint64_t *clusters);
int osd_file_has_stored_form(const struct osd_bulk *bulk, const struct osd_tree_inode *inode);
int osd_file_has_twin_streams(const struct osd_bulk *bulk, const struct osd_tree_inode *inode);
struct osd_file *osd_file_new(void);
void osd_file_free(struct osd_file *file);
int osd_file_encode(struct osd_bulk *bulk, struct osd_file *file, uint32_t inode, uint8_t *base, uint8_t **extensions,
		    uint32_t *extension_count);

/* ---- secure.c, views.c: the files of the system */
int osd_secure_plan(struct osd_bulk *bulk);
int osd_descriptor_is_sound(const uint8_t *bytes, size_t size);
uint32_t osd_descriptor_hash(const uint8_t *bytes, size_t size);
int osd_views_plan(struct osd_bulk *bulk);
struct osd_index_input osd_view_input(const struct osd_bulk *bulk, void *context, const struct osd_view *view);
int osd_view_measure(struct osd_bulk *bulk, struct osd_view *view);
uint64_t osd_views_clusters(const struct osd_bulk *bulk);
int osd_views_take(struct osd_bulk *bulk);
int osd_views_settle(struct osd_bulk *bulk);
int osd_views_write(struct osd_bulk *bulk);

/* ---- fill.c, late.c: contents */
extern const struct osd_sink_ops osd_bulk_sink;
int osd_bulk_put(struct osd_bulk *bulk, uint32_t blob, const uint8_t *data, size_t size);
int osd_late_open(struct osd_bulk *bulk, struct osd_late *late);
void osd_late_close(struct osd_late *late);
int osd_late_piece(struct osd_bulk *bulk, struct osd_gather *gather, struct osd_late *late, uint64_t offset,
		   const uint8_t *data, size_t size);
int osd_late_flush(struct osd_bulk *bulk, struct osd_gather *gather);
uint64_t osd_late_stored(const struct osd_late *late);
int osd_late_runs(const struct osd_bulk *bulk, const struct osd_late *late, struct osd_extents *runs);

/* ---- compact.c */
int osd_bulk_compact(struct osd_bulk *bulk, const uint8_t *wanted, const struct osd_compacting *how);
int osd_compact_plan(struct osd_bulk *bulk);
uint64_t osd_compact_runs(const struct osd_compact *compact);
const struct osd_compact *osd_compact_of(const struct osd_bulk *bulk, const struct osd_tree_inode *inode);
int osd_compact_piece(struct osd_bulk *bulk, unsigned worker, struct osd_compact *compact, uint64_t offset,
		      const uint8_t *data, size_t size);
void osd_compact_point(const struct osd_bulk *bulk, uint8_t *out);
struct osd_compacted osd_bulk_compacted(const struct osd_bulk *bulk);
void osd_compact_free(struct osd_bulk *bulk);

/* ---- commit.c */
int osd_bulk_release(struct osd_bulk *bulk, const uint8_t *attribute);
int osd_bulk_begin(struct osd_bulk *bulk, int sync);
int osd_bulk_commit(struct osd_bulk *bulk, int sync);
int osd_bulk_finish(struct osd_bulk *bulk, int is_dirty, int sync);

static inline int
osd_is_folder(const struct osd_tree_inode *inode)
{
	return (inode->attributes & 0x10) != 0;
}

static inline int
osd_is_reparse(const struct osd_tree_inode *inode)
{
	return (inode->attributes & 0x400) != 0;
}

/* The record of a file, and its reference. */
static inline uint64_t
osd_record_of(uint32_t inode)
{
	return inode == 0 ? OSD_FILE_ROOT : OSD_FIRST_FILE + (uint64_t)inode - 1;
}

static inline uint64_t
osd_reference_of(uint32_t inode)
{
	return osd_reference(osd_record_of(inode), inode == 0 ? OSD_ROOT_SEQUENCE : 1);
}

#endif
