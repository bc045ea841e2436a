/*
 * The plan: whether a new volume can be filled from an image in this way, and where everything goes.
 *
 * All is known before anything is written, but for the places of what is sparse or compressed: for that, as much as it can
 * take at most is kept free.  So a volume that is too small is refused as it was, and none becomes full on the way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

enum {
	LARGEST_REPARSE = 16384 - OSD_REPARSE_HEAD,		/* MAXIMUM_REPARSE_DATA_BUFFER_SIZE */
	/* A run that ends where free space does may need one more, and its file an extension for it. */
	RECORDS_PER_GAP = 4,
};
#define TAG_SYMLINK 0xA000000Cu
#define TAG_MOUNT_POINT 0xA0000003u
/* The data of others begin with a GUID that their length does not count. */
#define TAG_OF_MICROSOFT 0x80000000u
#define ATTRIBUTE_ENCRYPTED 0x4000u
/* No file is larger ([MS-FSCC] has sizes of 63 bits); sums of what is smaller do not overflow. */
#define LARGEST_SIZE ((uint64_t)1 << 60)

/* Clusters that are needed. */
struct need {
	uint64_t fixed;			/* whatever the contents are */
	uint64_t late;			/* at most, for what is sparse or compressed */
	uint64_t records;		/* of extensions, at most */
};

/* Remember why not; return 0, as nothing failed. */
int
osd_bulk_refuse(struct osd_bulk *bulk, enum osd_bulk_reason reason, uint32_t entry)
{
	if (bulk->reason == OSD_BULK_CAN) {
		bulk->reason = reason;
		bulk->reason_entry = entry;
	}
	return 0;
}

static int
can(const struct osd_bulk *bulk)
{
	return bulk->reason == OSD_BULK_CAN;
}

static uint64_t
clusters_for(const struct osd_bulk *bulk, uint64_t size)
{
	return round_up(size, bulk->fresh.cluster_size) / bulk->fresh.cluster_size;
}

/* ---- what the tree holds */

static void
check_links(struct osd_bulk *bulk, const struct osd_tree_inode *inode, int is_root)
{
	int is_folder = osd_is_folder(inode);

	if (inode->link_count == 0 || (is_folder && inode->link_count > 1) ||
	    (is_root && (!is_folder || osd_is_reparse(inode))))
		osd_bulk_refuse(bulk, OSD_BULK_DAMAGED_TREE, inode->first_link);
}

static void
check_inode(struct osd_bulk *bulk, const struct osd_tree_inode *inode)
{
	const struct osd_tree_stream *streams = bulk->tree->streams + inode->first_stream;

	if (inode->attributes & ATTRIBUTE_ENCRYPTED)
		osd_bulk_refuse(bulk, OSD_BULK_ENCRYPTED, inode->first_link);
	if (osd_is_reparse(inode)) {
		if (inode->reparse_tag != TAG_SYMLINK && inode->reparse_tag != TAG_MOUNT_POINT &&
		    !(bulk->has_all_of_tags && inode->reparse_tag & TAG_OF_MICROSOFT))
			osd_bulk_refuse(bulk, OSD_BULK_REPARSE_TAG, inode->first_link);
		if (streams[0].size > LARGEST_REPARSE)
			osd_bulk_refuse(bulk, OSD_BULK_REPARSE_SIZE, inode->first_link);
	} else if (osd_is_folder(inode) && streams[0].size > 0) {
		osd_bulk_refuse(bulk, OSD_BULK_DAMAGED_TREE, inode->first_link);
	}
	for (uint32_t i = 0; i < inode->stream_count; i++) {
		if (streams[i].is_elsewhere || (streams[i].blob != OSD_NONE && streams[i].blob >= bulk->blob_count))
			osd_bulk_refuse(bulk, OSD_BULK_ELSEWHERE, inode->first_link);
		if (streams[i].size > LARGEST_SIZE || (i > 0 && streams[i].name_length == 0))
			osd_bulk_refuse(bulk, OSD_BULK_DAMAGED_TREE, inode->first_link);
	}
}

/*
 * See whether a tree is one that a new volume can be filled with, as far as that is the same for all volumes.  0, with the
 * reason when it is not, or ENOMEM.
 */
int
osd_bulk_check(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;

	if (tree->error != 0 || tree->entry_count >= OSD_NONE / 4) {
		osd_bulk_refuse(bulk, OSD_BULK_DAMAGED_TREE, OSD_NONE);
		return tree->error == ENOMEM ? ENOMEM : 0;
	}
	for (uint32_t i = 1; i < tree->entry_count; i++)
		if (tree->entries[i].name_length == 0)
			osd_bulk_refuse(bulk, OSD_BULK_DAMAGED_TREE, i);
	for (uint32_t i = 0; can(bulk) && i < tree->inode_count; i++) {
		check_links(bulk, &tree->inodes[i], i == 0);
		check_inode(bulk, &tree->inodes[i]);
	}
	for (uint32_t i = 0; can(bulk) && i < tree->descriptor_count; i++)
		if (!osd_descriptor_is_sound(tree->bytes + tree->descriptors[i].at, tree->descriptors[i].size))
			for (uint32_t file = 0; file < tree->inode_count && can(bulk); file++)
				if (tree->inodes[file].descriptor == i)
					osd_bulk_refuse(bulk, OSD_BULK_DESCRIPTOR, tree->inodes[file].first_link);
	return 0;
}

/* Refuse streams of a file that the table of the volume makes one. */
static int
check_streams(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	int twins = 0;

	for (uint32_t i = 0; twins == 0 && i < tree->inode_count; i++) {
		twins = osd_file_has_twin_streams(bulk, &tree->inodes[i]);
		if (twins > 0)
			osd_bulk_refuse(bulk, OSD_BULK_TWINS, tree->inodes[i].first_link);
	}
	return twins < 0 ? ENOMEM : 0;
}

/* ---- how much room it needs */

static int
add_files(struct osd_bulk *bulk, struct need *need)
{
	const struct osd_tree *tree = bulk->tree;

	for (uint32_t i = 0; i < tree->inode_count; i++) {
		uint64_t size = osd_file_base_size(bulk, i), records, clusters;
		uint32_t folder = bulk->folder_of[i];

		if (folder != OSD_NONE) {
			size += osd_folder_size(&bulk->folders[folder]);
			need->fixed += osd_folders_clusters(bulk, &bulk->folders[folder]);
		}
		if (osd_file_bound(bulk, i, size, &records, &clusters) != 0)
			return osd_bulk_refuse(bulk, OSD_BULK_MANY_NAMES, tree->inodes[i].first_link);
		need->records += records;
		need->fixed += clusters;
	}
	for (uint32_t i = 0; i < tree->stream_count; i++) {
		switch (bulk->placed[i].placement) {
		case OSD_PLACED_RUN:
			need->fixed += clusters_for(bulk, tree->streams[i].size);
			break;
		case OSD_PLACED_REPARSE:
			need->fixed += clusters_for(bulk, tree->streams[i].size + OSD_REPARSE_HEAD);
			break;
		case OSD_PLACED_LATE: {
			const struct osd_late *late = &bulk->late[bulk->placed[i].at];

			need->late += (uint64_t)late->unit_count * late->unit_size / bulk->fresh.cluster_size;
			break;
		}
		case OSD_PLACED_COMPACT:
			/* As it is, at most. */
			need->late += clusters_for(bulk, tree->streams[i].size);
			break;
		default:
			break;
		}
	}
	return 0;
}

/* See whether all fits; how many records there may be is known then. */
static int
add_up(struct osd_bulk *bulk)
{
	const struct osd_fresh *fresh = &bulk->fresh;
	uint64_t gaps = bulk->space.order.count, mft;
	uint64_t spared;
	struct need need = { 0 };
	int error = add_files(bulk, &need);

	if (error != 0 || !can(bulk))
		return error;
	bulk->files_end = OSD_FIRST_FILE + bulk->tree->inode_count - 1;
	bulk->record_limit = round_up(bulk->files_end + need.records + RECORDS_PER_GAP * gaps, 8);
	if (bulk->record_limit < fresh->record_end)
		bulk->record_limit = fresh->record_end;
	if (bulk->record_limit > UINT32_MAX)
		return osd_bulk_refuse(bulk, OSD_BULK_MANY_NAMES, OSD_NONE);
	mft = clusters_for(bulk, bulk->record_limit * fresh->record_size);
	need.fixed += mft > fresh->mft.clusters ? mft - fresh->mft.clusters : 0;
	need.fixed += clusters_for(bulk, round_up(bulk->record_limit, 64) / 8);
	need.fixed += clusters_for(bulk, bulk->secure_size) + osd_views_clusters(bulk);
	/* Each unit lies in one piece: before a gap, clusters may stay free. */
	if (bulk->late_count > 0)
		need.late += OSD_UNIT_CLUSTERS * gaps;
	bulk->needed = need.fixed * fresh->cluster_size;
	bulk->available = bulk->space.left * fresh->cluster_size;
	/* libntfs-3g adds to the descriptors where they lie, and leaves no records free before the first file's. */
	spared = clusters_for(bulk, bulk->secure_size) + clusters_for(bulk, (uint64_t)OSD_FIRST_FILE * fresh->record_size);
	if (need.fixed > bulk->space.left + spared)
		return osd_bulk_refuse(bulk, OSD_BULK_TOO_SMALL, OSD_NONE);
	if (need.fixed > bulk->space.left)
		return osd_bulk_refuse(bulk, OSD_BULK_PERHAPS_TOO_SMALL, OSD_NONE);
	if (need.late > bulk->space.left - need.fixed)
		return osd_bulk_refuse(bulk, OSD_BULK_PERHAPS_TOO_SMALL, OSD_NONE);
	return 0;
}

/* ---- who gets which clusters */

static int
take_mft(struct osd_bulk *bulk)
{
	const struct osd_fresh *fresh = &bulk->fresh;
	uint64_t clusters = clusters_for(bulk, bulk->record_limit * fresh->record_size);
	int error = 0;

	for (size_t i = 0; error == 0 && i < fresh->mft.count; i++)
		error = osd_extents_add(&bulk->mft, fresh->mft.runs[i].lcn, fresh->mft.runs[i].length);
	if (error == 0 && clusters > fresh->mft.clusters)
		error = osd_space_take_for_mft(&bulk->space, clusters - fresh->mft.clusters, &bulk->mft);
	return error;
}

static int
take_split(struct osd_bulk *bulk, struct osd_placed *placed, struct osd_extents *runs)
{
	struct osd_split *grown;

	if (is_power_of_two(bulk->split_count) || bulk->split_count == 0) {
		grown = reallocarray(bulk->split, 2 * (size_t)bulk->split_count + 1, sizeof(*grown));
		if (grown == NULL)
			return ENOMEM;
		bulk->split = grown;
	}
	/* The bytes of a reparse point are in memory until the end. */
	bulk->split[bulk->split_count] = (struct osd_split){ .runs = *runs, .inner_at = placed->at };
	placed->at = bulk->split_count++;
	memset(runs, 0, sizeof(*runs));
	return 0;
}

static int
take_stream(struct osd_bulk *bulk, uint32_t stream)
{
	struct osd_placed *placed = &bulk->placed[stream];
	uint64_t size = bulk->tree->streams[stream].size + (placed->placement == OSD_PLACED_REPARSE ? OSD_REPARSE_HEAD : 0);
	struct osd_extents runs = { 0 };
	int error;

	if (placed->placement != OSD_PLACED_RUN && placed->placement != OSD_PLACED_REPARSE)
		return 0;
	error = osd_space_take(&bulk->space, clusters_for(bulk, size), &runs);
	if (error == 0 && runs.count == 1 && placed->placement == OSD_PLACED_RUN) {
		placed->at = runs.runs[0].lcn;
	} else if (error == 0) {
		error = take_split(bulk, placed, &runs);
		if (placed->placement == OSD_PLACED_RUN)
			placed->placement = OSD_PLACED_RUNS;
	}
	osd_extents_release(&runs);
	return error;
}

static int
take_all(struct osd_bulk *bulk)
{
	int error = take_mft(bulk);

	if (error == 0)
		error = osd_folders_take(bulk);
	if (error == 0)
		error = osd_space_take(&bulk->space, clusters_for(bulk, bulk->secure_size), &bulk->secure_runs);
	if (error == 0)
		error = osd_views_take(bulk);
	if (error == 0)
		error = osd_space_take(&bulk->space, clusters_for(bulk, round_up(bulk->record_limit, 64) / 8),
				       &bulk->mft_bitmap);
	/* Contents in the order in which they are read. */
	for (uint32_t i = 0; error == 0 && i < bulk->user_at[bulk->blob_count]; i++)
		error = take_stream(bulk, bulk->users[i]);
	return error;
}

static int
plan(struct osd_bulk *bulk, struct osd_source *source, uint64_t begin, uint64_t length)
{
	int error = osd_bulk_check(bulk);

	if (error == 0 && can(bulk))
		error = osd_fresh_read(&bulk->fresh, source, begin, length);
	if (error == 0 && can(bulk))
		error = check_streams(bulk);
	if (error != 0 || !can(bulk))
		return error;
	error = osd_space_open(&bulk->space, &bulk->fresh);
	if (error == 0)
		error = osd_secure_plan(bulk);
	if (error == 0 && can(bulk))
		error = osd_place_streams(bulk);
	if (error == 0 && can(bulk))
		error = osd_compact_plan(bulk);
	if (error == 0 && can(bulk))
		error = osd_views_plan(bulk);
	if (error == 0 && can(bulk))
		error = osd_folders_plan(bulk);
	if (error == 0 && can(bulk))
		error = osd_find_users(bulk);
	if (error == 0 && can(bulk))
		error = add_up(bulk);
	if (error == 0 && can(bulk))
		error = take_all(bulk);
	return error;
}

/*
 * Plan how to fill a new volume, which lies in a source; nothing is written.  0, with the reason when it cannot be filled
 * in this way, or the errno of what failed.
 */
int
osd_bulk_plan(struct osd_bulk *bulk, struct osd_source *source, uint64_t begin, uint64_t length)
{
	int error = plan(bulk, source, begin, length);

	/* What the volume holds is not what a new one does. */
	if (error == EBADMSG)
		return osd_bulk_refuse(bulk, OSD_BULK_NOT_NEW, OSD_NONE);
	return error;
}

/*
 * Make what fills a volume from a tree, which must stay; its streams may have more blobs than those of the tree.  stamp
 * becomes the time of the change of all records, in 100 ns since 1601.  NULL without memory.
 */
struct osd_bulk *
osd_bulk_new(const struct osd_tree *tree, uint32_t more_blobs, uint64_t stamp)
{
	struct osd_bulk *bulk = calloc(1, sizeof(*bulk));

	if (bulk == NULL)
		return NULL;
	bulk->sink.ops = &osd_bulk_sink;
	bulk->tree = tree;
	bulk->blob_count = tree->blob_count + more_blobs;
	bulk->stamp = stamp;
	bulk->reason_entry = OSD_NONE;
	bulk->has_lock = pthread_mutex_init(&bulk->lock, NULL) == 0;
	if (!bulk->has_lock || bulk->blob_count < more_blobs) {
		osd_bulk_free(bulk);
		return NULL;
	}
	return bulk;
}

/*
 * Allow reparse points of all kinds of Microsoft: it is known that none has contents beside its data, which libwim would
 * not tell.
 */
void
osd_bulk_allow_tags(struct osd_bulk *bulk)
{
	bulk->has_all_of_tags = 1;
}

/* Free all of it. */
void
osd_bulk_free(struct osd_bulk *bulk)
{
	if (bulk == NULL)
		return;
	for (uint32_t i = 0; i < bulk->late_count; i++)
		osd_late_close(&bulk->late[i]);
	for (uint32_t i = 0; i < bulk->split_count; i++)
		osd_extents_release(&bulk->split[i].runs);
	for (uint32_t i = 0; bulk->folders != NULL && i < bulk->folder_count; i++) {
		osd_extents_release(&bulk->folders[i].runs);
		osd_extents_release(&bulk->folders[i].bitmap);
	}
	for (int i = 0; i < OSD_VIEWS; i++) {
		free(bulk->views[i].entries);
		free(bulk->views[i].order);
		osd_extents_release(&bulk->views[i].runs);
		osd_extents_release(&bulk->views[i].bitmap);
	}
	for (int i = 0; i < OSD_WORKERS; i++) {
		free(bulk->gathers[i].bytes);
		free(bulk->gathers[i].late_bytes);
		free(bulk->gathers[i].waiting);
	}
	osd_compact_free(bulk);
	osd_file_free(bulk->file);
	osd_extents_release(&bulk->secure_runs);
	osd_extents_release(&bulk->mft);
	osd_extents_release(&bulk->mft_bitmap);
	osd_space_close(&bulk->space);
	osd_fresh_release(&bulk->fresh);
	free(bulk->placed);
	free(bulk->users);
	free(bulk->user_at);
	free(bulk->inner);
	free(bulk->split);
	free(bulk->late);
	free(bulk->children);
	free(bulk->folders);
	free(bulk->folder_of);
	free(bulk->secure);
	free(bulk->security_ids);
	if (bulk->has_lock)
		pthread_mutex_destroy(&bulk->lock);
	free(bulk);
}
