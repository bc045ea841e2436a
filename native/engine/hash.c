/*
 * SHA-1 of blobs.
 *
 * libcrypto uses the processor's instructions for it where there are any, which is three times as fast as plain C.  It
 * is looked for when a run begins, and not linked: Python has it in memory already where hashlib is used, and a system
 * without it, or one that forbids SHA-1, has the plain one below.
 *
 * Source: FIPS PUB 180-4, "Secure Hash Standard", sections 4.1.1, 4.2.1, 5.1.1 and 6.1.
 */
#define _GNU_SOURCE
#include "engine/hash.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 64
/* Where the number of bits stands in the last block. */
#define LENGTH_AT 56

/* What is used of libcrypto; algorithm is NULL where it is not. */
struct osd_sha1_library {
	void *handle;
	const void *algorithm;
	void (*algorithm_free)(void *algorithm);	/* NULL where the algorithm is the library's own */
	void *(*context_new)(void);
	void (*context_free)(void *context);
	int (*init)(void *context, const void *algorithm, void *engine);
	int (*update)(void *context, const void *data, size_t size);
	int (*final)(void *context, unsigned char *digest, unsigned int *size);
};

struct plain {
	uint32_t state[5];
	uint64_t size;
	uint8_t block[BLOCK];
};

struct osd_sha1 {
	const struct osd_sha1_library *library;
	void *context;					/* of libcrypto, or NULL */
	struct plain plain;
};

/* ---- plain C */

static uint32_t
rotate(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static void
plain_block(uint32_t *state, const uint8_t *block)
{
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (unsigned t = 0; t < 16; t++)
		w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
		       (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
	for (unsigned t = 16; t < 80; t++)
		w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	for (unsigned t = 0; t < 80; t++) {
		uint32_t f, k, sum;

		if (t < 20) {
			f = (b & c) | (~b & d);
			k = 0x5A827999;
		} else if (t < 40) {
			f = b ^ c ^ d;
			k = 0x6ED9EBA1;
		} else if (t < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8F1BBCDC;
		} else {
			f = b ^ c ^ d;
			k = 0xCA62C1D6;
		}
		sum = rotate(a, 5) + f + e + k + w[t];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = sum;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

static void
plain_begin(struct plain *plain)
{
	static const uint32_t start[5] = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 };

	memcpy(plain->state, start, sizeof(start));
	plain->size = 0;
}

static void
plain_add(struct plain *plain, const uint8_t *data, size_t size)
{
	size_t held = plain->size % BLOCK;

	plain->size += size;
	if (held > 0) {
		size_t part = size < BLOCK - held ? size : BLOCK - held;

		memcpy(plain->block + held, data, part);
		data += part;
		size -= part;
		if (held + part < BLOCK)
			return;
		plain_block(plain->state, plain->block);
	}
	for (; size >= BLOCK; data += BLOCK, size -= BLOCK)
		plain_block(plain->state, data);
	if (size > 0)
		memcpy(plain->block, data, size);
}

static void
plain_end(struct plain *plain, uint8_t *digest)
{
	uint64_t bits = plain->size * 8;
	size_t held = plain->size % BLOCK;

	plain->block[held++] = 0x80;
	if (held > LENGTH_AT) {
		memset(plain->block + held, 0, BLOCK - held);
		plain_block(plain->state, plain->block);
		held = 0;
	}
	memset(plain->block + held, 0, LENGTH_AT - held);
	for (unsigned i = 0; i < 8; i++)
		plain->block[LENGTH_AT + i] = (uint8_t)(bits >> (56 - 8 * i));
	plain_block(plain->state, plain->block);
	for (unsigned i = 0; i < OSD_SHA1_SIZE; i++)
		digest[i] = (uint8_t)(plain->state[i / 4] >> (24 - 8 * (i % 4)));
}

/* ---- libcrypto */

/* Take a function of a library.  POSIX lets dlsym()'s pointer be one, and C does not let it be cast. */
static int
take(void *handle, const char *name, void *function)
{
	void *found = dlsym(handle, name);

	memcpy(function, &found, sizeof(found));
	return found != NULL;
}

/* Find SHA-1 in an open libcrypto; 3 fetches it once, which otherwise each blob would do again.  Tell whether it is there. */
static int
find_algorithm(struct osd_sha1_library *library)
{
	void *(*fetch)(void *context, const char *name, const char *properties);
	const void *(*built_in)(void);

	if (take(library->handle, "EVP_MD_fetch", &fetch) &&
	    take(library->handle, "EVP_MD_free", &library->algorithm_free)) {
		library->algorithm = fetch(NULL, "SHA1", NULL);
	} else if (take(library->handle, "EVP_sha1", &built_in)) {
		library->algorithm_free = NULL;
		library->algorithm = built_in();
	}
	return library->algorithm != NULL;
}

/* Tell whether libcrypto hashes nothing rightly: a system's policy may forbid SHA-1 at the first use only. */
static int
works(const struct osd_sha1_library *library)
{
	static const uint8_t expected[OSD_SHA1_SIZE] = { 0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
							 0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09 };
	uint8_t digest[OSD_SHA1_SIZE];
	struct osd_sha1 *sha1 = osd_sha1_new(library);
	int is_right = sha1 != NULL && osd_sha1_begin(sha1) == 0 && osd_sha1_end(sha1, digest) == 0 &&
		       memcmp(digest, expected, sizeof(digest)) == 0;

	osd_sha1_free(sha1);
	return is_right;
}

static void
forget_algorithm(struct osd_sha1_library *library)
{
	if (library->algorithm != NULL && library->algorithm_free != NULL)
		library->algorithm_free((void *)(uintptr_t)library->algorithm);
	library->algorithm = NULL;
}

static void
find_libcrypto(struct osd_sha1_library *library)
{
	static const char *const names[] = { "libcrypto.so.3", "libcrypto.so.1.1" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		library->handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
		if (library->handle == NULL)
			continue;
		if (take(library->handle, "EVP_MD_CTX_new", &library->context_new) &&
		    take(library->handle, "EVP_MD_CTX_free", &library->context_free) &&
		    take(library->handle, "EVP_DigestInit_ex", &library->init) &&
		    take(library->handle, "EVP_DigestUpdate", &library->update) &&
		    take(library->handle, "EVP_DigestFinal_ex", &library->final) && find_algorithm(library) &&
		    works(library))
			return;
		forget_algorithm(library);
		dlclose(library->handle);
		library->handle = NULL;
	}
}

/* ---- either */

/* Look for libcrypto, unless is_plain.  Close it after all that was made with it is freed.  Returns NULL without memory. */
struct osd_sha1_library *
osd_sha1_open(int is_plain)
{
	struct osd_sha1_library *library = calloc(1, sizeof(*library));

	if (library != NULL && !is_plain)
		find_libcrypto(library);
	return library;
}

void
osd_sha1_close(struct osd_sha1_library *library)
{
	if (library == NULL)
		return;
	forget_algorithm(library);
	if (library->handle != NULL)
		dlclose(library->handle);
	free(library);
}

/* Whether libcrypto is not used. */
int
osd_sha1_is_plain(const struct osd_sha1_library *library)
{
	return library->algorithm == NULL;
}

/* Make what hashes one blob after the other, in one thread at a time.  Returns NULL without memory. */
struct osd_sha1 *
osd_sha1_new(const struct osd_sha1_library *library)
{
	struct osd_sha1 *sha1 = calloc(1, sizeof(*sha1));

	if (sha1 == NULL)
		return NULL;
	sha1->library = library;
	if (library->algorithm != NULL) {
		sha1->context = library->context_new();
		if (sha1->context == NULL) {
			free(sha1);
			return NULL;
		}
	}
	return sha1;
}

/* Begin a blob.  This and the two below return 0, or ENOMEM: libcrypto tells no more than that it failed. */
int
osd_sha1_begin(struct osd_sha1 *sha1)
{
	if (sha1->context != NULL)
		return sha1->library->init(sha1->context, sha1->library->algorithm, NULL) == 1 ? 0 : ENOMEM;
	plain_begin(&sha1->plain);
	return 0;
}

int
osd_sha1_add(struct osd_sha1 *sha1, const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (sha1->context != NULL)
		return sha1->library->update(sha1->context, data, size) == 1 ? 0 : ENOMEM;
	plain_add(&sha1->plain, data, size);
	return 0;
}

/* End a blob: digest gets OSD_SHA1_SIZE bytes. */
int
osd_sha1_end(struct osd_sha1 *sha1, uint8_t *digest)
{
	unsigned int size = 0;

	if (sha1->context != NULL)
		return sha1->library->final(sha1->context, digest, &size) == 1 && size == OSD_SHA1_SIZE ? 0 : ENOMEM;
	plain_end(&sha1->plain, digest);
	return 0;
}

void
osd_sha1_free(struct osd_sha1 *sha1)
{
	if (sha1 == NULL)
		return;
	if (sha1->context != NULL)
		sha1->library->context_free(sha1->context);
	free(sha1);
}
