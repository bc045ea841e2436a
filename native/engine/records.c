/*
 * The attributes of a file as records: one, or a base and its extensions.
 *
 * What goes beyond one record gets a list of its attributes.  $STANDARD_INFORMATION and the list stay in the base (chkdsk
 * wants that), and the root of an index; the others follow in their order, each in the first record that has room, and a
 * long list of runs in as many as it needs.
 *
 * Source: the Linux-NTFS project's documentation of NTFS, "Attribute List".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

enum {
	LIST_ENTRY_HEAD = 26,
	LIST_IN_RECORD = 384,		/* a longer list gets clusters */
	LIST_ROOM = 24 + LIST_IN_RECORD,
	/* A part of a list of runs that is shorter than this goes to the next record. */
	SMALLEST_PART = 40,
};

static size_t
total_length(const struct osd_file *file)
{
	size_t total = 0;

	for (size_t i = 0; i < file->count; i++)
		total += file->attributes[i].length;
	return total;
}

/* Cut an attribute so that a part of it fits into so much room, and insert the rest behind it; 0 when none fits. */
static int
cut(struct osd_file *file, size_t at, size_t room, int *error)
{
	struct osd_attribute *part = &file->attributes[at], rest = *part;
	size_t head = osd_attribute_head(part), size, fitting;

	if (part->runs == NULL || room < head + SMALLEST_PART)
		return 0;
	fitting = osd_extents_fitting(part->runs, part->run_count, (room & ~(size_t)7) - head, &size);
	if (fitting == 0 || fitting == part->run_count)
		return 0;
	*error = osd_file_grow(&file->attributes, &file->capacity, file->count + 1, sizeof(*file->attributes));
	if (*error != 0)
		return 0;
	part = &file->attributes[at];
	memmove(part + 2, part + 1, (file->count - at - 1) * sizeof(*part));
	file->count++;
	part->run_count = fitting;
	part->clusters = 0;
	for (size_t i = 0; i < fitting; i++)
		part->clusters += part->runs[i].length;
	rest.runs += fitting;
	rest.run_count -= fitting;
	rest.clusters -= part->clusters;
	rest.first_vcn += part->clusters;
	osd_attribute_measure(part);
	osd_attribute_measure(&rest);
	part[1] = rest;
	return 1;
}

/* Choose the record of each attribute; return how many extensions that needs. */
static int
place(struct osd_file *file, size_t room, uint32_t *extensions)
{
	size_t left = room - file->attributes[0].length - LIST_ROOM;
	uint16_t record = 0;
	int error = 0;

	for (size_t i = 0; i < file->count; i++)
		if (file->attributes[i].type == OSD_INDEX_ROOT)
			left -= file->attributes[i].length;
	for (size_t i = 1; i < file->count && error == 0; i++) {
		struct osd_attribute *each = &file->attributes[i];

		each->record = 0;
		if (each->type == OSD_INDEX_ROOT)
			continue;
		if (each->length > left && !cut(file, i, left, &error) && error == 0) {
			if (record == UINT16_MAX)
				return EOVERFLOW;
			record++;
			left = room;
			if (each->length > left && !cut(file, i, left, &error) && error == 0)
				return EMSGSIZE;
		}
		file->attributes[i].record = record;
		left -= file->attributes[i].length;
	}
	*extensions = record;
	return error;
}

/* Number the attributes in each record; the list is the second of the base. */
static int
number_instances(struct osd_file *file, uint32_t extensions)
{
	uint16_t *next = calloc(extensions + 1, sizeof(*next));

	if (next == NULL)
		return ENOMEM;
	for (size_t i = 0; i < file->count; i++) {
		struct osd_attribute *each = &file->attributes[i];

		each->instance = next[each->record]++;
		if (i == 0)
			next[0]++;
	}
	free(next);
	return 0;
}

static size_t
list_entry_size(const struct osd_attribute *attribute)
{
	return round_up(LIST_ENTRY_HEAD + 2 * (size_t)attribute->name_length, 8);
}

static int
make_list(struct osd_file *file, uint64_t base, uint16_t sequence, uint64_t first_extension, size_t *size)
{
	uint8_t *out;
	int error;

	*size = 0;
	for (size_t i = 0; i < file->count; i++)
		*size += list_entry_size(&file->attributes[i]);
	error = *size > OSD_LARGEST_LIST ? EMSGSIZE : osd_file_grow(&file->list, &file->list_room, *size, 1);
	if (error != 0)
		return error;
	memset(file->list, 0, *size);
	out = file->list;
	for (size_t i = 0; i < file->count; i++) {
		const struct osd_attribute *each = &file->attributes[i];
		size_t length = list_entry_size(each);

		put32(out, each->type);
		put16(out + 4, (uint16_t)length);
		out[6] = each->name_length;
		out[7] = LIST_ENTRY_HEAD;
		put64(out + 8, each->first_vcn);
		put64(out + 16, each->record == 0 ? osd_reference(base, sequence) :
						    osd_reference(first_extension + each->record - 1, 1));
		put16(out + 24, each->instance);
		put_units(out + LIST_ENTRY_HEAD, each->name, each->name_length);
		out += length;
	}
	return 0;
}

/* Store a list that is too long for the record. */
static int
store_list(struct osd_bulk *bulk, const struct osd_file *file, size_t size, struct osd_extents *runs)
{
	uint64_t clusters = round_up(size, bulk->fresh.cluster_size) / bulk->fresh.cluster_size;
	uint64_t rest = clusters * bulk->fresh.cluster_size - size;
	uint8_t *zeros = calloc(1, rest + 1);
	int error = zeros == NULL ? ENOMEM : osd_space_take(&bulk->space, clusters, runs);

	if (error == 0)
		error = osd_extents_write(&bulk->fresh, runs, file->list, size, 0);
	if (error == 0)
		error = osd_extents_write(&bulk->fresh, runs, zeros, rest, size);
	free(zeros);
	return error;
}

static uint16_t
count_names(const struct osd_file *file)
{
	uint16_t count = 0;

	for (size_t i = 0; i < file->count; i++)
		if (file->attributes[i].type == OSD_FILE_NAME)
			count++;
	return count;
}

static void
encode_extensions(const struct osd_bulk *bulk, struct osd_file *file, const struct osd_record *base, uint32_t count)
{
	uint32_t size = bulk->fresh.record_size;

	for (uint32_t i = 0; i < count; i++) {
		struct osd_record record = {
			.size = size,
			.number = bulk->next_record + i,
			.sequence = 1,
			.flags = OSD_RECORD_IN_USE,
			.base = osd_reference(base->number, base->sequence),
		};

		osd_record_begin(file->extensions + (size_t)i * size, &record);
	}
	for (size_t i = 0; i < file->count; i++)
		if (file->attributes[i].record > 0)
			osd_record_add(file->extensions + (size_t)(file->attributes[i].record - 1) * size,
				       &file->attributes[i]);
	for (uint32_t i = 0; i < count; i++)
		osd_record_end(file->extensions + (size_t)i * size);
}

static int
encode_with_list(struct osd_bulk *bulk, struct osd_file *file, const struct osd_record *record, uint8_t *base,
		 uint32_t *extensions)
{
	struct osd_attribute list = { .type = OSD_ATTRIBUTE_LIST };
	struct osd_extents runs = { 0 };
	size_t size;
	int error = place(file, osd_record_room(record->size), extensions);

	if (error == 0)
		error = number_instances(file, *extensions);
	if (error == 0)
		error = osd_file_grow(&file->extensions, &file->extension_room, (size_t)*extensions * record->size, 1);
	if (error == 0)
		error = make_list(file, record->number, record->sequence, bulk->next_record, &size);
	if (error == 0 && size > LIST_IN_RECORD)
		error = store_list(bulk, file, size, &runs);
	if (error == 0) {
		list.value = file->list;
		list.size = (uint32_t)size;
		if (runs.count > 0)
			osd_attribute_set_runs(&list, &runs, size, bulk->fresh.cluster_size);
		osd_attribute_measure(&list);
		if (list.length > LIST_ROOM)
			error = EMSGSIZE;
	}
	if (error == 0) {
		osd_record_begin(base, record);
		for (size_t i = 0; i < file->count; i++) {
			if (file->attributes[i].record == 0)
				osd_record_add(base, &file->attributes[i]);
			if (i == 0)
				osd_record_add(base, &list);
		}
		osd_record_end(base);
		encode_extensions(bulk, file, record, *extensions);
	}
	osd_extents_release(&runs);
	return error;
}

/*
 * Encode the records of a file: its base into base, and its extensions, which get the next numbers, into memory that is
 * good until the next call.  The blocks of a directory are written meanwhile.  0 or an errno.
 */
int
osd_file_encode(struct osd_bulk *bulk, struct osd_file *file, uint32_t number, uint8_t *base, uint8_t **extensions,
		uint32_t *count)
{
	struct osd_record record = {
		.size = bulk->fresh.record_size,
		.number = osd_record_of(number),
		.sequence = number == 0 ? OSD_ROOT_SEQUENCE : 1,
		.flags = OSD_RECORD_IN_USE,
	};
	int error = osd_file_collect(bulk, file, number);

	*count = 0;
	if (error != 0)
		return error;
	record.links = count_names(file);
	if (osd_is_folder(&bulk->tree->inodes[number]))
		record.flags |= OSD_RECORD_IS_DIRECTORY;
	if (total_length(file) <= osd_record_room(record.size)) {
		osd_record_begin(base, &record);
		for (size_t i = 0; i < file->count; i++)
			osd_record_add(base, &file->attributes[i]);
		osd_record_end(base);
		return 0;
	}
	error = encode_with_list(bulk, file, &record, base, count);
	*extensions = file->extensions;
	if (error == 0 && bulk->next_record + *count > bulk->record_limit)
		return EOVERFLOW;
	bulk->next_record += *count;
	return error;
}
