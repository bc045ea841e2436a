/*
 * One pass over the tree of a WIM image, in C.
 *
 * Before an image is applied its names are checked, its size is summed, what the target cannot hold is counted, and
 * the target is searched for symbolic links in the place of the image's directories.  A real image has some hundred
 * thousand entries; a Python callback for each would cost more than the rest of the work before an apply.
 */
#define _GNU_SOURCE
#include "wim/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <wimlib.h>

/* Attributes that a POSIX directory has no place for. */
#define DOS_ATTRIBUTES                                                                                               \
	(WIMLIB_FILE_ATTRIBUTE_READONLY | WIMLIB_FILE_ATTRIBUTE_HIDDEN | WIMLIB_FILE_ATTRIBUTE_SYSTEM |                    \
	 WIMLIB_FILE_ATTRIBUTE_COMPRESSED | WIMLIB_FILE_ATTRIBUTE_OFFLINE | WIMLIB_FILE_ATTRIBUTE_NOT_CONTENT_INDEXED)

static enum osd_refusal
judge_name(const char *name)
{
	if (name == NULL)
		return OSD_REFUSAL_NONE; /* the root */
	if (strpbrk(name, "/\\") != NULL)
		return OSD_REFUSAL_SEPARATOR;
	if (strchr(name, ':') != NULL)
		return OSD_REFUSAL_COLON;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return OSD_REFUSAL_DOTS;
	return OSD_REFUSAL_NONE;
}

static int
is_symlink_in_target(const char *target, const char *path)
{
	struct stat facts;
	char *joined = NULL;
	int found;

	if (asprintf(&joined, "%s%s", target, path) < 0)
		return 0;
	found = lstat(joined, &facts) == 0 && S_ISLNK(facts.st_mode);
	free(joined);
	return found;
}

static int
has_object_id(const struct wimlib_dir_entry *entry)
{
	static const uint8_t zeros[WIMLIB_GUID_LEN];

	return memcmp(entry->object_id.object_id, zeros, sizeof(zeros)) != 0;
}

/* Sizes come from the file: two lies must not add up to something small. */
static void
add(uint64_t *sum, uint64_t size)
{
	*sum = size > UINT64_MAX - *sum ? UINT64_MAX : *sum + size;
}

/*
 * Add the share of one link to a sum.  A group of n links is met n times; what does not divide is carried in 2^-32 of a
 * byte, rounded up, so that a whole group adds exactly its size.
 */
static void
add_share(uint64_t *sum, uint64_t *fraction, uint64_t size, uint64_t sharers)
{
	add(sum, size / sharers);
	*fraction += (((size % sharers) << 32) + sharers - 1) / sharers;
	add(sum, *fraction >> 32);
	*fraction &= UINT32_MAX;
}

static void
count_streams(const struct wimlib_dir_entry *entry, struct osd_audit *audit)
{
	uint64_t sharers = entry->num_links > 1 ? entry->num_links : 1;
	uint64_t size = entry->streams[0].resource.uncompressed_size;

	add_share(&audit->bytes, &audit->bytes_fraction, size, sharers);
	if (entry->attributes & WIMLIB_FILE_ATTRIBUTE_SPARSE_FILE)
		add_share(&audit->sparse_bytes, &audit->sparse_fraction, size, sharers);
	for (uint32_t i = 0; i <= entry->num_named_streams; i++) {
		if (entry->streams[i].resource.is_missing)
			audit->missing_blobs++;
		if (i > 0)
			add_share(&audit->named_stream_bytes, &audit->named_stream_fraction,
				  entry->streams[i].resource.uncompressed_size, sharers);
	}
	audit->named_streams += entry->num_named_streams;
}

static void
begin(const struct wimlib_dir_entry *entry, struct osd_audit *audit)
{
	audit->has_begun = 1;
	if (audit->without_parents && entry->filename != NULL && entry->depth > 0)
		audit->parents_length = strlen(entry->full_path) - strlen(entry->filename) - 1;
}

/* Callback of wimlib_iterate_dir_tree(): adds one entry to the struct osd_audit.  Always goes on. */
int
osd_audit_entry(const struct wimlib_dir_entry *entry, void *context)
{
	struct osd_audit *audit = context;
	enum osd_refusal refusal = judge_name(entry->filename);
	int is_directory = (entry->attributes & WIMLIB_FILE_ATTRIBUTE_DIRECTORY) != 0;
	int is_reparse = (entry->attributes & WIMLIB_FILE_ATTRIBUTE_REPARSE_POINT) != 0;

	if (!audit->has_begun)
		begin(entry, audit);
	if (is_directory && !is_reparse)
		audit->directories++;
	else
		audit->files++;
	if (refusal != OSD_REFUSAL_NONE) {
		audit->refused_names++;
		if (audit->refused_path == NULL) {
			audit->refusal = refusal;
			audit->refused_path = strdup(entry->full_path);
		}
	}
	if (is_reparse) {
		if (entry->reparse_tag == WIMLIB_REPARSE_TAG_SYMLINK ||
		    entry->reparse_tag == WIMLIB_REPARSE_TAG_MOUNT_POINT)
			audit->links++;
		else
			audit->other_reparse_points++;
	}
	if (entry->security_descriptor != NULL)
		audit->security_descriptors++;
	if (entry->dos_name != NULL && entry->dos_name[0] != 0)
		audit->short_names++;
	if (entry->attributes & WIMLIB_FILE_ATTRIBUTE_ENCRYPTED)
		audit->encrypted++;
	if (entry->attributes & DOS_ATTRIBUTES)
		audit->dos_attributes++;
	if (has_object_id(entry))
		audit->object_ids++;
	count_streams(entry, audit);
	if (audit->target != NULL && audit->symlink_path == NULL && is_directory && !is_reparse &&
	    entry->depth > 0 && is_symlink_in_target(audit->target, entry->full_path + audit->parents_length))
		audit->symlink_path = strdup(entry->full_path);
	return 0;
}

/* Free the paths that an audit recorded. */
void
osd_audit_release(struct osd_audit *audit)
{
	free(audit->refused_path);
	free(audit->symlink_path);
	audit->refused_path = NULL;
	audit->symlink_path = NULL;
}
