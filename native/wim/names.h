/* Names in an image: their characters, and what is wrong with them.  See names.c. */
#ifndef OSDIMAGE_NAMES_H
#define OSDIMAGE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* What may be wrong with a name.  The first four are refused everywhere. */
enum osd_fault {
	OSD_FAULT_SEPARATOR,	/* it holds '/' or '\' */
	OSD_FAULT_COLON,	/* it holds ':', which Windows reads as "stream of" */
	OSD_FAULT_DOTS,		/* it is "." or ".." */
	OSD_FAULT_LENGTH,	/* it has more than 255 UTF-16 units, or is a short name of more than 12 */
	OSD_FAULT_SHORT,	/* its short name cannot be one of NTFS, or another of its folder has it */
	OSD_FAULT_TWIN,		/* another of its folder, or another stream of its file, differs in case only */
	OSD_FAULT_CHARACTER,	/* it holds one of < > " | ? * or a control character */
	OSD_FAULT_END,		/* it ends in a dot or a blank */
	OSD_FAULT_DEVICE,	/* it is the name of a device of DOS, such as CON or lpt1.txt */
	OSD_FAULT_SURROGATE,	/* it holds half a surrogate pair */
	OSD_FAULTS
};
#define OSD_FIRST_TOLD OSD_FAULT_SHORT

#define OSD_LONGEST_NAME 255
#define OSD_LONGEST_SHORT_NAME 12

uint32_t osd_next_character(const char **text, const char *end);
uint32_t osd_upper(uint32_t character);
size_t osd_units(const char *text, size_t length);
unsigned osd_judge_name(const char *name);
unsigned osd_judge_short_name(const char *name, unsigned faults_of_long);
unsigned osd_judge_stream_name(const char *name);

/* The names that were met, by their hashes, to find two that differ in case only. */
struct osd_met {
	uint64_t (*slots)[2];
	size_t count;
	size_t capacity;
};

/* The hash of a folder, which its entries share. */
struct osd_folder {
	uint64_t hash[2];
};

struct osd_folder osd_hash_folder(const char *path, size_t length);
int osd_met_before(struct osd_met *met, const struct osd_folder *folder, const char *name, int remember);
void osd_met_release(struct osd_met *met);

#endif
