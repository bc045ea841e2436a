/* marvin.h */
uint64_t osd_marvin32(uint64_t seed, const uint8_t *data, size_t size);
