/* One pass over the tree of a WIM image, in C.  See audit.c. */
#ifndef OSDIMAGE_AUDIT_H
#define OSDIMAGE_AUDIT_H

#include <stddef.h>
#include <stdint.h>

struct wimlib_dir_entry;

/* Why a name or a target path was refused. */
enum osd_refusal {
	OSD_REFUSAL_NONE = 0,
	OSD_REFUSAL_SEPARATOR = 1,	/* the name holds '/' or '\' */
	OSD_REFUSAL_COLON = 2,		/* the name holds ':', which Windows reads as "stream of" */
	OSD_REFUSAL_DOTS = 3,		/* the name is "." or ".." */
};

struct osd_audit {
	/* In: a directory whose symbolic links must not be followed, without a trailing slash; NULL for none. */
	const char *target;
	/* In: whether the first entry comes directly below target, without the directories above it. */
	int without_parents;

	/* Out: counts.  bytes counts each hard-link group once; named streams are apart. */
	uint64_t directories;
	uint64_t files;
	uint64_t bytes;
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
	uint64_t missing_blobs;
	uint64_t refused_names;

	/* Out: the first refused name and the first directory of the image that is a symbolic link in the target. */
	enum osd_refusal refusal;
	char *refused_path;
	char *symlink_path;

	/* What is left of the sums above, in 2^-32 of a byte. */
	uint64_t bytes_fraction;
	uint64_t sparse_fraction;
	uint64_t named_stream_fraction;

	/* Length of the directories above the first entry, when they are left out. */
	size_t parents_length;
	int has_begun;
};

int osd_audit_entry(const struct wimlib_dir_entry *entry, void *audit);
void osd_audit_release(struct osd_audit *audit);

#endif
