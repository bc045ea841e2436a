/*
 * LZNT1, the compression of NTFS ([MS-XCA] 2.5).
 *
 * Chunks of 4096 bytes, each by itself: two bytes of head (the length of what follows less one, a 3 and whether it is
 * compressed), then flag bytes, each followed by eight literals or references.  A reference is two bytes: the further the
 * chunk has come, the more bits of them are the distance.  A chunk that does not become shorter is stored as it is.
 */
#include "engine/lznt1.h"

#include <string.h>

#include "engine/bytes.h"

#define CHUNK 4096
#define CHUNK_HEAD 2
#define IS_COMPRESSED 0xB000
#define IS_STORED 0x3000
#define SHORTEST 3
/* So many places with the same begin are tried for a longer match. */
#define TRIED 32
#define HASH_BITS 12

struct chains {
	uint16_t last[1 << HASH_BITS];	/* the last place with a begin, plus one */
	uint16_t before[CHUNK];		/* the place before with the same, plus one */
};

static unsigned
hash_of(const uint8_t *at)
{
	uint32_t begin = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;

	return (begin * 0x9E3779B1u) >> (32 - HASH_BITS);
}

static void
remember(struct chains *chains, const uint8_t *data, size_t size, size_t at)
{
	unsigned hash;

	if (at + SHORTEST > size)
		return;
	hash = hash_of(data + at);
	chains->before[at] = chains->last[hash];
	chains->last[hash] = (uint16_t)(at + 1);
}

/* Find the longest match before a place, of at most so many bytes; return its length, and its distance. */
static size_t
find_match(const struct chains *chains, const uint8_t *data, size_t at, size_t most, size_t *distance)
{
	size_t best = SHORTEST - 1;
	unsigned candidate;

	if (most < SHORTEST)
		return 0;
	candidate = chains->last[hash_of(data + at)];
	for (unsigned tried = 0; candidate != 0 && tried < TRIED; tried++) {
		const uint8_t *before = data + candidate - 1;
		size_t length = 0;

		if (before[best] == data[at + best]) {
			while (length < most && before[length] == data[at + length])
				length++;
			if (length > best) {
				best = length;
				*distance = at - (candidate - 1);
				if (length == most)
					break;
			}
		}
		candidate = chains->before[candidate - 1];
	}
	return best >= SHORTEST ? best : 0;
}

/* Compress a chunk into less than its size; return the size, or 0 when it does not become shorter. */
static size_t
compress_chunk(struct chains *chains, const uint8_t *data, size_t size, uint8_t *out)
{
	size_t used = 0, at = 0, flags_at = 0;
	unsigned bit = 8, length_bits = 12, limit = 16;

	memset(chains->last, 0, sizeof(chains->last));
	while (at < size) {
		size_t most = size - at, distance = 0, length;

		if (bit == 8) {
			flags_at = used++;
			if (used >= size)
				return 0;
			out[flags_at] = 0;
			bit = 0;
		}
		while (at > limit) {
			limit <<= 1;
			length_bits--;
		}
		if (most > (1u << length_bits) - 1 + SHORTEST)
			most = (1u << length_bits) - 1 + SHORTEST;
		length = find_match(chains, data, at, most, &distance);
		if (used + (length > 0 ? 2 : 1) >= size)
			return 0;
		if (length > 0) {
			put16(out + used, (uint16_t)((distance - 1) << length_bits | (length - SHORTEST)));
			used += 2;
			out[flags_at] |= (uint8_t)(1 << bit);
		} else {
			out[used++] = data[at];
			length = 1;
		}
		bit++;
		for (; length > 0; length--)
			remember(chains, data, size, at++);
	}
	return used;
}

/*
 * Compress data into so much room; return the size, or 0 when it does not fit.  What is behind must be read as zeros, or
 * begin with two of them.
 */
size_t
osd_lznt1_compress(const uint8_t *data, size_t size, uint8_t *out, size_t room)
{
	struct chains chains;
	uint8_t chunk[CHUNK], last[CHUNK];
	size_t used = 0;

	for (size_t at = 0; at < size; at += CHUNK) {
		const uint8_t *part = data + at, *from;
		size_t length;

		if (size - at < CHUNK) {
			/* libntfs-3g takes no chunk that is shorter when it is stored as it is. */
			memset(last, 0, sizeof(last));
			part = memcpy(last, part, size - at);
		}
		length = compress_chunk(&chains, part, CHUNK, chunk);
		from = length > 0 ? chunk : part;
		if (length == 0)
			length = CHUNK;
		if (length + CHUNK_HEAD > room - used)
			return 0;
		put16(out + used, (uint16_t)((from == chunk ? IS_COMPRESSED : IS_STORED) | (length - 1)));
		memcpy(out + used + CHUNK_HEAD, from, length);
		used += CHUNK_HEAD + length;
	}
	return used;
}
