/*
 * Names in an image: their characters, and what is wrong with them.
 *
 * libwim hands out names as UTF-8 and keeps half a surrogate pair, legal in NTFS, as the three bytes that UTF-8 forbids.
 * Sources: Microsoft, "Naming Files, Paths, and Namespaces" (characters, ends, devices); [MS-FSCC] 2.1.5 (streams may
 * have control characters in their names, files may not).
 */
#define _GNU_SOURCE
#include "wim/names.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <ntfs-3g/types.h>
#include <ntfs-3g/volume.h>
#include <ntfs-3g/unistr.h>

#define BAD_BYTE 0xDC00

static ntfschar *upper_case;
static uint32_t upper_case_length;
static pthread_once_t upper_case_once = PTHREAD_ONCE_INIT;

static void
make_upper_case(void)
{
	upper_case_length = ntfs_upcase_build_default(&upper_case);
}

/* Return the upper case by the table of Windows, that of a new NTFS volume; without memory for it, that of ASCII. */
uint32_t
osd_upper(uint32_t character)
{
	if (character < 0x80)
		return character >= 'a' && character <= 'z' ? character - 0x20 : character;
	pthread_once(&upper_case_once, make_upper_case);
	return character < upper_case_length ? le16_to_cpu(upper_case[character]) : character;
}

/*
 * Return the character at *text, half a surrogate pair too, and go behind it.  A byte that is not part of any is one
 * character, beginning at U+DC00, as Python has it.
 */
uint32_t
osd_next_character(const char **text, const char *end)
{
	const unsigned char *at = (const unsigned char *)*text;
	size_t left = (size_t)(end - *text);
	size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC0 ? 2 : 0;
	uint32_t character;

	if (length == 1) {
		*text += 1;
		return at[0];
	}
	if (length != 0 && length <= left && at[0] < 0xF8) {
		character = at[0] & (0xFF >> (length + 1));
		for (size_t i = 1; i < length; i++) {
			if ((at[i] & 0xC0) != 0x80) {
				length = 0;
				break;
			}
			character = character << 6 | (at[i] & 0x3F);
		}
		if (length != 0) {
			*text += length;
			return character;
		}
	}
	*text += 1;
	return BAD_BYTE + at[0];
}

/* Return the number of UTF-16 units of a text. */
size_t
osd_units(const char *text, size_t length)
{
	size_t count = 0;
	const char *end = text + length;

	while (text < end)
		count += osd_next_character(&text, end) >= 0x10000 ? 2 : 1;
	return count;
}

static int
is_digit_of_device(uint32_t character)
{
	return (character >= '0' && character <= '9') || character == 0xB9 || character == 0xB2 || character == 0xB3;
}

/* Whether Windows opens a device in place of a file of this name: what counts is before the first dot, without blanks. */
static int
is_device(const char *name)
{
	static const char *const whole[] = { "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$" };
	const char *end = strchrnul(name, '.');
	size_t length;

	while (end > name && end[-1] == ' ')
		end--;
	length = (size_t)(end - name);
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (strlen(whole[i]) == length && strncasecmp(name, whole[i], length) == 0)
			return 1;
	if (length < 4 || (strncasecmp(name, "COM", 3) != 0 && strncasecmp(name, "LPT", 3) != 0))
		return 0;
	name += 3;
	return is_digit_of_device(osd_next_character(&name, end)) && name == end;
}

/* The faults of characters of ASCII. */
static unsigned
judge_ascii(unsigned character, int controls_are_legal)
{
	switch (character) {
	case '/':
	case '\\':
		return 1 << OSD_FAULT_SEPARATOR;
	case ':':
		return 1 << OSD_FAULT_COLON;
	case '<':
	case '>':
	case '"':
	case '|':
	case '?':
	case '*':
		return 1 << OSD_FAULT_CHARACTER;
	default:
		return character < 0x20 && !controls_are_legal ? 1 << OSD_FAULT_CHARACTER : 0;
	}
}

/* Return the bits of the faults of characters, and the number of UTF-16 units. */
static unsigned
judge_characters(const char *name, int controls_are_legal, size_t *units)
{
	const char *end = name + strlen(name);
	unsigned faults = 0;

	*units = 0;
	while (name < end) {
		uint32_t character = osd_next_character(&name, end);

		*units += character >= 0x10000 ? 2 : 1;
		if (character < 0x80)
			faults |= judge_ascii(character, controls_are_legal);
		else if (character >= 0xD800 && character < 0xE000)
			faults |= 1 << OSD_FAULT_SURROGATE;
	}
	return faults;
}

/* Return what is wrong with the name of a file or directory, a bit for each fault; twins are found by osd_met_before(). */
unsigned
osd_judge_name(const char *name)
{
	size_t units;
	unsigned faults = judge_characters(name, 0, &units);
	char last = name[0] == '\0' ? '\0' : name[strlen(name) - 1];

	if (units > OSD_LONGEST_NAME)
		faults |= 1 << OSD_FAULT_LENGTH;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return faults | 1 << OSD_FAULT_DOTS;
	if (last == '.' || last == ' ')
		faults |= 1 << OSD_FAULT_END;
	if (is_device(name))
		faults |= 1 << OSD_FAULT_DEVICE;
	return faults;
}

/*
 * The same for a short name.  NTFS takes one of a file whose long name Windows can open only, but for a dot or a blank at
 * the end, and so does libntfs-3g.
 */
unsigned
osd_judge_short_name(const char *name, unsigned faults_of_long)
{
	size_t units;
	unsigned faults = judge_characters(name, 0, &units);
	unsigned wrong = faults & 1u << OSD_FAULT_CHARACTER;

	faults &= (1u << OSD_FIRST_TOLD) - 1;
	wrong |= faults_of_long & (1u << OSD_FAULT_CHARACTER | 1u << OSD_FAULT_DEVICE);
	if (units > OSD_LONGEST_SHORT_NAME)
		faults |= 1 << OSD_FAULT_LENGTH;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		faults |= 1 << OSD_FAULT_DOTS;
	if (wrong != 0 || is_device(name) || name[strlen(name) - 1] == '.')
		faults |= 1 << OSD_FAULT_SHORT;
	return faults;
}

/* The same for the name of a stream. */
unsigned
osd_judge_stream_name(const char *name)
{
	size_t units;
	unsigned faults = judge_characters(name, 1, &units);

	if (units > OSD_LONGEST_NAME)
		faults |= 1 << OSD_FAULT_LENGTH;
	return faults;
}

/* ---- twins */

static int
grow(struct osd_met *met)
{
	size_t capacity = met->capacity > 0 ? met->capacity * 2 : 1024;
	uint64_t(*slots)[2] = calloc(capacity, sizeof(*slots));

	if (slots == NULL)
		return -1;
	for (size_t i = 0; i < met->capacity; i++) {
		size_t at;

		if ((met->slots[i][0] | met->slots[i][1]) == 0)
			continue;
		for (at = met->slots[i][0] & (capacity - 1); (slots[at][0] | slots[at][1]) != 0;)
			at = (at + 1) & (capacity - 1);
		memcpy(slots[at], met->slots[i], sizeof(*slots));
	}
	free(met->slots);
	met->slots = slots;
	met->capacity = capacity;
	return 0;
}

/* A step like those of MurmurHash3's 64-bit finalizer. */
static inline uint64_t
mix(uint64_t hash, uint64_t value, uint64_t factor)
{
	hash = (hash ^ value) * factor;
	return hash ^ hash >> 32;
}

static inline void
mix_both(uint64_t hash[2], uint64_t value)
{
	hash[0] = mix(hash[0], value, 0xFF51AFD7ED558CCD);
	hash[1] = mix(hash[1], value, 0xC4CEB9FE1A85EC53);
}

/*
 * Return the hash of a folder by its path, as it is written.  It is another in each process: names that nobody can choose
 * so that all of them meet in one place of the table.
 */
struct osd_folder
osd_hash_folder(const char *path, size_t length)
{
	struct osd_folder folder = { { 0x243F6A8885A308D3, 0x13198A2E03707344 } };
	const void *seed = (const void *)(uintptr_t)getauxval(AT_RANDOM);

	if (seed != NULL)
		memcpy(folder.hash, seed, sizeof(folder.hash));
	for (size_t i = 0; i < length; i++)
		mix_both(folder.hash, (unsigned char)path[i]);
	mix_both(folder.hash, 0x100);
	return folder;
}

/*
 * Tell whether another name that is the same but for case was met in a folder, and if wanted remember this one.  Two
 * unlike names have the same 128 bits of hash by nobody's chance, and in an image that is made for it: that is told to
 * have twins that it does not have.  Returns -1 when there is no memory.
 */
int
osd_met_before(struct osd_met *met, const struct osd_folder *folder, const char *name, int remember)
{
	uint64_t hash[2] = { folder->hash[0], folder->hash[1] };
	const char *end = name + strlen(name);
	size_t slot;

	if (met->count == 0 && !remember)
		return 0;
	if (met->count * 2 >= met->capacity && grow(met) != 0)
		return -1;
	while (name < end)
		mix_both(hash, osd_upper(osd_next_character(&name, end)));
	for (slot = hash[0] & (met->capacity - 1); (met->slots[slot][0] | met->slots[slot][1]) != 0;) {
		if (memcmp(met->slots[slot], hash, sizeof(hash)) == 0)
			return 1;
		slot = (slot + 1) & (met->capacity - 1);
	}
	if (remember) {
		memcpy(met->slots[slot], hash, sizeof(hash));
		met->count++;
	}
	return 0;
}

/* Free what was remembered. */
void
osd_met_release(struct osd_met *met)
{
	free(met->slots);
	memset(met, 0, sizeof(*met));
}
