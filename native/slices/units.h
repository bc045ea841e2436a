/* Which units of 512 bytes of a block of a cache: sets of bits, and their runs. */
#ifndef OSDIMAGE_SLICE_UNITS_H
#define OSDIMAGE_SLICE_UNITS_H

#include <stdint.h>

#define OSD_CACHE_BLOCK 65536
#define UNIT_SIZE 512
#define UNITS (OSD_CACHE_BLOCK / UNIT_SIZE)
#define WORDS (UNITS / 64)

static inline uint64_t
word_of_range(int word, int first, int end)
{
	int low = first - word * 64, high = end - word * 64;

	if (low < 0)
		low = 0;
	if (high > 64)
		high = 64;
	if (low >= high)
		return 0;
	return (high == 64 ? ~UINT64_C(0) : (UINT64_C(1) << high) - 1) & ~((UINT64_C(1) << low) - 1);
}

static inline int
has_all(const uint64_t *set, int first, int end)
{
	for (int word = first / 64; word <= (end - 1) / 64; word++) {
		uint64_t wanted = word_of_range(word, first, end);

		if ((set[word] & wanted) != wanted)
			return 0;
	}
	return 1;
}

static inline void
add_units(uint64_t *set, int first, int end)
{
	for (int word = first / 64; word <= (end - 1) / 64; word++)
		set[word] |= word_of_range(word, first, end);
}

/* The first unit from here on that is in the set (or, with negate, that is not), or UNITS. */
static inline int
next_unit(const uint64_t *set, int from, int negate)
{
	for (int word = from / 64; word < WORDS; word++) {
		uint64_t bits = (negate ? ~set[word] : set[word]) & word_of_range(word, from, UNITS);

		if (bits != 0)
			return word * 64 + __builtin_ctzll(bits);
	}
	return UNITS;
}

/* The first run of units from here on that are in the set (or that are not): 1 and its bounds, or 0. */
static inline int
next_run(const uint64_t *set, int from, int negate, int *first, int *end)
{
	*first = next_unit(set, from, negate);
	if (*first == UNITS)
		return 0;
	*end = next_unit(set, *first, !negate);
	return 1;
}

#endif
