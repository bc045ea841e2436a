/*
 * Writing the indexes of the files of the system (views.c): their blocks to the volume, their attributes into the records
 * of these files in memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

enum {
	MOST_ATTRIBUTES = 32,
};

struct writing {
	struct osd_view view;		/* first: the entries are asked of it */
	struct osd_bulk *bulk;
};

static int
write_block(void *context, uint32_t number, const uint8_t *block)
{
	const struct writing *writing = context;
	const struct osd_fresh *fresh = &writing->bulk->fresh;

	return osd_extents_write(fresh, &writing->view.runs, block, fresh->block_size,
			      (uint64_t)number * fresh->block_size);
}

struct record_parts {
	struct osd_attribute attributes[MOST_ATTRIBUTES];
	size_t count;
	uint8_t *values[OSD_VIEWS * 2];
	size_t value_count;
	uint16_t *names;		/* of the indexes, as UTF-16 */
	size_t name_count;
};

static const uint16_t *
widen(struct record_parts *parts, const char *name)
{
	uint16_t *units = parts->names + parts->name_count;

	for (; *name != '\0'; name++)
		parts->names[parts->name_count++] = (uint8_t)*name;
	return units;
}

static struct osd_attribute *
add_attribute(struct record_parts *parts, uint32_t type, const char *name)
{
	struct osd_attribute *attribute = &parts->attributes[parts->count++];

	*attribute = (struct osd_attribute){ .type = type, .name_length = (uint8_t)strlen(name) };
	attribute->name = widen(parts, name);
	return attribute;
}

static uint8_t *
add_memory(struct record_parts *parts, size_t size)
{
	uint8_t *memory = calloc(1, size + 1);

	if (memory != NULL)
		parts->values[parts->value_count++] = memory;
	return memory;
}

static int
write_zeros(const struct osd_fresh *fresh, const struct osd_extents *runs, uint64_t used)
{
	uint64_t rest = runs->clusters * fresh->cluster_size - used;
	uint8_t *zeros = calloc(1, rest + 1);
	int error = zeros == NULL ? ENOMEM : osd_extents_write(fresh, runs, zeros, rest, used);

	free(zeros);
	return error;
}

/* Write the blocks of an index and add its attributes. */
static int
add_view(struct osd_bulk *bulk, struct record_parts *parts, const struct osd_view *view)
{
	struct writing writing = { .view = *view, .bulk = bulk };
	struct osd_index_input input = osd_view_input(bulk, &writing, view);
	struct osd_index index;
	size_t bits_size = round_up(view->index.blocks, 64) / 8;
	uint8_t *root = add_memory(parts, view->index.root_size), *bits = add_memory(parts, bits_size);
	struct osd_attribute *attribute;
	int error = root == NULL || bits == NULL ? ENOMEM : 0;

	input.block = write_block;
	if (error == 0)
		error = osd_index_build(&input, &index, root, view->index.root_size);
	if (error == 0 && view->runs.count > 0)
		error = write_zeros(&bulk->fresh, &view->runs, (uint64_t)index.blocks * bulk->fresh.block_size);
	if (error != 0)
		return error;
	attribute = add_attribute(parts, OSD_INDEX_ROOT, view->name);
	attribute->value = root;
	attribute->size = (uint32_t)index.root_size;
	if (index.blocks == 0)
		return 0;
	osd_attribute_set_runs(add_attribute(parts, OSD_INDEX_ALLOCATION, view->name), &view->runs,
		 (uint64_t)index.blocks * bulk->fresh.block_size, bulk->fresh.cluster_size);
	for (uint32_t i = 0; i < index.blocks; i++)
		bits[i / 8] |= (uint8_t)(1 << i % 8);
	attribute = add_attribute(parts, OSD_BITMAP, view->name);
	attribute->value = bits;
	attribute->size = (uint32_t)bits_size;
	if (view->bitmap.count > 0) {
		osd_attribute_set_runs(attribute, &view->bitmap, bits_size, bulk->fresh.cluster_size);
		error = osd_extents_write(&bulk->fresh, &view->bitmap, bits, bits_size, 0);
		if (error == 0)
			error = write_zeros(&bulk->fresh, &view->bitmap, bits_size);
	}
	return error;
}

static int
compare_attributes(const void *left, const void *right)
{
	const struct osd_attribute *a = left, *b = right;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	/* $SDH comes before $SII: two names of one file have one length. */
	for (uint8_t i = 0; i < a->name_length && i < b->name_length; i++)
		if (a->name[i] != b->name[i])
			return a->name[i] < b->name[i] ? -1 : 1;
	return 0;
}

/* Make the record of a file of the system anew: what it had before its indexes, and these. */
static int
make_record(struct osd_bulk *bulk, uint32_t file, struct record_parts *parts)
{
	uint8_t *old = osd_fresh_record(&bulk->fresh, file);
	struct osd_record head = {
		.size = bulk->fresh.record_size,
		.number = file,
		.sequence = get16(old + 16),
		.links = get16(old + 18),
		.flags = get16(old + 22),
	};
	size_t total = 0;
	uint8_t *record = malloc(head.size);
	int error = record == NULL ? ENOMEM : 0;

	for (const uint8_t *each = osd_record_next(old, NULL); error == 0 && each != NULL; each = osd_record_next(old, each)) {
		if (get32(each) >= OSD_DATA) {
			error = osd_bulk_release(bulk, each);
			continue;
		}
		if (parts->count == MOST_ATTRIBUTES)
			error = EMSGSIZE;
		else
			parts->attributes[parts->count++] = (struct osd_attribute){ .type = get32(each), .raw = each };
	}
	for (size_t i = 0; error == 0 && i < parts->count; i++) {
		osd_attribute_measure(&parts->attributes[i]);
		total += parts->attributes[i].length;
	}
	if (error == 0 && total > osd_record_room(head.size))
		error = EMSGSIZE;
	if (error == 0) {
		qsort(parts->attributes, parts->count, sizeof(*parts->attributes), compare_attributes);
		osd_record_begin(record, &head);
		for (size_t i = 0; i < parts->count; i++)
			osd_record_add(record, &parts->attributes[i]);
		osd_record_end(record);
		error = osd_fixups_undo(record, head.size, "FILE");
	}
	if (error == 0) {
		osd_fixups_follow(record, old);
		memcpy(old, record, head.size);
	}
	free(record);
	return error;
}

/* Write the contents of $SDS, to the end of its clusters. */
static int
write_descriptors(struct osd_bulk *bulk)
{
	int error = osd_extents_write(&bulk->fresh, &bulk->secure_runs, bulk->secure, bulk->secure_size, 0);

	return error != 0 ? error : write_zeros(&bulk->fresh, &bulk->secure_runs, bulk->secure_size);
}

/*
 * Write the blocks of all indexes, to where nothing leads, and change the records of their files in memory.  0 or an
 * errno.
 */
int
osd_views_write(struct osd_bulk *bulk)
{
	int error = write_descriptors(bulk);

	for (int first = 0; error == 0 && first < OSD_VIEWS; first++) {
		struct record_parts parts = { .names = calloc(MOST_ATTRIBUTES, 4 * sizeof(uint16_t)) };
		uint32_t file = bulk->views[first].file;

		if (parts.names == NULL)
			return ENOMEM;
		/* $Secure has two, one behind the other. */
		if (bulk->views[first].is_written) {
			if (file == OSD_FILE_SECURE)
				osd_attribute_set_runs(add_attribute(&parts, OSD_DATA, "$SDS"), &bulk->secure_runs, bulk->secure_size,
					 bulk->fresh.cluster_size);
			error = add_view(bulk, &parts, &bulk->views[first]);
			if (error == 0 && file == OSD_FILE_SECURE)
				error = add_view(bulk, &parts, &bulk->views[++first]);
			if (error == 0)
				error = make_record(bulk, file, &parts);
		}
		for (size_t i = 0; i < parts.value_count; i++)
			free(parts.values[i]);
		free(parts.names);
	}
	return error;
}
