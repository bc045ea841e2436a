/* SHA-1, by libcrypto where that is installed.  See hash.c. */
#ifndef OSDIMAGE_ENGINE_HASH_H
#define OSDIMAGE_ENGINE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define OSD_SHA1_SIZE 20

struct osd_sha1_library;
struct osd_sha1;

struct osd_sha1_library *osd_sha1_open(int is_plain);
void osd_sha1_close(struct osd_sha1_library *library);
int osd_sha1_is_plain(const struct osd_sha1_library *library);

struct osd_sha1 *osd_sha1_new(const struct osd_sha1_library *library);
int osd_sha1_begin(struct osd_sha1 *sha1);
int osd_sha1_add(struct osd_sha1 *sha1, const uint8_t *data, size_t size);
int osd_sha1_end(struct osd_sha1 *sha1, uint8_t *digest);
void osd_sha1_free(struct osd_sha1 *sha1);

#endif
