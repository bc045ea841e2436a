/* Keys of encrypted volumes, and what is done with them. */

/* fve/libcrypto.h */
int osd_libcrypto_is_here(void);
int osd_sha256(const uint8_t *data, size_t size, uint8_t *digest);
int osd_sha256_stretch(const uint8_t *key, const uint8_t *salt, uint64_t rounds, uint8_t *stretched);
int osd_ccm_open(const uint8_t *key, const uint8_t *nonce, const uint8_t *tag, const uint8_t *sealed, size_t size,
		 uint8_t *opened);

/* fve/sector.h */
enum osd_fve_method { OSD_FVE_CBC, OSD_FVE_CBC_DIFFUSER, OSD_FVE_XTS };

/* fve/dump.h */
int osd_dump_forbid(void);
void osd_dump_allow(void);
