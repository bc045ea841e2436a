/* The parts of <ntfs-3g/volume.h>, attrib.h and device.h that osdimage uses, and what it adds. */

typedef struct _ntfs_attr ntfs_attr;

struct _ntfs_volume {
	uint16_t flags;
	uint32_t cluster_size;
	int64_t nr_clusters, free_clusters;
	ntfs_attr *lcnbmp_na;
	...;
};
typedef struct _ntfs_volume ntfs_volume;

#define NTFS_MNT_RDONLY ...
#define NTFS_MNT_FORENSIC ...
#define NTFS_MNT_IGNORE_HIBERFILE ...

ntfs_volume *ntfs_mount(const char *name, unsigned long flags);
int ntfs_umount(ntfs_volume *volume, int force);
int ntfs_volume_get_free_space(ntfs_volume *volume);
int ntfs_volume_write_flags(ntfs_volume *volume, uint16_t flags);
int ntfs_logfile_reset(ntfs_volume *volume);
int64_t ntfs_attr_pread(ntfs_attr *attribute, int64_t position, int64_t count, void *buffer);

/* The device layer, through which the tests reach a slice as libntfs-3g does. */
struct ntfs_device;
struct stat;
struct ntfs_device_operations {
	int (*open)(struct ntfs_device *device, int flags);
	int (*close)(struct ntfs_device *device);
	int64_t (*seek)(struct ntfs_device *device, int64_t offset, int whence);
	int64_t (*read)(struct ntfs_device *device, void *buffer, int64_t count);
	int64_t (*write)(struct ntfs_device *device, const void *buffer, int64_t count);
	int64_t (*pread)(struct ntfs_device *device, void *buffer, int64_t count, int64_t offset);
	int64_t (*pwrite)(struct ntfs_device *device, const void *buffer, int64_t count, int64_t offset);
	int (*sync)(struct ntfs_device *device);
	int (*stat)(struct ntfs_device *device, struct stat *facts);
	int (*ioctl)(struct ntfs_device *device, unsigned long request, void *argument);
	...;
};
struct ntfs_device {
	struct ntfs_device_operations *d_ops;
	...;
};
struct stat {
	int64_t st_size;
	uint32_t st_mode;
	...;
};
extern struct ntfs_device_operations ntfs_device_unix_io_ops;
struct ntfs_device *ntfs_device_alloc(const char *name, const long state, struct ntfs_device_operations *operations,
				      void *data);
int ntfs_device_free(struct ntfs_device *device);

/* volume.h */
#define OSD_NTFS_HIBERNATED ...
#define OSD_NTFS_LOG_IN_USE ...
#define OSD_NTFS_MOST_KEPT ...
typedef int (*osd_ntfs_report)(int64_t removed, void *listener);
int64_t osd_ntfs_files(ntfs_volume *volume);
int osd_ntfs_hazards(ntfs_volume *volume);
int64_t osd_ntfs_wipe(ntfs_volume *volume, const uint16_t *paths, size_t paths_length,
		      osd_ntfs_report report, void *listener);
int64_t osd_ntfs_set_aside(ntfs_volume *volume, const uint16_t *names, size_t names_length, const uint16_t *place,
			   size_t place_length);
int64_t osd_ntfs_bring_back(ntfs_volume *volume, const uint16_t *place, size_t place_length, osd_ntfs_report report,
			    void *listener);
struct osd_ntfs_about {
	uint64_t reference;
	int64_t size, modified;
	uint32_t attributes;
	int is_directory;
};
struct osd_ntfs_unread {
	int64_t extended;
	int64_t directories;
	int64_t clouded;
};
int osd_ntfs_about(ntfs_volume *volume, uint64_t reference, struct osd_ntfs_about *about);
int osd_ntfs_child(ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length,
		   struct osd_ntfs_about *about);
int osd_ntfs_list(ntfs_volume *volume, uint64_t directory, uint8_t **list, size_t *size);
int64_t osd_ntfs_read(ntfs_volume *volume, uint64_t reference, int64_t offset, void *buffer, int64_t count);
int64_t osd_ntfs_find_false_claim(ntfs_volume *volume, struct osd_ntfs_unread *unread);
int osd_ntfs_overwrite(ntfs_volume *volume, uint64_t reference, const void *buffer, int64_t count, int64_t time);
int osd_ntfs_overwrite_covered(ntfs_volume *volume, uint64_t reference, const uint16_t *stream, size_t length,
                               const void *buffer, int64_t count, int64_t time);
int osd_ntfs_reserve(ntfs_volume *volume, uint64_t reference, int64_t size);
int osd_ntfs_write(ntfs_volume *volume, uint64_t reference, int64_t offset, const void *buffer, int64_t count);
int osd_ntfs_make(ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length, int is_directory,
		  const void *buffer, int64_t count, int64_t time, struct osd_ntfs_about *about);
int osd_ntfs_set_attributes(ntfs_volume *volume, uint64_t reference, uint32_t attributes);
int osd_ntfs_delete(ntfs_volume *volume, uint64_t directory, const uint16_t *name, size_t length);
int osd_ntfs_sync(ntfs_volume *volume);

/* Implemented in callbacks.py. */
extern "Python" int osd_on_removed(int64_t removed, void *listener);

/* slices/source.h */
enum osd_find { OSD_FIND_DATA, OSD_FIND_HOLE };
struct osd_source {
	int64_t size;
	int is_read_only;
	...;
};
struct osd_source *osd_source_of_file(int fd);
#define OSD_STAGED_PAGE ...
struct osd_source *osd_source_staged(struct osd_source *below, int64_t begin, int64_t length, const uint8_t *used,
				     int64_t clusters, int64_t cluster_size);
struct osd_source *osd_source_joined(struct osd_source *first, int64_t begin, int64_t length,
                                     struct osd_source *second);
int64_t osd_staged_next(struct osd_source *source, int64_t page);
int osd_staged_touched(struct osd_source *source, int64_t size, int64_t at);
struct osd_fve_part {
	int64_t begin;
	int64_t end;
	int64_t moved_to;
};
struct osd_source *osd_source_fve(struct osd_source *below, int64_t begin, int64_t length, uint32_t sector_size,
				  int method, const uint8_t *key, size_t key_size, const struct osd_fve_part *parts,
				  unsigned part_count);
#define OSD_NBD_MOST_LINKS ...
struct osd_source *osd_source_nbd(const int *sockets, unsigned count, const char *name, int patience);
void osd_nbd_end(struct osd_source *source);
void osd_source_release(struct osd_source *source);
int osd_source_holds(const struct osd_source *source, int64_t size, int64_t at);
int osd_source_read(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at);
int osd_source_write(struct osd_source *source, const uint8_t *buffer, int64_t size, int64_t at);
int64_t osd_source_find(struct osd_source *source, enum osd_find what, int64_t at, int64_t end);
int osd_source_zero(struct osd_source *source, int64_t size, int64_t at, int may_punch);
int osd_source_sync(struct osd_source *source);
void osd_source_sync_all(struct osd_source *const *sources, unsigned count, int *errors);

/* slices/units.h, slices/window.h, slices/registry.h, slices/device.h */
#define OSD_CACHE_BLOCK ...
struct osd_slice_counters {
	uint64_t reads, read_bytes, writes, written_bytes, hits, misses, holes;
	uint64_t file_reads, file_read_bytes, file_writes, file_written_bytes, syncs;
};
int osd_slice_install(void);
int64_t osd_slice_register(struct osd_source *source, int64_t offset, int64_t length, uint32_t sector_size,
			   int read_only, int sync, uint64_t cache_size);
int osd_slice_unregister(int64_t number);
int osd_slice_error(int64_t number);
int osd_slice_read_error(int64_t number);
int osd_slice_counters(int64_t number, struct osd_slice_counters *counters);

/* <fcntl.h> of Linux. */
#define FALLOC_FL_KEEP_SIZE ...
#define FALLOC_FL_PUNCH_HOLE ...
int fallocate(int fd, int mode, int64_t offset, int64_t length);
