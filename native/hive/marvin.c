/*
 * Marvin32: two numbers of 32 bits, into which the data are mixed four bytes at a time.
 *
 * Source: Microsoft, .NET, src/vm/marvin32.cpp (SymCryptMarvin32): what is left of the data, a byte 80h and zeros are
 * the last word, and a word of zeros follows.
 */
#include "hive/marvin.h"

struct state {
	uint32_t low;
	uint32_t high;
};

static uint32_t
rotated(uint32_t value, unsigned count)
{
	return value << count | value >> (32 - count);
}

static void
mix(struct state *state, uint32_t word)
{
	state->low += word;
	state->high ^= state->low;
	state->low = rotated(state->low, 20) + state->high;
	state->high = rotated(state->high, 9) ^ state->low;
	state->low = rotated(state->low, 27) + state->high;
	state->high = rotated(state->high, 19);
}

/* Return the hash of bytes; the low half of the seed is the number that comes first. */
uint64_t
osd_marvin32(uint64_t seed, const uint8_t *data, size_t size)
{
	struct state state = { (uint32_t)seed, (uint32_t)(seed >> 32) };
	uint32_t last = 0;

	for (; size >= 4; data += 4, size -= 4)
		mix(&state, (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24);
	for (size_t i = 0; i < size; i++)
		last |= (uint32_t)data[i] << 8 * i;
	mix(&state, last | (uint32_t)0x80 << 8 * size);
	mix(&state, 0);
	return (uint64_t)state.high << 32 | state.low;
}
