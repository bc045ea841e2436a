/*
 * A disk of which one window, a BitLocker volume, reads as what was encrypted there; it is read only.
 *
 * Outside of the window it is the source below.  Places are the same in both, so whoever reads the volume need not know.
 * A part of the volume is one of three kinds:
 *
 *   - encrypted: what is there, decrypted;
 *   - moved: the boot sector and what follows it, whose place the boot sector of BitLocker has: they are elsewhere in
 *     the volume, encrypted with the number of that place;
 *   - hidden: what BitLocker keeps for itself, which reads as zeros.
 *
 * A hole of the source below is no hole here: its zeros are decrypted like all else.
 */
#define _GNU_SOURCE
#include "slices/source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fve/libcrypto.h"
#include "fve/sector.h"

/* Keys that are kept for the next read; each thread that reads at the same time has one of its own. */
#define KEYS_KEPT 16
#define KEY_LARGEST 64

struct fve {
	struct osd_source source;
	struct osd_source *below;
	int64_t begin;			/* of the window */
	int64_t length;
	uint32_t sector_size;
	enum osd_fve_method method;
	uint8_t key[KEY_LARGEST];
	size_t key_size;
	struct osd_fve_part *parts;	/* in the order of their places; the rest is encrypted where it is */
	unsigned part_count;
	pthread_mutex_t lock;
	struct osd_fve_key *kept[KEYS_KEPT];
	unsigned kept_count;
};

static struct fve *
fve_of(struct osd_source *source)
{
	return (struct fve *)source;
}

static struct osd_fve_key *
take_key(struct fve *fve)
{
	struct osd_fve_key *key = NULL;

	pthread_mutex_lock(&fve->lock);
	if (fve->kept_count > 0)
		key = fve->kept[--fve->kept_count];
	pthread_mutex_unlock(&fve->lock);
	return key != NULL ? key : osd_fve_key_new(fve->method, fve->key, fve->key_size, fve->sector_size);
}

static void
give_key_back(struct fve *fve, struct osd_fve_key *key)
{
	pthread_mutex_lock(&fve->lock);
	if (fve->kept_count < KEYS_KEPT) {
		fve->kept[fve->kept_count++] = key;
		key = NULL;
	}
	pthread_mutex_unlock(&fve->lock);
	osd_fve_key_free(key);
}

/* Read and decrypt whole sectors of the volume. */
static int
read_sectors(struct fve *fve, struct osd_fve_key *key, uint8_t *buffer, int64_t count, int64_t first)
{
	if (fve->below->ops->read(fve->below, buffer, count * fve->sector_size, fve->begin + first * fve->sector_size) != 0)
		return -1;
	return osd_fve_decrypt(key, buffer, count, (uint64_t)first);
}

/* Read a range of the volume that is encrypted, wherever it begins and ends. */
static int
read_encrypted(struct fve *fve, struct osd_fve_key *key, uint8_t *buffer, int64_t size, int64_t at)
{
	uint8_t sector[OSD_FVE_SECTOR_LARGEST];
	int64_t sector_size = fve->sector_size;

	while (size > 0) {
		int64_t inside = at % sector_size, part;

		if (inside == 0 && size >= sector_size) {
			part = size / sector_size * sector_size;
			if (read_sectors(fve, key, buffer, part / sector_size, at / sector_size) != 0)
				return -1;
		} else {
			part = sector_size - inside < size ? sector_size - inside : size;
			if (read_sectors(fve, key, sector, 1, at / sector_size) != 0)
				return -1;
			memcpy(buffer, sector + inside, (size_t)part);
		}
		buffer += part;
		at += part;
		size -= part;
	}
	return 0;
}

/* The first part that ends behind a place, or NULL. */
static const struct osd_fve_part *
part_behind(const struct fve *fve, int64_t at)
{
	for (unsigned i = 0; i < fve->part_count; i++)
		if (at < fve->parts[i].end)
			return &fve->parts[i];
	return NULL;
}

static int
read_volume(struct fve *fve, struct osd_fve_key *key, uint8_t *buffer, int64_t size, int64_t at)
{
	while (size > 0) {
		const struct osd_fve_part *part = part_behind(fve, at);
		int is_inside = part != NULL && part->begin <= at;
		int64_t end = part == NULL ? at + size : is_inside ? part->end : part->begin;
		int64_t now = end - at < size ? end - at : size;

		if (is_inside && part->moved_to < 0)
			memset(buffer, 0, (size_t)now);
		else if (read_encrypted(fve, key, buffer, now, is_inside ? part->moved_to + (at - part->begin) : at) != 0)
			return -1;
		buffer += now;
		at += now;
		size -= now;
	}
	return 0;
}

/* ---- the operations */

static int
fve_read(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at)
{
	struct fve *fve = fve_of(source);
	int64_t end = at + size, first = fve->begin, last = fve->begin + fve->length;
	struct osd_fve_key *key;
	int result = 0;

	if (at < first && size > 0) {
		int64_t part = (end < first ? end : first) - at;

		if (fve->below->ops->read(fve->below, buffer, part, at) != 0)
			return -1;
		buffer += part;
		at += part;
	}
	if (at < end && at < last) {
		int64_t part = (end < last ? end : last) - at;

		key = take_key(fve);
		if (key == NULL)
			return -1;
		result = read_volume(fve, key, buffer, part, at - first);
		give_key_back(fve, key);
		buffer += part;
		at += part;
	}
	return result == 0 && at < end ? fve->below->ops->read(fve->below, buffer, end - at, at) : result;
}

static int64_t
fve_find(struct osd_source *source, enum osd_find what, int64_t at, int64_t end)
{
	const struct fve *fve = fve_of(source);
	int64_t first = fve->begin, last = fve->begin + fve->length, stop, found;

	if (at < first) {
		stop = end < first ? end : first;
		found = fve->below->ops->find(fve->below, what, at, stop);
		if (found < stop || stop == end)
			return found;
		at = stop;
	}
	if (at < last) {
		if (what == OSD_FIND_DATA)
			return at;
		at = last;
	}
	return at >= end ? end : fve->below->ops->find(fve->below, what, at, end);
}

static void
fve_close(struct osd_source *source)
{
	struct fve *fve = fve_of(source);

	for (unsigned i = 0; i < fve->kept_count; i++)
		osd_fve_key_free(fve->kept[i]);
	pthread_mutex_destroy(&fve->lock);
	osd_source_release(fve->below);
	free(fve->parts);
	osd_wipe(fve, sizeof(*fve));
	free(fve);
}

static const struct osd_source_ops fve_ops = {
	.read = fve_read,
	.writev = osd_source_no_writev,
	.find = fve_find,
	.zero = osd_source_no_zero,
	.sync = osd_source_no_sync,
	.close = fve_close,
};

/* Whether parts are in order, do not overlap, and lie in the volume as what they name does. */
static int
are_sound(const struct osd_fve_part *parts, unsigned count, int64_t length, uint32_t sector_size)
{
	int64_t before = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct osd_fve_part *part = &parts[i];
		int64_t size = part->end - part->begin;

		if (part->begin < before || size <= 0 || part->end > length)
			return 0;
		if (part->begin % sector_size != 0 || part->end % sector_size != 0)
			return 0;
		if (part->moved_to >= 0 && (part->moved_to % sector_size != 0 || part->moved_to > length - size))
			return 0;
		before = part->end;
	}
	return 1;
}

/*
 * Make a source that decrypts a window of another; the key may be wiped at once.  Returns NULL with errno: EINVAL when
 * something does not lie in the source or is no whole number of sectors, or the key is too short or too long; ENOSYS
 * without libcrypto; ENOMEM.
 */
struct osd_source *
osd_source_fve(struct osd_source *below, int64_t begin, int64_t length, uint32_t sector_size, int method,
	       const uint8_t *key, size_t key_size, const struct osd_fve_part *parts, unsigned part_count)
{
	struct osd_fve_key *first;
	struct fve *fve;

	if (!osd_source_holds(below, length, begin) || key_size > KEY_LARGEST || method < OSD_FVE_CBC ||
	    method > OSD_FVE_XTS) {
		errno = EINVAL;
		return NULL;
	}
	first = osd_fve_key_new((enum osd_fve_method)method, key, key_size, sector_size);
	if (first == NULL)
		return NULL;
	if (length % sector_size != 0 || !are_sound(parts, part_count, length, sector_size)) {
		osd_fve_key_free(first);
		errno = EINVAL;
		return NULL;
	}
	fve = calloc(1, sizeof(*fve));
	if (fve != NULL)
		fve->parts = calloc(part_count + 1, sizeof(*parts));
	if (fve == NULL || fve->parts == NULL) {
		free(fve);
		osd_fve_key_free(first);
		errno = ENOMEM;
		return NULL;
	}
	if (part_count > 0)
		memcpy(fve->parts, parts, part_count * sizeof(*parts));
	fve->part_count = part_count;
	fve->begin = begin;
	fve->length = length;
	fve->sector_size = sector_size;
	fve->method = (enum osd_fve_method)method;
	memcpy(fve->key, key, key_size);
	fve->key_size = key_size;
	fve->kept[fve->kept_count++] = first;
	pthread_mutex_init(&fve->lock, NULL);
	fve->below = osd_source_keep(below);
	osd_source_init(&fve->source, &fve_ops, below->size, 1);
	return &fve->source;
}
