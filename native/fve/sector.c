/*
 * Sectors of a BitLocker volume: how they are decrypted.
 *
 * XTS has the number of the sector in the volume as its tweak.  CBC begins with the encrypted number of its first byte.
 * The diffuser of Windows 7 and Vista has a second key, and mixes each sector before CBC encrypts it, so that one changed
 * bit changes all of it.
 *
 * Sources: Niels Ferguson, "AES-CBC + Elephant diffuser: A Disk Encryption Algorithm for Windows Vista" (Microsoft, 2006),
 * sections 4.2 to 4.4; libyal, "BitLocker Drive Encryption (BDE) format", "Encryption methods".
 */
#include "fve/sector.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "fve/libcrypto.h"

#define DIFFUSER_ROUNDS_A 5
#define DIFFUSER_ROUNDS_B 3
#define SECTOR_KEY (2 * OSD_AES_BLOCK)

struct osd_fve_key {
	enum osd_fve_method method;
	uint32_t sector_size;
	struct osd_cipher *sectors;
	struct osd_cipher *first;	/* for the initial value of CBC */
	struct osd_cipher *tweak;	/* for the key of a sector of the diffuser */
};

static int
is_sector_size(uint32_t size)
{
	return size >= 512 && size <= OSD_FVE_SECTOR_LARGEST && (size & (size - 1)) == 0;
}

/*
 * Make what decrypts sectors.  The key is 16 or 32 bytes for CBC, and twice that for XTS and with the diffuser, whose key
 * is the second half.  Returns NULL with errno: EINVAL for another size, of the key or of the sectors, ENOSYS, ENOMEM.
 */
struct osd_fve_key *
osd_fve_key_new(enum osd_fve_method method, const uint8_t *key, size_t size, uint32_t sector_size)
{
	struct osd_fve_key *made;
	int is_whole;

	if (!is_sector_size(sector_size)) {
		errno = EINVAL;
		return NULL;
	}
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return NULL;
	made->method = method;
	made->sector_size = sector_size;
	if (method == OSD_FVE_XTS) {
		made->sectors = osd_cipher_new(OSD_AES_XTS, 0, key, size);
		is_whole = made->sectors != NULL;
	} else {
		size_t part = method == OSD_FVE_CBC_DIFFUSER ? size / 2 : size;

		made->sectors = osd_cipher_new(OSD_AES_CBC, 0, key, part);
		made->first = made->sectors == NULL ? NULL : osd_cipher_new(OSD_AES_ECB, 1, key, part);
		is_whole = made->first != NULL;
		if (is_whole && method == OSD_FVE_CBC_DIFFUSER) {
			made->tweak = osd_cipher_new(OSD_AES_ECB, 1, key + part, part);
			is_whole = made->tweak != NULL;
		}
	}
	if (!is_whole) {
		int number = errno;

		osd_fve_key_free(made);
		errno = number;
		return NULL;
	}
	return made;
}

void
osd_fve_key_free(struct osd_fve_key *key)
{
	if (key == NULL)
		return;
	osd_cipher_free(key->sectors);
	osd_cipher_free(key->first);
	osd_cipher_free(key->tweak);
	free(key);
}

/* ---- the diffuser: sectors as numbers of 32 bits, of which there is a power of two; several sectors at once */

#define LANES 4

/* One number of each of the sectors. */
typedef uint32_t words __attribute__((vector_size(LANES * sizeof(uint32_t))));

static inline words
rotate(words each, unsigned bits)
{
	return bits == 0 ? each : each << bits | each >> (32 - bits);
}

/* Each word changes by two behind it, which have not changed yet, but for those that are behind the end. */
static void
undo_b(words *all, uint32_t count)
{
	static const unsigned turns[4] = { 0, 10, 0, 25 };
	uint32_t mask = count - 1;

	for (int round = 0; round < DIFFUSER_ROUNDS_B; round++) {
		uint32_t i = 0;

		for (; i < count - 8; i += 4) {
			all[i] += all[i + 2] ^ all[i + 5];
			all[i + 1] += all[i + 3] ^ rotate(all[i + 6], 10);
			all[i + 2] += all[i + 4] ^ all[i + 7];
			all[i + 3] += all[i + 5] ^ rotate(all[i + 8], 25);
		}
		for (; i < count; i++)
			all[i] += all[(i + 2) & mask] ^ rotate(all[(i + 5) & mask], turns[i % 4]);
	}
}

/* Each word changes by two before it, which have changed: the last five are kept at hand, since all waits for them. */
static void
undo_a(words *all, uint32_t count)
{
	for (int round = 0; round < DIFFUSER_ROUNDS_A; round++) {
		words back_1 = all[count - 1], back_2 = all[count - 2], back_3 = all[count - 3];
		words back_4 = all[count - 4], back_5 = all[count - 5];

		for (uint32_t i = 0; i < count; i += 4) {
			words first = all[i] + (back_2 ^ rotate(back_5, 9));
			words second = all[i + 1] + (back_1 ^ back_4);
			words third = all[i + 2] + (first ^ rotate(back_3, 13));
			words fourth = all[i + 3] + (second ^ back_2);

			all[i] = first;
			all[i + 1] = second;
			all[i + 2] = third;
			all[i + 3] = fourth;
			back_5 = back_1;
			back_4 = first;
			back_3 = second;
			back_2 = third;
			back_1 = fourth;
		}
	}
}

static uint32_t
word_at(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return le32toh(word);
}

static void
put_word(uint8_t *bytes, uint32_t word)
{
	word = htole32(word);
	memcpy(bytes, &word, sizeof(word));
}

/* The key of a sector: two blocks that begin with its place, of which the second one ends in 0x80. */
static int
make_sector_key(struct osd_fve_key *key, uint64_t begin, uint8_t *sector_key)
{
	memset(sector_key, 0, SECTOR_KEY);
	for (unsigned i = 0; i < 8; i++)
		sector_key[i] = sector_key[OSD_AES_BLOCK + i] = (uint8_t)(begin >> (8 * i));
	sector_key[SECTOR_KEY - 1] = 0x80;
	return osd_cipher_run(key->tweak, NULL, sector_key, SECTOR_KEY);
}

/* Undo the diffuser of LANES sectors at most. */
static int
undo_diffuser(struct osd_fve_key *key, uint8_t *sectors, unsigned count, uint64_t first)
{
	words all[OSD_FVE_SECTOR_LARGEST / 4];
	uint32_t size = key->sector_size, each = size / 4;
	uint8_t sector_key[SECTOR_KEY];

	memset(all, 0, each * sizeof(*all));
	for (unsigned lane = 0; lane < count; lane++)
		for (uint32_t i = 0; i < each; i++)
			all[i][lane] = word_at(sectors + lane * size + 4 * i);
	undo_b(all, each);
	undo_a(all, each);
	for (unsigned lane = 0; lane < count; lane++) {
		if (make_sector_key(key, (first + lane) * size, sector_key) != 0)
			return -1;
		for (uint32_t i = 0; i < each; i++)
			put_word(sectors + lane * size + 4 * i, all[i][lane] ^ word_at(sector_key + 4 * i % SECTOR_KEY));
	}
	return 0;
}

/* ---- sectors */

static int
decrypt_one(struct osd_fve_key *key, uint8_t *sector, uint64_t number)
{
	uint64_t begin = number * key->sector_size;
	uint8_t iv[OSD_AES_BLOCK] = { 0 };
	uint64_t counted = key->method == OSD_FVE_XTS ? number : begin;

	for (unsigned i = 0; i < 8; i++)
		iv[i] = (uint8_t)(counted >> (8 * i));
	if (key->method != OSD_FVE_XTS && osd_cipher_run(key->first, NULL, iv, sizeof(iv)) != 0)
		return -1;
	return osd_cipher_run(key->sectors, iv, sector, key->sector_size);
}

/* Decrypt sectors where they are; first is the number of the first one in the volume.  Returns 0, or -1 with errno. */
int
osd_fve_decrypt(struct osd_fve_key *key, uint8_t *sectors, int64_t count, uint64_t first)
{
	for (int64_t i = 0; i < count; i++)
		if (decrypt_one(key, sectors + i * key->sector_size, first + (uint64_t)i) != 0)
			return -1;
	for (int64_t i = 0; i < count && key->method == OSD_FVE_CBC_DIFFUSER; i += LANES) {
		unsigned now = count - i < LANES ? (unsigned)(count - i) : LANES;

		if (undo_diffuser(key, sectors + i * key->sector_size, now, first + (uint64_t)i) != 0)
			return -1;
	}
	return 0;
}
