/* Where the bytes of a slice are: a file or a device, or whatever else implements these operations.  See source.c. */
#ifndef OSDIMAGE_SLICE_SOURCE_H
#define OSDIMAGE_SLICE_SOURCE_H

#include <stdint.h>
#include <sys/uio.h>

/* What osd_source_find() looks for. */
enum osd_find {
	OSD_FIND_DATA,			/* what may be anything */
	OSD_FIND_HOLE,			/* what reads as zeros and takes no room */
};

struct osd_source;

/*
 * What a source implements.  It may count on this:
 *
 *   - A range lies in the source: the caller has checked that.  Ranges of read and writev may be empty, and so may
 *     pieces, of which there are IOV_MAX at most.
 *   - Nothing that changes the source is called for one that is read-only.
 *   - close is called once, when nobody uses the source any more, and nothing after it.
 *
 * and guarantees this:
 *
 *   - Threads: any of them may call any operation at any time.  What cannot be done at once (two requests on one
 *     connection) is locked inside; no operation depends on which thread called the one before.
 *   - All or nothing is told: 0, or -1 with errno.  After a failed writev, zero or sync it is unknown which part has
 *     happened, and the caller says so.  A signal is no failure (EINTR).  A source that ends too early is EIO.
 *   - When writev or zero has returned, every read has the new contents, in every thread, and they are out of this
 *     process: who reads after it was killed finds them, and those of an earlier call no later than those of a later
 *     one.  That is the order of writes that the cache argues with (cache.c).
 *   - When sync has returned, all for which writev and zero had returned before is on the medium.
 *   - Memory belongs to the caller, and a source does not call Python.
 */
struct osd_source_ops {
	/* Read a range. */
	int (*read)(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at);
	/* Write pieces one after the other.  The array may be changed, the pieces not. */
	int (*writev)(struct osd_source *source, struct iovec *pieces, int count, int64_t at);
	/*
	 * Tell where the first data (or hole) of a range begins, or end when there is none in it; -1 with errno.  What is
	 * not known is data.
	 */
	int64_t (*find)(struct osd_source *source, enum osd_find what, int64_t at, int64_t end);
	/*
	 * Make a range zeros without sending them: with may_punch as a hole, which gives its room back, without it so that
	 * the range keeps its room, or takes it.  1, 0 when this source cannot and nothing was changed, or -1 with errno.
	 */
	int (*zero)(struct osd_source *source, int64_t size, int64_t at, int may_punch);
	int (*sync)(struct osd_source *source);
	/* Free the source and what it holds. */
	void (*close)(struct osd_source *source);
};

/* The first member of what implements it. */
struct osd_source {
	const struct osd_source_ops *ops;
	int64_t size;			/* in bytes; does not change */
	int is_read_only;
	unsigned users;			/* see osd_source_keep() */
};

struct osd_source *osd_source_of_file(int fd);

/* Bytes that a staged source holds together. */
#define OSD_STAGED_PAGE 4096
struct osd_source *osd_source_staged(struct osd_source *below, int64_t begin, int64_t length, const uint8_t *used,
				     int64_t clusters, int64_t cluster_size);
struct osd_source *osd_source_joined(struct osd_source *first, int64_t begin, int64_t length,
				     struct osd_source *second);
int64_t osd_staged_next(struct osd_source *source, int64_t page);
int osd_staged_touched(struct osd_source *source, int64_t size, int64_t at);

/* A part of a BitLocker volume whose contents are not where it is; in bytes of the volume. */
struct osd_fve_part {
	int64_t begin;
	int64_t end;
	int64_t moved_to;		/* where they are, encrypted; below 0: nowhere, it reads as zeros */
};

struct osd_source *osd_source_fve(struct osd_source *below, int64_t begin, int64_t length, uint32_t sector_size,
				  int method, const uint8_t *key, size_t key_size, const struct osd_fve_part *parts,
				  unsigned part_count);

/* Connections of one source to an NBD server. */
#define OSD_NBD_MOST_LINKS 4
struct osd_source *osd_source_nbd(const int *sockets, unsigned count, const char *name, int patience);
void osd_nbd_end(struct osd_source *source);

/* Operations of sources that are only read; the last also of those that hold back what is written. */
int osd_source_no_writev(struct osd_source *source, struct iovec *pieces, int count, int64_t at);
int osd_source_no_zero(struct osd_source *source, int64_t size, int64_t at, int may_punch);
int osd_source_no_sync(struct osd_source *source);

void osd_source_init(struct osd_source *source, const struct osd_source_ops *ops, int64_t size, int is_read_only);
struct osd_source *osd_source_keep(struct osd_source *source);
void osd_source_release(struct osd_source *source);

/* Whether a range lies in the source. */
static inline int
osd_source_holds(const struct osd_source *source, int64_t size, int64_t at)
{
	return size >= 0 && at >= 0 && at <= source->size && size <= source->size - at;
}

int osd_source_read(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at);
int osd_source_write(struct osd_source *source, const uint8_t *buffer, int64_t size, int64_t at);
int64_t osd_source_find(struct osd_source *source, enum osd_find what, int64_t at, int64_t end);
int osd_source_zero(struct osd_source *source, int64_t size, int64_t at, int may_punch);
int osd_source_sync(struct osd_source *source);
void osd_source_sync_all(struct osd_source *const *sources, unsigned count, int *errors);

#endif
