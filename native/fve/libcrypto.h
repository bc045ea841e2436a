/* AES and SHA-256 of libcrypto, which is looked for at run time: see libcrypto.c. */
#ifndef OSDIMAGE_FVE_LIBCRYPTO_H
#define OSDIMAGE_FVE_LIBCRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define OSD_AES_BLOCK 16
#define OSD_SHA256_SIZE 32

enum osd_aes {
	OSD_AES_ECB,
	OSD_AES_CBC,
	OSD_AES_XTS,			/* its key is twice as long */
	OSD_AES_CCM,
};

/* What has a key and works on one range after the other, in one thread at a time. */
struct osd_cipher;

/* Whether libcrypto is there, with all that is used of it. */
int osd_libcrypto_is_here(void);

/* Make a cipher; size is that of the key in bytes.  Returns NULL with errno: ENOSYS without libcrypto, EINVAL, ENOMEM. */
struct osd_cipher *osd_cipher_new(enum osd_aes mode, int encrypts, const uint8_t *key, size_t size);
void osd_cipher_free(struct osd_cipher *cipher);
/* Work on whole blocks, where they are, with this initial value (none for ECB).  Returns 0, or -1 with errno EIO. */
int osd_cipher_run(struct osd_cipher *cipher, const uint8_t *iv, uint8_t *data, size_t size);

int osd_sha256(const uint8_t *data, size_t size, uint8_t *digest);
int osd_sha256_stretch(const uint8_t *key, const uint8_t *salt, uint64_t rounds, uint8_t *stretched);
int osd_ccm_open(const uint8_t *key, const uint8_t *nonce, const uint8_t *tag, const uint8_t *sealed, size_t size,
		 uint8_t *opened);
void osd_wipe(void *memory, size_t size);

#endif
