/* The native engine.  struct osd_blob is in wim/wimlib.cdef.h. */

/* engine/hash.h */
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

/* engine/chunks.h */
#define OSD_SOLID_HEADER_SIZE ...
struct osd_chunks {
    uint64_t stored_size, size, count, entries, table_at, data_at;
    uint32_t entry_size, chunk_size;
    int compression_type;
};
int osd_chunks_init(struct osd_chunks *chunks, uint64_t stored_size, uint64_t size, int compression_type,
                    uint32_t chunk_size);
int osd_chunks_init_solid(struct osd_chunks *chunks, uint64_t stored_size, uint64_t size, const uint8_t *header);
uint64_t osd_chunk_size(const struct osd_chunks *chunks, uint64_t chunk);
void osd_chunks_entries(const struct osd_chunks *chunks, uint64_t first, uint64_t count, uint64_t *entry,
                        uint64_t *entries);
int osd_chunks_bounds(const struct osd_chunks *chunks, uint64_t first, uint64_t count, const uint8_t *entries,
                      uint64_t *bounds);
int osd_chunks_solid_entry(const struct osd_chunks *chunks, uint64_t chunk, const uint8_t *entry, uint64_t *at,
                           uint64_t *stored_size);

/* engine/sink.h */
struct osd_sink;
struct osd_sink_ops {
    int (*piece)(struct osd_sink *sink, unsigned worker, uint32_t blob, uint64_t offset, const uint8_t *data,
                 size_t size);
    int (*blob_end)(struct osd_sink *sink, unsigned worker, uint32_t blob, int is_good);
    int (*flush)(struct osd_sink *sink, unsigned worker);
};
struct osd_sink { const struct osd_sink_ops *ops; };

/* engine/run.h */
struct osd_run_file { int fd; int compression_type; uint32_t chunk_size; uint64_t begin, length; ...; };
struct osd_run_options { unsigned workers; uint64_t memory; int ends_at_bad, is_plain_sha1; };
struct osd_run_error { int number; uint32_t blob; uint16_t file; uint64_t offset; };
struct osd_sink_error { int number; uint32_t blob; };
struct osd_run;
int osd_run_start_in(struct osd_run **place, const struct osd_blob *blobs, uint32_t count,
                     const struct osd_run_file *files, unsigned file_count, struct osd_sink *const *sinks,
                     unsigned sink_count, const struct osd_run_options *options);
void osd_run_free_in(struct osd_run **place);
int osd_run_wait(struct osd_run *run, unsigned milliseconds);
uint64_t osd_run_bytes(struct osd_run *run);
void osd_run_stop(struct osd_run *run);
void osd_run_end(struct osd_run *run);
const int32_t *osd_run_results(const struct osd_run *run);
uint32_t osd_run_bad(const struct osd_run *run);
struct osd_run_error osd_run_error(const struct osd_run *run);
struct osd_sink_error osd_run_sink_error(const struct osd_run *run, unsigned sink);
