/* One pass over the tree of a WIM image, in C.  See audit.c. */
#ifndef OSDIMAGE_AUDIT_H
#define OSDIMAGE_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "wim/names.h"

struct wimlib_dir_entry;

/* How many of the paths of each fault are kept. */
#define OSD_EXAMPLES 3

/* A link whose reparse data are no larger has a target that every file system takes, the path of a target directory
 * before it included, as far as that is usual. */
#define OSD_SMALL_LINK 300

/* A link with larger data, and where these are. */
struct osd_long_link {
	uint8_t sha1[20];
	char *path;
};

/* A name with a fault. */
struct osd_odd_name {
	unsigned faults;	/* a bit for each */
	size_t name;		/* where in the path the name begins: it may hold a '/' itself */
	char *path;
	char *stream;		/* of whose name they are, or NULL for the file or directory itself */
};

struct osd_audit {
	/* In: the faults of which every name is listed, a bit for each. */
	unsigned listed;

	/* In: a directory that the tree comes to, whose symbolic links must not be followed, without a trailing slash; NULL for none. */
	const char *target;
	/* In: whether the first entry comes directly below target, without the directories above it. */
	int without_parents;

	/* Out: counts.  bytes counts each hard-link group once; named streams are apart. */
	uint64_t directories;
	uint64_t files;
	uint64_t bytes;
	uint64_t sparse_files;
	uint64_t sparse_bytes;
	uint64_t named_streams;
	uint64_t named_stream_bytes;
	uint64_t security_descriptors;
	uint64_t short_names;
	uint64_t links;
	uint64_t other_reparse_points;
	uint64_t object_ids;
	uint64_t encrypted;
	uint64_t dos_attributes;
	uint64_t unix_data;
	uint64_t special_files;
	uint64_t missing_blobs;
	uint64_t refused_names;

	/* Out: what is wrong with the names of files, directories and streams, and the short names: the number of files for
	 * each fault, and the paths of the first. */
	uint64_t faults[OSD_FAULTS];
	char *examples[OSD_FAULTS][OSD_EXAMPLES];

	/* Out: the first refused name, its fault (OSD_FAULTS for none), the first directory of the image that is a symbolic
	 * link in the target, and the first path that is a directory in one of them and something else in the other. */
	enum osd_fault refusal;
	char *refused_path;
	char *symlink_path;
	char *occupied_path;
	int is_occupied_by_directory;

	/* Out: what a target may have no room for: the longest name and path in bytes of UTF-8, the largest reparse
	 * data, and where they are. */
	uint64_t longest_name;
	uint64_t longest_path;
	uint64_t largest_reparse;
	char *longest_name_path;
	char *longest_path_path;
	char *largest_reparse_path;

	/* Out: links whose targets may be long. */
	struct osd_long_link *long_links;
	size_t long_link_count;
	size_t long_link_capacity;

	/* Out: the names with faults that are to be listed. */
	struct osd_odd_name *odd_names;
	size_t odd_name_count;
	size_t odd_name_capacity;

	/* The names that were met, and the short names. */
	struct osd_met met;
	struct osd_met met_short;

	/* The folder of the last entry, and its hash. */
	char *folder;
	size_t folder_length;
	size_t folder_capacity;
	struct osd_folder folder_hash;

	/* What is left of the sums above, in 2^-32 of a byte. */
	uint64_t bytes_fraction;
	uint64_t sparse_fraction;
	uint64_t named_stream_fraction;

	/* Length of the directories above the first entry, when they are left out. */
	size_t parents_length;
	int has_begun;
	int is_out_of_memory;
};

int osd_audit_entry(const struct wimlib_dir_entry *entry, void *audit);
void osd_audit_release(struct osd_audit *audit);

#endif
