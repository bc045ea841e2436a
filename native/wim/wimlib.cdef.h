/* The part of <wimlib.h> that osdimage uses.  The C compiler checks every line of it against the real header. */

typedef ... WIMStruct;
typedef int... time_t;
struct timespec { time_t tv_sec; long tv_nsec; ...; };

enum wimlib_compression_type {
    WIMLIB_COMPRESSION_TYPE_NONE, WIMLIB_COMPRESSION_TYPE_XPRESS, WIMLIB_COMPRESSION_TYPE_LZX,
    WIMLIB_COMPRESSION_TYPE_LZMS, ...
};

enum wimlib_progress_msg {
    WIMLIB_PROGRESS_MSG_EXTRACT_FILE_STRUCTURE, WIMLIB_PROGRESS_MSG_EXTRACT_STREAMS,
    WIMLIB_PROGRESS_MSG_EXTRACT_METADATA, WIMLIB_PROGRESS_MSG_SCAN_BEGIN, WIMLIB_PROGRESS_MSG_SCAN_DENTRY,
    WIMLIB_PROGRESS_MSG_SCAN_END, WIMLIB_PROGRESS_MSG_WRITE_STREAMS, WIMLIB_PROGRESS_MSG_WRITE_METADATA_BEGIN,
    WIMLIB_PROGRESS_MSG_WRITE_METADATA_END, WIMLIB_PROGRESS_MSG_VERIFY_INTEGRITY,
    WIMLIB_PROGRESS_MSG_CALC_INTEGRITY, WIMLIB_PROGRESS_MSG_VERIFY_STREAMS,
    WIMLIB_PROGRESS_MSG_REPLACE_FILE_IN_WIM, ...
};
enum wimlib_progress_status { WIMLIB_PROGRESS_STATUS_CONTINUE, WIMLIB_PROGRESS_STATUS_ABORT, ... };

#define WIMLIB_SCAN_DENTRY_EXCLUDED ...
#define WIMLIB_SCAN_DENTRY_UNSUPPORTED ...

struct wimlib_progress_info_write_streams { uint64_t total_bytes, completed_bytes; ...; };
struct wimlib_progress_info_scan {
    const char *cur_path; int status; uint64_t num_dirs_scanned, num_nondirs_scanned, num_bytes_scanned; ...;
};
struct wimlib_progress_info_extract {
    uint64_t total_bytes, completed_bytes, current_file_count, end_file_count; ...;
};
struct wimlib_progress_info_integrity { uint64_t total_bytes, completed_bytes; ...; };
struct wimlib_progress_info_verify_streams { uint64_t total_bytes, completed_bytes; ...; };
struct wimlib_progress_info_replace { const char *path_in_wim; ...; };
union wimlib_progress_info {
    struct wimlib_progress_info_write_streams write_streams;
    struct wimlib_progress_info_scan scan;
    struct wimlib_progress_info_extract extract;
    struct wimlib_progress_info_integrity integrity;
    struct wimlib_progress_info_verify_streams verify_streams;
    struct wimlib_progress_info_replace replace;
    ...;
};
typedef enum wimlib_progress_status (*wimlib_progress_func_t)(
    enum wimlib_progress_msg, union wimlib_progress_info *, void *);

struct wimlib_wim_info {
    uint8_t guid[16];
    uint32_t image_count, boot_index, wim_version, chunk_size;
    uint16_t part_number, total_parts;
    int32_t compression_type;
    uint64_t total_bytes;
    uint32_t has_integrity_table : 1;
    uint32_t opened_from_file : 1;
    uint32_t is_readonly : 1;
    uint32_t has_rpfix : 1;
    uint32_t is_marked_readonly : 1;
    uint32_t spanned : 1;
    uint32_t write_in_progress : 1;
    uint32_t metadata_only : 1;
    uint32_t resource_only : 1;
    uint32_t pipable : 1;
    uint32_t reserved_flags : 22;
    uint32_t reserved[9];
};
#define WIMLIB_CHANGE_BOOT_INDEX ...
#define WIMLIB_CHANGE_RPFIX_FLAG ...

struct wimlib_resource_entry {
    uint64_t uncompressed_size, compressed_size, offset;
    uint8_t sha1_hash[20];
    uint32_t part_number, reference_count;
    uint32_t is_compressed : 1;
    uint32_t is_metadata : 1;
    uint32_t is_free : 1;
    uint32_t is_spanned : 1;
    uint32_t is_missing : 1;
    uint32_t packed : 1;
    uint32_t reserved_flags : 26;
    uint64_t raw_resource_offset_in_wim, raw_resource_compressed_size, raw_resource_uncompressed_size;
    uint64_t reserved[1];
};
struct wimlib_stream_entry { const char *stream_name; struct wimlib_resource_entry resource; uint64_t reserved[4]; };
struct wimlib_object_id {
    uint8_t object_id[16], birth_volume_id[16], birth_object_id[16], domain_id[16];
};
struct wimlib_dir_entry {
    const char *filename, *dos_name, *full_path;
    size_t depth;
    const char *security_descriptor;
    size_t security_descriptor_size;
    uint32_t attributes, reparse_tag, num_links, num_named_streams;
    uint64_t hard_link_group_id;
    struct timespec creation_time, last_write_time, last_access_time;
    uint32_t unix_uid, unix_gid, unix_mode, unix_rdev;
    struct wimlib_object_id object_id;
    struct wimlib_stream_entry streams[];
    ...;
};
enum wimlib_update_op { WIMLIB_UPDATE_OP_ADD, WIMLIB_UPDATE_OP_DELETE, WIMLIB_UPDATE_OP_RENAME };
struct wimlib_add_command { char *fs_source_path, *wim_target_path, *config_file; int add_flags; };
struct wimlib_delete_command { char *wim_path; int delete_flags; };
struct wimlib_rename_command { char *wim_source_path, *wim_target_path; int rename_flags; };
struct wimlib_update_command {
    enum wimlib_update_op op;
    union {
        struct wimlib_add_command add;
        struct wimlib_delete_command delete_;
        struct wimlib_rename_command rename;
    };
};
typedef int (*wimlib_iterate_dir_tree_callback_t)(const struct wimlib_dir_entry *, void *);
typedef int (*wimlib_iterate_lookup_table_callback_t)(const struct wimlib_resource_entry *, void *);

#define WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE ...
#define WIMLIB_ITERATE_DIR_TREE_FLAG_CHILDREN ...
#define WIMLIB_ADD_FLAG_NTFS ...
#define WIMLIB_ADD_FLAG_DEREFERENCE ...
#define WIMLIB_ADD_FLAG_UNIX_DATA ...
#define WIMLIB_ADD_FLAG_NO_REPLACE ...
#define WIMLIB_ADD_FLAG_BOOT ...
#define WIMLIB_ADD_FLAG_EXCLUDE_VERBOSE ...
#define WIMLIB_ADD_FLAG_VERBOSE ...
#define WIMLIB_ADD_FLAG_NORPFIX ...
#define WIMLIB_ADD_FLAG_RPFIX ...
#define WIMLIB_ADD_FLAG_NO_ACLS ...
#define WIMLIB_ADD_FLAG_STRICT_ACLS ...
#define WIMLIB_ADD_FLAG_TEST_FILE_EXCLUSION ...
#define WIMLIB_DELETE_FLAG_FORCE ...
#define WIMLIB_DELETE_FLAG_RECURSIVE ...
#define WIMLIB_EXPORT_FLAG_BOOT ...
#define WIMLIB_EXPORT_FLAG_NO_NAMES ...
#define WIMLIB_EXPORT_FLAG_NO_DESCRIPTIONS ...
#define WIMLIB_EXTRACT_FLAG_NTFS ...
#define WIMLIB_EXTRACT_FLAG_UNIX_DATA ...
#define WIMLIB_EXTRACT_FLAG_RPFIX ...
#define WIMLIB_EXTRACT_FLAG_NORPFIX ...
#define WIMLIB_EXTRACT_FLAG_NO_ACLS ...
#define WIMLIB_EXTRACT_FLAG_STRICT_ACLS ...
#define WIMLIB_EXTRACT_FLAG_NO_ATTRIBUTES ...
#define WIMLIB_EXTRACT_FLAG_GLOB_PATHS ...
#define WIMLIB_EXTRACT_FLAG_STRICT_GLOB ...
#define WIMLIB_EXTRACT_FLAG_NO_PRESERVE_DIR_STRUCTURE ...
#define WIMLIB_OPEN_FLAG_CHECK_INTEGRITY ...
#define WIMLIB_OPEN_FLAG_WRITE_ACCESS ...
#define WIMLIB_WRITE_FLAG_CHECK_INTEGRITY ...
#define WIMLIB_WRITE_FLAG_NO_CHECK_INTEGRITY ...
#define WIMLIB_WRITE_FLAG_FSYNC ...
#define WIMLIB_WRITE_FLAG_REBUILD ...
#define WIMLIB_WRITE_FLAG_RECOMPRESS ...
#define WIMLIB_WRITE_FLAG_RETAIN_GUID ...
#define WIMLIB_WRITE_FLAG_SKIP_EXTERNAL_WIMS ...
#define WIMLIB_WRITE_FLAG_SOLID ...
#define WIMLIB_WRITE_FLAG_PIPABLE ...
#define WIMLIB_WRITE_FLAG_NOT_PIPABLE ...
#define WIMLIB_INIT_FLAG_ASSUME_UTF8 ...
#define WIMLIB_INIT_FLAG_DEFAULT_CASE_INSENSITIVE ...
#define WIMLIB_REF_FLAG_GLOB_ENABLE ...
#define WIMLIB_REF_FLAG_GLOB_ERR_ON_NOMATCH ...
#define WIMLIB_ALL_IMAGES ...
#define WIMLIB_MOUNT_FLAG_READWRITE ...
#define WIMLIB_MOUNT_FLAG_STREAM_INTERFACE_NONE ...
#define WIMLIB_MOUNT_FLAG_STREAM_INTERFACE_XATTR ...
#define WIMLIB_MOUNT_FLAG_STREAM_INTERFACE_WINDOWS ...
#define WIMLIB_MOUNT_FLAG_UNIX_DATA ...
#define WIMLIB_MOUNT_FLAG_ALLOW_OTHER ...
#define WIMLIB_UNMOUNT_FLAG_CHECK_INTEGRITY ...
#define WIMLIB_UNMOUNT_FLAG_COMMIT ...
#define WIMLIB_UNMOUNT_FLAG_FORCE ...
#define WIMLIB_UNMOUNT_FLAG_NEW_IMAGE ...

enum wimlib_error_code {
    WIMLIB_ERR_SUCCESS, WIMLIB_ERR_ALREADY_LOCKED, WIMLIB_ERR_DECOMPRESSION, WIMLIB_ERR_FUSE,
    WIMLIB_ERR_GLOB_HAD_NO_MATCHES, WIMLIB_ERR_IMAGE_COUNT, WIMLIB_ERR_IMAGE_NAME_COLLISION,
    WIMLIB_ERR_INSUFFICIENT_PRIVILEGES, WIMLIB_ERR_INTEGRITY, WIMLIB_ERR_INVALID_CAPTURE_CONFIG,
    WIMLIB_ERR_INVALID_CHUNK_SIZE, WIMLIB_ERR_INVALID_COMPRESSION_TYPE, WIMLIB_ERR_INVALID_HEADER,
    WIMLIB_ERR_INVALID_IMAGE, WIMLIB_ERR_INVALID_INTEGRITY_TABLE, WIMLIB_ERR_INVALID_LOOKUP_TABLE_ENTRY,
    WIMLIB_ERR_INVALID_METADATA_RESOURCE, WIMLIB_ERR_INVALID_OVERLAY, WIMLIB_ERR_INVALID_PARAM,
    WIMLIB_ERR_INVALID_PART_NUMBER, WIMLIB_ERR_INVALID_PIPABLE_WIM, WIMLIB_ERR_INVALID_REPARSE_DATA,
    WIMLIB_ERR_INVALID_RESOURCE_HASH, WIMLIB_ERR_INVALID_UTF16_STRING, WIMLIB_ERR_INVALID_UTF8_STRING,
    WIMLIB_ERR_IS_DIRECTORY, WIMLIB_ERR_IS_SPLIT_WIM, WIMLIB_ERR_LINK, WIMLIB_ERR_METADATA_NOT_FOUND,
    WIMLIB_ERR_MKDIR, WIMLIB_ERR_MQUEUE, WIMLIB_ERR_NOMEM, WIMLIB_ERR_NOTDIR, WIMLIB_ERR_NOTEMPTY,
    WIMLIB_ERR_NOT_A_REGULAR_FILE, WIMLIB_ERR_NOT_A_WIM_FILE, WIMLIB_ERR_NOT_PIPABLE, WIMLIB_ERR_NO_FILENAME,
    WIMLIB_ERR_NTFS_3G, WIMLIB_ERR_OPEN, WIMLIB_ERR_OPENDIR, WIMLIB_ERR_PATH_DOES_NOT_EXIST, WIMLIB_ERR_READ,
    WIMLIB_ERR_READLINK, WIMLIB_ERR_RENAME, WIMLIB_ERR_REPARSE_POINT_FIXUP_FAILED, WIMLIB_ERR_RESOURCE_NOT_FOUND,
    WIMLIB_ERR_RESOURCE_ORDER, WIMLIB_ERR_SET_ATTRIBUTES, WIMLIB_ERR_SET_REPARSE_DATA, WIMLIB_ERR_SET_SECURITY,
    WIMLIB_ERR_SET_SHORT_NAME, WIMLIB_ERR_SET_TIMESTAMPS, WIMLIB_ERR_SPLIT_INVALID, WIMLIB_ERR_STAT,
    WIMLIB_ERR_UNEXPECTED_END_OF_FILE, WIMLIB_ERR_UNICODE_STRING_NOT_REPRESENTABLE, WIMLIB_ERR_UNKNOWN_VERSION,
    WIMLIB_ERR_UNSUPPORTED, WIMLIB_ERR_UNSUPPORTED_FILE, WIMLIB_ERR_WIM_IS_READONLY, WIMLIB_ERR_WRITE, WIMLIB_ERR_XML,
    WIMLIB_ERR_WIM_IS_ENCRYPTED, WIMLIB_ERR_WIMBOOT, WIMLIB_ERR_ABORTED_BY_PROGRESS,
    WIMLIB_ERR_UNKNOWN_PROGRESS_STATUS, WIMLIB_ERR_MKNOD, WIMLIB_ERR_MOUNTED_IMAGE_IS_BUSY,
    WIMLIB_ERR_NOT_A_MOUNTPOINT, WIMLIB_ERR_NOT_PERMITTED_TO_UNMOUNT, WIMLIB_ERR_FVE_LOCKED_VOLUME,
    WIMLIB_ERR_UNABLE_TO_READ_CAPTURE_CONFIG, WIMLIB_ERR_WIM_IS_INCOMPLETE, WIMLIB_ERR_COMPACTION_NOT_POSSIBLE,
    WIMLIB_ERR_IMAGE_HAS_MULTIPLE_REFERENCES, WIMLIB_ERR_DUPLICATE_EXPORTED_IMAGE,
    WIMLIB_ERR_CONCURRENT_MODIFICATION_DETECTED, WIMLIB_ERR_SNAPSHOT_FAILURE, WIMLIB_ERR_INVALID_XATTR,
    WIMLIB_ERR_SET_XATTR, ...
};

int wimlib_global_init(int init_flags);
uint32_t wimlib_get_version(void);
const char *wimlib_get_error_string(enum wimlib_error_code code);
int wimlib_set_default_compression_level(int ctype, unsigned int level);

int wimlib_create_new_wim(enum wimlib_compression_type ctype, WIMStruct **wim_ret);
int wimlib_open_wim_with_progress(
    const char *path, int open_flags, WIMStruct **wim_ret, wimlib_progress_func_t function, void *context);
void wimlib_register_progress_function(WIMStruct *wim, wimlib_progress_func_t function, void *context);
void wimlib_free(WIMStruct *wim);

int wimlib_get_wim_info(WIMStruct *wim, struct wimlib_wim_info *info);
int wimlib_set_wim_info(WIMStruct *wim, const struct wimlib_wim_info *info, int which);
int wimlib_get_xml_data(WIMStruct *wim, void **buffer_ret, size_t *size_ret);
const char *wimlib_get_image_name(const WIMStruct *wim, int image);
const char *wimlib_get_image_property(const WIMStruct *wim, int image, const char *name);
int wimlib_set_image_property(WIMStruct *wim, int image, const char *name, const char *value);
int wimlib_set_image_name(WIMStruct *wim, int image, const char *name);
int wimlib_set_image_descripton(WIMStruct *wim, int image, const char *description);

struct wimlib_capture_source { char *fs_source_path, *wim_target_path; long reserved; };
int wimlib_add_image_multisource(WIMStruct *wim, const struct wimlib_capture_source *sources, size_t count,
                                 const char *name, const char *config_file, int add_flags);
int wimlib_add_image(WIMStruct *wim, const char *source, const char *name, const char *config_file, int add_flags);
int wimlib_add_empty_image(WIMStruct *wim, const char *name, int *new_index_ret);
int wimlib_add_tree(WIMStruct *wim, int image, const char *source, const char *target, int add_flags);
int wimlib_delete_image(WIMStruct *wim, int image);
int wimlib_update_image(WIMStruct *wim, int image, const struct wimlib_update_command *commands, size_t count,
                        int update_flags);
int wimlib_export_image(WIMStruct *source, int image, WIMStruct *destination, const char *name,
                        const char *description, int export_flags);
int wimlib_extract_image(WIMStruct *wim, int image, const char *target, int extract_flags);
int wimlib_extract_paths(WIMStruct *wim, int image, const char *target, const char * const *paths, size_t count,
                         int extract_flags);
int wimlib_extract_image_from_pipe_with_progress(int pipe_fd, const char *image, const char *target, int extract_flags,
                                                 wimlib_progress_func_t function, void *context);
int wimlib_iterate_dir_tree(WIMStruct *wim, int image, const char *path, int flags,
                            wimlib_iterate_dir_tree_callback_t callback, void *context);
int wimlib_iterate_lookup_table(WIMStruct *wim, int flags, wimlib_iterate_lookup_table_callback_t callback,
                                void *context);
int wimlib_reference_resource_files(WIMStruct *wim, const char * const *paths_or_globs, unsigned count, int ref_flags,
                                    int open_flags);
int wimlib_reference_template_image(WIMStruct *wim, int new_image, WIMStruct *template_wim, int template_image,
                                    int flags);
int wimlib_set_output_chunk_size(WIMStruct *wim, uint32_t size);
int wimlib_set_output_pack_chunk_size(WIMStruct *wim, uint32_t size);
int wimlib_set_output_compression_type(WIMStruct *wim, enum wimlib_compression_type ctype);
int wimlib_set_output_pack_compression_type(WIMStruct *wim, enum wimlib_compression_type ctype);
int wimlib_verify_wim(WIMStruct *wim, int verify_flags);
int wimlib_overwrite(WIMStruct *wim, int write_flags, unsigned threads);
int wimlib_mount_image(WIMStruct *wim, int image, const char *dir, int mount_flags, const char *staging_dir);
int wimlib_unmount_image_with_progress(const char *dir, int unmount_flags, wimlib_progress_func_t function,
                                       void *context);
int wimlib_write_to_fd(WIMStruct *wim, int fd, int image, int write_flags, unsigned threads);

struct wimlib_compressor;
int wimlib_create_compressor(enum wimlib_compression_type ctype, size_t max_block_size, unsigned int level,
                             struct wimlib_compressor **compressor_ret);
size_t wimlib_compress(const void *data, size_t size, void *compressed, size_t available,
                       struct wimlib_compressor *compressor);
void wimlib_free_compressor(struct wimlib_compressor *compressor);

/* messages.h */
int osd_messages_install(void);
void osd_messages_clear(void);
void *osd_xml_quiet(void);
void osd_xml_restore(void *before);
size_t osd_messages_take(char *text, size_t capacity, int *overflowed);

/* memory.h */
int osd_memory_install(void);
void osd_memory_limit(uint64_t bytes);
void osd_memory_unlimited(void);
void osd_memory_trim(void);

/* names.h */
enum osd_fault {
    OSD_FAULT_SEPARATOR, OSD_FAULT_COLON, OSD_FAULT_DOTS, OSD_FAULT_LENGTH, OSD_FAULT_SHORT, OSD_FAULT_TWIN,
    OSD_FAULT_CHARACTER, OSD_FAULT_END, OSD_FAULT_DEVICE, OSD_FAULT_SURROGATE, OSD_FAULTS
};
uint32_t osd_upper(uint32_t character);
unsigned osd_judge_name(const char *name);
unsigned osd_judge_short_name(const char *name, unsigned faults_of_long);
unsigned osd_judge_stream_name(const char *name);

/* patterns.h */
struct osd_patterns;
struct osd_patterns *osd_patterns_new(int is_exact);
int osd_patterns_add(struct osd_patterns *patterns, const char *text, int is_exception);
int osd_patterns_add_path(struct osd_patterns *patterns, const char *path);
int osd_patterns_exclude(struct osd_patterns *patterns, const char *path);
void osd_patterns_free(struct osd_patterns *patterns);

/* audit.h */
#define OSD_EXAMPLES ...
struct osd_long_link { uint8_t sha1[20]; char *path; };
struct osd_odd_name { unsigned faults; size_t name; char *path; char *stream; };
struct osd_audit {
    unsigned listed;
    const char *target;
    int without_parents;
    uint64_t directories, files, bytes, sparse_files, sparse_bytes, named_streams, named_stream_bytes, security_descriptors,
        short_names, links, other_reparse_points, object_ids, encrypted, dos_attributes, unix_data, special_files,
        missing_blobs, refused_names;
    uint64_t faults[...];
    char *examples[...][...];
    enum osd_fault refusal;
    char *refused_path;
    char *symlink_path;
    char *occupied_path;
    int is_occupied_by_directory;
    uint64_t longest_name, longest_path, largest_reparse;
    char *longest_name_path, *longest_path_path, *largest_reparse_path;
    struct osd_long_link *long_links;
    size_t long_link_count;
    struct osd_odd_name *odd_names;
    size_t odd_name_count;
    int is_out_of_memory;
    ...;
};
int osd_audit_entry(const struct wimlib_dir_entry *entry, void *audit);
void osd_audit_release(struct osd_audit *audit);

/* paths.h */
struct osd_paths { void *context; char *text; size_t used; size_t size; };
int osd_paths_entry(const struct wimlib_dir_entry *entry, void *paths);
int osd_paths_flush(struct osd_paths *paths);
void osd_paths_release(struct osd_paths *paths);

/* scan.h */
struct osd_scan { uint64_t directories, files, bytes; };
enum wimlib_progress_status osd_progress(enum wimlib_progress_msg, union wimlib_progress_info *, void *);
#define SIZE_MAX ...
void osd_scan_begin(struct osd_patterns *patterns, size_t source_length);
struct osd_scan osd_scan_end(void);

/* resource.h */
struct osd_reader;
struct osd_reader *osd_reader_new(int fd, uint64_t begin, uint64_t length);
void osd_reader_free(struct osd_reader *reader);
int osd_reader_begin(struct osd_reader *reader, uint64_t offset, uint64_t stored_size, uint64_t size,
                     int is_compressed, int is_solid, int compression_type, uint32_t chunk_size);
int64_t osd_reader_next(struct osd_reader *reader, uint8_t *buffer, uint64_t capacity);
uint64_t osd_reader_skip(struct osd_reader *reader, uint64_t count);
uint32_t osd_reader_piece(const struct osd_reader *reader);
void osd_reader_recover(struct osd_reader *reader);
uint64_t osd_reader_lost(const struct osd_reader *reader);

/* blob_table.h */
struct osd_blob {
    uint64_t resource_offset, resource_stored_size, resource_size, offset_in_resource, size;
    uint8_t sha1[20];
    uint16_t part_number, file;
    uint32_t references;
    uint8_t is_metadata, is_compressed, is_solid, unused;
};
struct osd_blob_table { struct osd_blob *blobs; size_t count, capacity; };
int osd_blob_table_add(const struct wimlib_resource_entry *entry, void *table);
void osd_blob_table_number(struct osd_blob_table *table, size_t first, uint16_t file);
uint64_t osd_blob_table_bytes(const struct osd_blob_table *table);
void osd_blob_table_sort(struct osd_blob_table *table);
void osd_blob_table_release(struct osd_blob_table *table);
size_t osd_reader_batch(struct osd_reader *reader, const struct osd_blob *blobs, size_t count, int compression_type,
                        uint32_t chunk_size, uint8_t *buffer, uint64_t capacity, int32_t *errors);

/* raw_copy.h */
struct osd_raw;
struct osd_range { uint64_t from, to, size; };
struct osd_raw *osd_raw_new(const uint8_t *table, size_t count);
void osd_raw_free(struct osd_raw *raw);
size_t osd_raw_trees(const struct osd_raw *raw, uint32_t *numbers, size_t most);
int osd_raw_add_tree(struct osd_raw *raw, const uint8_t *tree, size_t size, int may_miss);
int osd_raw_lay_out(struct osd_raw *raw, uint64_t file_size, uint64_t limit, uint64_t fixed, uint64_t first,
		    int may_exceed);
uint32_t osd_raw_parts(const struct osd_raw *raw);
const uint8_t *osd_raw_culprit(const struct osd_raw *raw);
size_t osd_raw_entries(const struct osd_raw *raw, uint32_t part);
void osd_raw_table(const struct osd_raw *raw, uint32_t part, uint8_t *table);
size_t osd_raw_ranges(const struct osd_raw *raw, uint32_t part, struct osd_range *ranges);

/* Implemented in callbacks.py. */
extern "Python+C" enum wimlib_progress_status osd_on_progress(
    enum wimlib_progress_msg, union wimlib_progress_info *, void *);
extern "Python" int osd_on_entry(const struct wimlib_dir_entry *, void *);
extern "Python+C" int osd_on_paths(const char *text, size_t length, void *context);
extern "Python" int osd_on_blob(const struct wimlib_resource_entry *, void *);

/* stdlib.h: wimlib_get_xml_data() hands out malloc'ed memory. */
void free(void *);
