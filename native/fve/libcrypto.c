/*
 * AES and SHA-256 of libcrypto.
 *
 * It is looked for when the first volume is unlocked, and not linked: few ever read an encrypted volume, and whoever
 * installs osdimage needs no more for them than what Python's ssl needs (see also engine/hash.c).  Once found it stays.
 *
 * Sources: OpenSSL's manual, EVP_EncryptInit(3) and EVP_DigestInit(3); it has the same functions since its version 1.1.
 */
#define _GNU_SOURCE
#include "fve/libcrypto.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* <openssl/evp.h> */
#define EVP_CTRL_AEAD_SET_IVLEN 0x9
#define EVP_CTRL_AEAD_SET_TAG 0x11

#define CCM_NONCE 12
#define CCM_TAG 16
#define CCM_KEY 32

static struct {
	int is_here;
	void *(*cipher_context_new)(void);
	void (*cipher_context_free)(void *context);
	int (*cipher_control)(void *context, int command, int number, void *pointer);
	int (*set_padding)(void *context, int padding);
	int (*cipher_init)(void *context, const void *cipher, void *engine, const uint8_t *key, const uint8_t *iv,
			   int encrypts);
	int (*cipher_update)(void *context, uint8_t *out, int *out_size, const uint8_t *in, int in_size);
	const void *(*aes_128[3])(void);		/* by enum osd_aes */
	const void *(*aes_256[4])(void);
	void *(*digest_context_new)(void);
	void (*digest_context_free)(void *context);
	int (*digest_init)(void *context, const void *digest, void *engine);
	int (*digest_update)(void *context, const void *data, size_t size);
	int (*digest_final)(void *context, uint8_t *digest, unsigned int *size);
	const void *(*sha256)(void);
	void (*cleanse)(void *memory, size_t size);
} evp;

struct osd_cipher {
	void *context;
	int encrypts;
};

/* Take a function of a library.  POSIX lets dlsym()'s pointer be one, and C does not let it be cast. */
static int
take(void *handle, const char *name, void *function)
{
	void *found = dlsym(handle, name);

	memcpy(function, &found, sizeof(found));
	return found != NULL;
}

static int
take_all(void *handle)
{
	return take(handle, "EVP_CIPHER_CTX_new", &evp.cipher_context_new) &&
	       take(handle, "EVP_CIPHER_CTX_free", &evp.cipher_context_free) &&
	       take(handle, "EVP_CIPHER_CTX_ctrl", &evp.cipher_control) &&
	       take(handle, "EVP_CIPHER_CTX_set_padding", &evp.set_padding) &&
	       take(handle, "EVP_CipherInit_ex", &evp.cipher_init) &&
	       take(handle, "EVP_CipherUpdate", &evp.cipher_update) &&
	       take(handle, "EVP_aes_128_ecb", &evp.aes_128[OSD_AES_ECB]) &&
	       take(handle, "EVP_aes_128_cbc", &evp.aes_128[OSD_AES_CBC]) &&
	       take(handle, "EVP_aes_128_xts", &evp.aes_128[OSD_AES_XTS]) &&
	       take(handle, "EVP_aes_256_ecb", &evp.aes_256[OSD_AES_ECB]) &&
	       take(handle, "EVP_aes_256_cbc", &evp.aes_256[OSD_AES_CBC]) &&
	       take(handle, "EVP_aes_256_xts", &evp.aes_256[OSD_AES_XTS]) &&
	       take(handle, "EVP_aes_256_ccm", &evp.aes_256[OSD_AES_CCM]) &&
	       take(handle, "EVP_MD_CTX_new", &evp.digest_context_new) &&
	       take(handle, "EVP_MD_CTX_free", &evp.digest_context_free) &&
	       take(handle, "EVP_DigestInit_ex", &evp.digest_init) &&
	       take(handle, "EVP_DigestUpdate", &evp.digest_update) &&
	       take(handle, "EVP_DigestFinal_ex", &evp.digest_final) &&
	       take(handle, "EVP_sha256", &evp.sha256) &&
	       take(handle, "OPENSSL_cleanse", &evp.cleanse);
}

static void
look_for_it(void)
{
	static const char *const names[] = { "libcrypto.so.3", "libcrypto.so.1.1" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !evp.is_here; i++) {
		void *handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);

		if (handle == NULL)
			continue;
		evp.is_here = take_all(handle);
		if (!evp.is_here)
			dlclose(handle);
	}
}

int
osd_libcrypto_is_here(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, look_for_it);
	return evp.is_here;
}

/* Make memory zeros, which no compiler leaves out. */
void
osd_wipe(void *memory, size_t size)
{
	volatile uint8_t *bytes = memory;

	while (size-- > 0)
		*bytes++ = 0;
}

/* ---- ciphers */

static const void *
algorithm_of(enum osd_aes mode, size_t key_size)
{
	size_t size = mode == OSD_AES_XTS ? key_size / 2 : key_size;

	if (mode == OSD_AES_XTS && key_size % 2 != 0)
		return NULL;
	if (size == 32)
		return evp.aes_256[mode]();
	return size == 16 && mode != OSD_AES_CCM ? evp.aes_128[mode]() : NULL;
}

struct osd_cipher *
osd_cipher_new(enum osd_aes mode, int encrypts, const uint8_t *key, size_t size)
{
	struct osd_cipher *cipher;
	const void *algorithm;

	if (!osd_libcrypto_is_here()) {
		errno = ENOSYS;
		return NULL;
	}
	algorithm = algorithm_of(mode, size);
	cipher = algorithm == NULL ? NULL : calloc(1, sizeof(*cipher));
	if (cipher == NULL) {
		errno = algorithm == NULL ? EINVAL : ENOMEM;
		return NULL;
	}
	cipher->encrypts = encrypts;
	cipher->context = evp.cipher_context_new();
	if (cipher->context == NULL || evp.cipher_init(cipher->context, algorithm, NULL, key, NULL, encrypts) != 1 ||
	    evp.set_padding(cipher->context, 0) != 1) {
		int number = cipher->context == NULL ? ENOMEM : EINVAL;

		osd_cipher_free(cipher);
		errno = number;
		return NULL;
	}
	return cipher;
}

/* libcrypto wipes what it knows of the key. */
void
osd_cipher_free(struct osd_cipher *cipher)
{
	if (cipher == NULL)
		return;
	if (cipher->context != NULL)
		evp.cipher_context_free(cipher->context);
	free(cipher);
}

int
osd_cipher_run(struct osd_cipher *cipher, const uint8_t *iv, uint8_t *data, size_t size)
{
	int done = 0;

	if (size > INT_MAX)
		return fail(EINVAL);
	if (iv != NULL && evp.cipher_init(cipher->context, NULL, NULL, NULL, iv, cipher->encrypts) != 1)
		return fail(EIO);
	if (evp.cipher_update(cipher->context, data, &done, data, (int)size) != 1 || done != (int)size)
		return fail(EIO);
	return 0;
}

/*
 * Open what AES-256-CCM has sealed, with a nonce of 12 bytes and a tag of 16; opened has room for size bytes.  Returns 0,
 * or -1 with errno: EBADMSG when the tag is not that of the key, ENOSYS without libcrypto, EINVAL, ENOMEM.
 */
int
osd_ccm_open(const uint8_t *key, const uint8_t *nonce, const uint8_t *tag, const uint8_t *sealed, size_t size,
	     uint8_t *opened)
{
	void *context;
	int result, done = 0;

	if (!osd_libcrypto_is_here())
		return fail(ENOSYS);
	if (size == 0 || size > INT_MAX)
		return fail(EINVAL);
	context = evp.cipher_context_new();
	if (context == NULL)
		return fail(ENOMEM);
	if (evp.cipher_init(context, evp.aes_256[OSD_AES_CCM](), NULL, NULL, NULL, 0) != 1 ||
	    evp.cipher_control(context, EVP_CTRL_AEAD_SET_IVLEN, CCM_NONCE, NULL) != 1 ||
	    evp.cipher_control(context, EVP_CTRL_AEAD_SET_TAG, CCM_TAG, (void *)(uintptr_t)tag) != 1 ||
	    evp.cipher_init(context, NULL, NULL, key, nonce, 0) != 1)
		result = fail(EINVAL);
	else if (evp.cipher_update(context, opened, &done, sealed, (int)size) != 1)
		result = fail(EBADMSG);
	else
		result = 0;
	if (result != 0)
		osd_wipe(opened, size);
	evp.cipher_context_free(context);
	return result;
}

/* ---- SHA-256 */

/* Hash something; digest gets OSD_SHA256_SIZE bytes.  Returns 0, or -1 with errno: ENOSYS, ENOMEM. */
int
osd_sha256(const uint8_t *data, size_t size, uint8_t *digest)
{
	void *context;
	unsigned int made = 0;
	int is_done;

	if (!osd_libcrypto_is_here())
		return fail(ENOSYS);
	context = evp.digest_context_new();
	is_done = context != NULL && evp.digest_init(context, evp.sha256(), NULL) == 1 &&
		  evp.digest_update(context, data, size) == 1 && evp.digest_final(context, digest, &made) == 1 &&
		  made == OSD_SHA256_SIZE;
	if (context != NULL)
		evp.digest_context_free(context);
	return is_done ? 0 : fail(ENOMEM);
}

/*
 * Stretch a hashed password, so that each guess costs somebody a while: the hash of (the last hash, the key, the salt of 16
 * bytes, the number of the round), which begins with zeros.  BitLocker has 2^20 rounds.  Returns 0, or -1 with errno.
 */
int
osd_sha256_stretch(const uint8_t *key, const uint8_t *salt, uint64_t rounds, uint8_t *stretched)
{
	struct {
		uint8_t last[OSD_SHA256_SIZE];
		uint8_t key[OSD_SHA256_SIZE];
		uint8_t salt[16];
		uint8_t round[8];
	} message = { .last = { 0 } };
	void *context;
	unsigned int made = 0;
	int is_done;

	if (!osd_libcrypto_is_here())
		return fail(ENOSYS);
	memcpy(message.key, key, sizeof(message.key));
	memcpy(message.salt, salt, sizeof(message.salt));
	context = evp.digest_context_new();
	is_done = context != NULL && evp.digest_init(context, evp.sha256(), NULL) == 1;
	for (uint64_t round = 0; round < rounds && is_done; round++) {
		for (unsigned i = 0; i < sizeof(message.round); i++)
			message.round[i] = (uint8_t)(round >> (8 * i));
		/* Without an algorithm it begins again with the same one, which need not be looked up. */
		is_done = evp.digest_init(context, NULL, NULL) == 1 &&
			  evp.digest_update(context, &message, sizeof(message)) == 1 &&
			  evp.digest_final(context, message.last, &made) == 1 && made == OSD_SHA256_SIZE;
	}
	if (is_done)
		memcpy(stretched, message.last, OSD_SHA256_SIZE);
	osd_wipe(&message, sizeof(message));
	if (context != NULL)
		evp.digest_context_free(context);
	return is_done ? 0 : fail(ENOMEM);
}
