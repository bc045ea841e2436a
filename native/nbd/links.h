/* The connections of one source to its NBD server.  See links.c. */
#ifndef OSDIMAGE_NBD_LINKS_H
#define OSDIMAGE_NBD_LINKS_H

#include <pthread.h>
#include <stdint.h>

#include "nbd/known.h"
#include "nbd/requests.h"
#include "slices/source.h"

/* A connection, and what its reads left behind. */
struct osd_nbd_link {
	struct osd_nbd_connection connection;
	int is_idle;
	uint64_t turn;			/* when it was given back */
	uint64_t changes;		/* how many there were when it was taken */
	int64_t next;			/* where the last read ended */
	uint8_t *ahead;			/* what was read ahead */
	int64_t ahead_begin;
	int64_t ahead_end;
};

struct osd_nbd_links {
	pthread_mutex_t lock;		/* of all that follows, but of a link that is not idle */
	pthread_cond_t has_idle;
	int error;			/* why there will be no request any more, or 0 */
	uint64_t changes;
	uint64_t turns;
	struct osd_nbd_known known;
	unsigned count;
	struct osd_nbd_link links[OSD_NBD_MOST_LINKS];
};

/* What was agreed on, by all of them. */
static inline const struct osd_nbd_export *
osd_nbd_export_of(const struct osd_nbd_links *links)
{
	return &links->links[0].connection.export;
}

int osd_nbd_links_open(struct osd_nbd_links *links, const int *sockets, unsigned count, const char *name, int patience);
void osd_nbd_links_leave(struct osd_nbd_links *links);
void osd_nbd_links_free(struct osd_nbd_links *links);

struct osd_nbd_link *osd_nbd_take(struct osd_nbd_links *links, int64_t at);
struct osd_nbd_link *osd_nbd_take_locked(struct osd_nbd_links *links, int64_t at);
int osd_nbd_give_back(struct osd_nbd_links *links, struct osd_nbd_link *link, int result);
int osd_nbd_give_back_locked(struct osd_nbd_links *links, struct osd_nbd_link *link, int result);
int osd_nbd_give_back_changed(struct osd_nbd_links *links, struct osd_nbd_link *link, int result, int64_t size,
			      int64_t at);

#endif
