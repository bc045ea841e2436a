/*
 * One pass over the tree of a WIM image, in C.
 *
 * Before an image is applied its names are checked, its size is summed, what the target cannot hold is counted, and
 * the target is searched for what is in the place of the image's files and directories and is of another kind.  A real image has some hundred
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

/* [MS-FSCC] 2.1.2: no reparse point has more data. */
#define OSD_LARGEST_REPARSE 16384

static int
is_link(const struct wimlib_dir_entry *entry)
{
	return entry->reparse_tag == WIMLIB_REPARSE_TAG_SYMLINK || entry->reparse_tag == WIMLIB_REPARSE_TAG_MOUNT_POINT;
}

/* Note what has the place of an entry in the target and is of another kind: libwim does not write over that. */
static void
look_at_place(const struct wimlib_dir_entry *entry, int is_directory, struct osd_audit *audit)
{
	struct stat facts;
	char *joined = NULL;
	int is_there;

	if (asprintf(&joined, "%s%s", audit->target, entry->full_path + audit->parents_length) < 0)
		return;
	is_there = lstat(joined, &facts) == 0;
	free(joined);
	if (!is_there || (S_ISDIR(facts.st_mode) != 0) == is_directory)
		return;
	if (is_directory && S_ISLNK(facts.st_mode)) {
		if (audit->symlink_path == NULL)
			audit->symlink_path = strdup(entry->full_path);
	} else if (audit->occupied_path == NULL) {
		audit->occupied_path = strdup(entry->full_path);
		audit->is_occupied_by_directory = !is_directory;
	}
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
	if (entry->attributes & WIMLIB_FILE_ATTRIBUTE_SPARSE_FILE) {
		audit->sparse_files++;
		add_share(&audit->sparse_bytes, &audit->sparse_fraction, size, sharers);
	}
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
	audit->refusal = OSD_FAULTS;
	if (audit->without_parents && entry->filename != NULL && entry->depth > 0)
		audit->parents_length = strlen(entry->full_path) - strlen(entry->filename) - 1;
}

/* ---- names */

/* Tell whether a name was met in a folder, or a stream in a file, but for case. */
static int
was_met(struct osd_audit *audit, struct osd_met *met, const struct osd_folder *folder, const char *name, int remember)
{
	int found = osd_met_before(met, folder, name, remember);

	if (found < 0)
		audit->is_out_of_memory = 1;
	return found > 0;
}

/* Return the hash of the folder of an entry, which is mostly that of the entry before. */
static const struct osd_folder *
folder_of(struct osd_audit *audit, const char *path, size_t length)
{
	if (audit->folder != NULL && audit->folder_length == length && memcmp(audit->folder, path, length) == 0)
		return &audit->folder_hash;
	audit->folder_hash = osd_hash_folder(path, length);
	if (length + 1 > audit->folder_capacity) {
		char *grown = realloc(audit->folder, 2 * length + 1);

		if (grown == NULL) {
			audit->is_out_of_memory = 1;
			return &audit->folder_hash;
		}
		audit->folder = grown;
		audit->folder_capacity = 2 * length + 1;
	}
	memcpy(audit->folder, path, length);
	audit->folder_length = length;
	return &audit->folder_hash;
}

static int
is_same_but_for_case(const char *left, const char *right)
{
	const char *left_end = left + strlen(left), *right_end = right + strlen(right);

	while (left < left_end && right < right_end)
		if (osd_upper(osd_next_character(&left, left_end)) != osd_upper(osd_next_character(&right, right_end)))
			return 0;
	return left == left_end && right == right_end;
}

static void
list_name(struct osd_audit *audit, unsigned faults, const struct wimlib_dir_entry *entry, const char *stream)
{
	struct osd_odd_name *added;

	if (audit->odd_name_count == audit->odd_name_capacity) {
		size_t capacity = audit->odd_name_capacity > 0 ? 2 * audit->odd_name_capacity : 64;

		added = reallocarray(audit->odd_names, capacity, sizeof(*added));
		if (added == NULL) {
			audit->is_out_of_memory = 1;
			return;
		}
		audit->odd_names = added;
		audit->odd_name_capacity = capacity;
	}
	added = &audit->odd_names[audit->odd_name_count];
	*added = (struct osd_odd_name){
		.faults = faults,
		.name = strlen(entry->full_path) - (entry->filename == NULL ? 0 : strlen(entry->filename)),
		.path = strdup(entry->full_path),
		.stream = stream == NULL ? NULL : strdup(stream),
	};
	audit->odd_name_count++;
	if (added->path == NULL || (stream != NULL && added->stream == NULL))
		audit->is_out_of_memory = 1;
}

/* Count the faults of one name; stream is that of a stream, or NULL. */
static void
record(struct osd_audit *audit, unsigned faults, const struct wimlib_dir_entry *entry, const char *stream)
{
	const char *path = entry->full_path;

	if ((faults & audit->listed) != 0)
		list_name(audit, faults, entry, stream);
	for (int fault = 0; fault < OSD_FAULTS; fault++) {
		if ((faults & 1u << fault) == 0)
			continue;
		for (int i = 0; i < OSD_EXAMPLES; i++) {
			if (audit->examples[fault][i] != NULL)
				continue;
			if (stream == NULL)
				audit->examples[fault][i] = strdup(path);
			else if (asprintf(&audit->examples[fault][i], "%s:%s", path, stream) < 0)
				audit->examples[fault][i] = NULL;
			break;
		}
		audit->faults[fault]++;
		if (fault < OSD_FIRST_TOLD && audit->refused_path == NULL) {
			audit->refusal = fault;
			audit->refused_path = strdup(path);
		}
	}
	if ((faults & ((1u << OSD_FIRST_TOLD) - 1)) != 0)
		audit->refused_names++;
}

static void
judge_streams(const struct wimlib_dir_entry *entry, struct osd_audit *audit)
{
	for (uint32_t i = 1; i <= entry->num_named_streams; i++) {
		const char *stream = entry->streams[i].stream_name;
		unsigned faults;

		if (stream == NULL)
			continue;
		faults = osd_judge_stream_name(stream);
		if (entry->num_named_streams > 1) {
			struct osd_folder file = osd_hash_folder(entry->full_path, strlen(entry->full_path));

			if (was_met(audit, &audit->met, &file, stream, 1))
				faults |= 1 << OSD_FAULT_TWIN;
		}
		record(audit, faults, entry, stream);
	}
}

static void
judge_names(const struct wimlib_dir_entry *entry, struct osd_audit *audit)
{
	const char *name = entry->filename, *short_name = entry->dos_name;
	const struct osd_folder *folder;
	unsigned faults;

	judge_streams(entry, audit);
	if (name == NULL)
		return; /* the root */
	folder = folder_of(audit, entry->full_path, strlen(entry->full_path) - strlen(name));
	faults = osd_judge_name(name);
	if (was_met(audit, &audit->met, folder, name, 1))
		faults |= 1 << OSD_FAULT_TWIN;
	if (was_met(audit, &audit->met_short, folder, name, 0))
		faults |= 1 << OSD_FAULT_SHORT;
	if (short_name != NULL && short_name[0] != '\0') {
		faults |= osd_judge_short_name(short_name, faults);
		if (!is_same_but_for_case(short_name, name) &&
		    (was_met(audit, &audit->met, folder, short_name, 0) ||
		     was_met(audit, &audit->met_short, folder, short_name, 1)))
			faults |= 1 << OSD_FAULT_SHORT;
	}
	if (faults != 0)
		record(audit, faults, entry, NULL);
}

static void
measure(const struct wimlib_dir_entry *entry, struct osd_audit *audit)
{
	size_t name = entry->filename == NULL ? 0 : strlen(entry->filename);
	size_t path = strlen(entry->full_path);

	if (name > audit->longest_name) {
		audit->longest_name = name;
		free(audit->longest_name_path);
		audit->longest_name_path = strdup(entry->full_path);
	}
	if (path > audit->longest_path) {
		audit->longest_path = path;
		free(audit->longest_path_path);
		audit->longest_path_path = strdup(entry->full_path);
	}
}

static void
add_long_link(const struct wimlib_dir_entry *entry, struct osd_audit *audit)
{
	struct osd_long_link *added;

	if (audit->long_link_count == audit->long_link_capacity) {
		size_t capacity = audit->long_link_capacity > 0 ? 2 * audit->long_link_capacity : 64;

		added = reallocarray(audit->long_links, capacity, sizeof(*added));
		if (added == NULL) {
			audit->is_out_of_memory = 1;
			return;
		}
		audit->long_links = added;
		audit->long_link_capacity = capacity;
	}
	added = &audit->long_links[audit->long_link_count];
	memcpy(added->sha1, entry->streams[0].resource.sha1_hash, sizeof(added->sha1));
	added->path = strdup(entry->full_path);
	if (added->path == NULL)
		audit->is_out_of_memory = 1;
	else
		audit->long_link_count++;
}

static void
count_reparse_point(const struct wimlib_dir_entry *entry, struct osd_audit *audit)
{
	uint64_t size = entry->streams[0].resource.uncompressed_size;

	if (is_link(entry))
		audit->links++;
	else
		audit->other_reparse_points++;
	if (is_link(entry) && size > OSD_SMALL_LINK && size <= OSD_LARGEST_REPARSE)
		add_long_link(entry, audit);
	if (size > audit->largest_reparse) {
		audit->largest_reparse = size;
		free(audit->largest_reparse_path);
		audit->largest_reparse_path = strdup(entry->full_path);
	}
}

/* libwim makes what is neither a file, a directory nor a link only where it sets the Unix data. */
static void
count_unix_data(const struct wimlib_dir_entry *entry, struct osd_audit *audit)
{
	uint32_t mode = entry->unix_mode;

	audit->unix_data++;
	if (S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISCHR(mode) || S_ISBLK(mode))
		audit->special_files++;
}

/* Callback of wimlib_iterate_dir_tree(): adds one entry to the struct osd_audit.  Always goes on. */
int
osd_audit_entry(const struct wimlib_dir_entry *entry, void *context)
{
	struct osd_audit *audit = context;
	int is_directory = (entry->attributes & WIMLIB_FILE_ATTRIBUTE_DIRECTORY) != 0;
	int is_reparse = (entry->attributes & WIMLIB_FILE_ATTRIBUTE_REPARSE_POINT) != 0;

	if (!audit->has_begun)
		begin(entry, audit);
	if (is_directory && !is_reparse)
		audit->directories++;
	else
		audit->files++;
	judge_names(entry, audit);
	measure(entry, audit);
	if (is_reparse)
		count_reparse_point(entry, audit);
	if (entry->security_descriptor != NULL)
		audit->security_descriptors++;
	if (entry->dos_name != NULL && entry->dos_name[0] != 0)
		audit->short_names++;
	if (entry->attributes & WIMLIB_FILE_ATTRIBUTE_ENCRYPTED)
		audit->encrypted++;
	if (entry->attributes & DOS_ATTRIBUTES)
		audit->dos_attributes++;
	if (entry->unix_mode != 0)
		count_unix_data(entry, audit);
	if (has_object_id(entry))
		audit->object_ids++;
	count_streams(entry, audit);
	/* What becomes of a folder with a reparse point that is no link is left to libwim. */
	if (audit->target != NULL && entry->depth > 0 && (!is_directory || !is_reparse || is_link(entry)))
		look_at_place(entry, is_directory && !is_reparse, audit);
	return 0;
}

/* Free what an audit recorded, and forget all of it. */
void
osd_audit_release(struct osd_audit *audit)
{
	for (int fault = 0; fault < OSD_FAULTS; fault++)
		for (int i = 0; i < OSD_EXAMPLES; i++)
			free(audit->examples[fault][i]);
	free(audit->refused_path);
	free(audit->symlink_path);
	free(audit->occupied_path);
	free(audit->longest_name_path);
	free(audit->longest_path_path);
	free(audit->largest_reparse_path);
	for (size_t i = 0; i < audit->long_link_count; i++)
		free(audit->long_links[i].path);
	free(audit->long_links);
	for (size_t i = 0; i < audit->odd_name_count; i++) {
		free(audit->odd_names[i].path);
		free(audit->odd_names[i].stream);
	}
	free(audit->odd_names);
	osd_met_release(&audit->met);
	osd_met_release(&audit->met_short);
	free(audit->folder);
	memset(audit, 0, sizeof(*audit));
}
