/*
 * Attributes and records of an MFT as bytes: encoding those of new files, and reading those that a volume was made with.
 *
 * Source: the Linux-NTFS project's documentation of NTFS ("FILE Record", "Attributes"), and <ntfs-3g/layout.h>.
 */
#include "engine/record.h"

#include <errno.h>
#include <string.h>

#include "engine/bytes.h"

/* FILE_RECORD_SEGMENT_HEADER */
enum {
	FIXUPS_AT = 0x04,
	FIXUP_COUNT_AT = 0x06,
	SEQUENCE_AT = 0x10,
	LINKS_AT = 0x12,
	ATTRIBUTES_AT = 0x14,
	FLAGS_AT = 0x16,
	USED_AT = 0x18,
	ALLOCATED_AT = 0x1C,
	BASE_AT = 0x20,
	NEXT_INSTANCE_AT = 0x28,
	NUMBER_AT = 0x2C,
	RECORD_HEAD = 0x30,
};
/* The head of an attribute, resident or not. */
enum {
	RESIDENT_HEAD = 24,
	RUNS_HEAD = 64,
	COMPRESSED_HEAD = 72,
	END_BYTES = 8,
};

/* ---- writing */

/* Where the attributes of a record of so many bytes begin. */
size_t
osd_record_head(uint32_t size)
{
	return round_up(RECORD_HEAD + 2 * (size / OSD_FIXUP_BLOCK + 1), 8);
}

/* How many bytes of attributes a record takes. */
size_t
osd_record_room(uint32_t size)
{
	return size - osd_record_head(size) - END_BYTES;
}

/* What comes before the name of an attribute. */
static size_t
head_of(const struct osd_attribute *attribute)
{
	if (attribute->runs == NULL)
		return RESIDENT_HEAD;
	/* As Windows has it: later parts do without what they do not tell. */
	return attribute->flags != 0 && attribute->first_vcn == 0 ? COMPRESSED_HEAD : RUNS_HEAD;
}

/* Where the value or the list of runs of an attribute begins. */
size_t
osd_attribute_head(const struct osd_attribute *attribute)
{
	return round_up(head_of(attribute) + 2 * (size_t)attribute->name_length, 8);
}

/* Set the length of an attribute. */
void
osd_attribute_measure(struct osd_attribute *attribute)
{
	size_t size = attribute->size;

	if (attribute->raw != NULL) {
		attribute->length = get32(attribute->raw + 4);
		return;
	}
	if (attribute->runs != NULL)
		osd_extents_fitting(attribute->runs, attribute->run_count, SIZE_MAX, &size);
	attribute->length = (uint32_t)round_up(osd_attribute_head(attribute) + size, 8);
}

static void
put_resident(uint8_t *out, const struct osd_attribute *attribute)
{
	size_t at = osd_attribute_head(attribute);

	put32(out + 16, attribute->size);
	put16(out + 20, (uint16_t)at);
	out[22] = attribute->is_indexed;
	if (attribute->value != NULL)
		memcpy(out + at, attribute->value, attribute->size);
}

static void
put_runs(uint8_t *out, const struct osd_attribute *attribute)
{
	size_t at = osd_attribute_head(attribute);

	out[8] = 1;
	put64(out + 16, attribute->first_vcn);
	put64(out + 24, attribute->first_vcn + attribute->clusters - 1);
	put16(out + 32, (uint16_t)at);
	if (attribute->first_vcn == 0) {
		out[34] = attribute->unit_shift;
		put64(out + 40, attribute->allocated);
		put64(out + 48, attribute->data);
		put64(out + 56, attribute->data);
		if (attribute->flags != 0)
			put64(out + 64, attribute->stored);
	}
	osd_extents_encode(attribute->runs, attribute->run_count, out + at);
}

/* Begin a record: its head, without attributes. */
void
osd_record_begin(uint8_t *out, const struct osd_record *record)
{
	size_t head = osd_record_head(record->size);

	memset(out, 0, record->size);
	memcpy(out, "FILE", 4);
	put16(out + FIXUPS_AT, RECORD_HEAD);
	put16(out + FIXUP_COUNT_AT, (uint16_t)(record->size / OSD_FIXUP_BLOCK + 1));
	put16(out + SEQUENCE_AT, record->sequence);
	put16(out + LINKS_AT, record->links);
	put16(out + ATTRIBUTES_AT, (uint16_t)head);
	put16(out + FLAGS_AT, record->flags);
	put32(out + USED_AT, (uint32_t)head);
	put32(out + ALLOCATED_AT, record->size);
	put64(out + BASE_AT, record->base);
	put16(out + NEXT_INSTANCE_AT, record->first_instance);
	put32(out + NUMBER_AT, (uint32_t)record->number);
}

/* Add an attribute that was measured, for which the caller has seen that there is room; it is told its instance. */
void
osd_record_add(uint8_t *record, struct osd_attribute *attribute)
{
	uint32_t used = get32(record + USED_AT);
	uint16_t instance = get16(record + NEXT_INSTANCE_AT);
	uint8_t *out = record + used;

	attribute->instance = instance;
	if (attribute->raw != NULL) {
		memcpy(out, attribute->raw, attribute->length);
	} else {
		put32(out, attribute->type);
		put32(out + 4, attribute->length);
		out[9] = attribute->name_length;
		put16(out + 10, (uint16_t)head_of(attribute));
		put16(out + 12, attribute->flags);
		put_units(out + head_of(attribute), attribute->name, attribute->name_length);
		if (attribute->runs != NULL)
			put_runs(out, attribute);
		else
			put_resident(out, attribute);
	}
	put16(out + 14, instance);
	put32(record + USED_AT, used + attribute->length);
	put16(record + NEXT_INSTANCE_AT, instance + 1);
}

/* End a record: the mark behind its attributes, and the fixups. */
void
osd_record_end(uint8_t *record)
{
	uint32_t used = get32(record + USED_AT);

	put32(record + used, OSD_NO_ATTRIBUTE);
	put32(record + USED_AT, used + END_BYTES);
	osd_fixups_apply(record);
}

/* Count an update, put its number into the last bytes of each block of 512, and aside what was there. */
void
osd_fixups_apply(uint8_t *block)
{
	uint8_t *fixups = block + get16(block + FIXUPS_AT);
	uint16_t count = get16(block + FIXUP_COUNT_AT), number = (uint16_t)(get16(fixups) + 1);

	/* 0 and 0xFFFF are not used. */
	if (number == 0 || number == 0xFFFF)
		number = 1;
	put16(fixups, number);
	for (unsigned i = 1; i < count; i++) {
		uint8_t *end = block + i * OSD_FIXUP_BLOCK - 2;

		memcpy(fixups + 2 * i, end, 2);
		put16(end, number);
	}
}

/* Give a record, without fixups, the number of updates of the one that it takes the place of. */
void
osd_fixups_follow(uint8_t *record, const uint8_t *old)
{
	put16(record + get16(record + FIXUPS_AT), get16(old + get16(old + FIXUPS_AT)));
}

/* ---- reading what the volume was made with */

/* Undo the fixups of a record or block that begins with a magic of four characters.  0, or EBADMSG. */
int
osd_fixups_undo(uint8_t *block, uint32_t size, const char *magic)
{
	uint32_t at = get16(block + FIXUPS_AT), count = get16(block + FIXUP_COUNT_AT);

	if (memcmp(block, magic, 4) != 0 || count != size / OSD_FIXUP_BLOCK + 1 || at < 8 || at % 2 != 0 ||
	    at + 2 * count > OSD_FIXUP_BLOCK - 2)
		return EBADMSG;
	for (uint32_t i = 1; i < count; i++) {
		uint8_t *end = block + i * OSD_FIXUP_BLOCK - 2;

		if (memcmp(end, block + at, 2) != 0)
			return EBADMSG;
		memcpy(end, block + at + 2 * i, 2);
	}
	return 0;
}

/* Whether an attribute, of which length bytes are there, holds what its head tells of. */
static int
is_sound(const uint8_t *attribute, uint32_t length)
{
	uint32_t name_at = get16(attribute + 10), name_size = 2u * attribute[9];

	if (name_size > 0 && (name_at > length || name_size > length - name_at))
		return 0;
	if (attribute[8] == 0) {
		uint32_t size = get32(attribute + 16), at = get16(attribute + 20);

		return at <= length && size <= length - at;
	}
	return attribute[8] == 1 && length >= RUNS_HEAD && get16(attribute + 32) <= length;
}

int
osd_record_is_in_use(const uint8_t *record)
{
	return (get16(record + FLAGS_AT) & OSD_RECORD_IN_USE) != 0;
}

/* Check that the attributes of a record, without fixups, lie in it.  0, or EBADMSG. */
int
osd_record_check(const uint8_t *record, uint32_t size)
{
	uint32_t at = get16(record + ATTRIBUTES_AT);

	if (at < RECORD_HEAD || at % 8 != 0)
		return EBADMSG;
	while (at <= size - END_BYTES && get32(record + at) != OSD_NO_ATTRIBUTE) {
		uint32_t length;

		if (at > size - RESIDENT_HEAD)
			return EBADMSG;
		length = get32(record + at + 4);
		if (length < RESIDENT_HEAD || length % 8 != 0 || length > size - at || !is_sound(record + at, length))
			return EBADMSG;
		at += length;
	}
	return at <= size - END_BYTES ? 0 : EBADMSG;
}

/* Return the attribute behind one of a record that was checked, the first for NULL, or NULL at the end. */
const uint8_t *
osd_record_next(const uint8_t *record, const uint8_t *attribute)
{
	attribute = attribute == NULL ? record + get16(record + ATTRIBUTES_AT) : attribute + get32(attribute + 4);
	return get32(attribute) == OSD_NO_ATTRIBUTE ? NULL : attribute;
}

static int
has_name(const uint8_t *attribute, const char *name)
{
	size_t length = strlen(name);

	if (attribute[9] != length)
		return 0;
	for (size_t i = 0; i < length; i++)
		if (get16(attribute + get16(attribute + 10) + 2 * i) != (uint8_t)name[i])
			return 0;
	return 1;
}

/* Find an attribute by its type and its name, "" for none. */
const uint8_t *
osd_record_find(const uint8_t *record, uint32_t type, const char *name)
{
	for (const uint8_t *each = osd_record_next(record, NULL); each != NULL; each = osd_record_next(record, each))
		if (get32(each) == type && has_name(each, name))
			return each;
	return NULL;
}

/* Tell where the value of a resident attribute is.  0, or EBADMSG where it is none. */
int
osd_attribute_value(const uint8_t *attribute, const uint8_t **value, uint32_t *size)
{
	if (attribute == NULL || attribute[8] != 0)
		return EBADMSG;
	*value = attribute + get16(attribute + 20);
	*size = get32(attribute + 16);
	return 0;
}

/* Read the runs of an attribute that is not resident and all in one record.  0, EBADMSG or ENOMEM. */
int
osd_attribute_runs(const uint8_t *attribute, uint64_t clusters, struct osd_extents *runs)
{
	uint32_t at;
	int error;

	if (attribute == NULL || attribute[8] == 0 || get64(attribute + 16) != 0)
		return EBADMSG;
	at = get16(attribute + 32);
	error = osd_extents_decode(runs, attribute + at, get32(attribute + 4) - at, clusters);
	if (error == 0 && runs->clusters != get64(attribute + 24) + 1)
		error = EBADMSG;
	return error;
}
