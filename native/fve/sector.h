/* Sectors of a BitLocker volume: how they are decrypted. */
#ifndef OSDIMAGE_FVE_SECTOR_H
#define OSDIMAGE_FVE_SECTOR_H

#include <stddef.h>
#include <stdint.h>

enum osd_fve_method {
	OSD_FVE_CBC,
	OSD_FVE_CBC_DIFFUSER,
	OSD_FVE_XTS,
};

/* What decrypts one sector after the other, in one thread at a time. */
struct osd_fve_key;

struct osd_fve_key *osd_fve_key_new(enum osd_fve_method method, const uint8_t *key, size_t size, uint32_t sector_size);
void osd_fve_key_free(struct osd_fve_key *key);
int osd_fve_decrypt(struct osd_fve_key *key, uint8_t *sectors, int64_t count, uint64_t first);

/* The largest sector that there is. */
#define OSD_FVE_SECTOR_LARGEST 4096

#endif
