/*
 * What is known of which ranges of an export are zeros: one run of it, a bit for each 4 KiB, set where there may be
 * data.
 *
 * Bits are only ever set, until the run is forgotten: by what the server tells, and by each write.  So a run can be
 * asked for while others write.  From osdimage's question to the server's answer the run is begun, but nothing of it
 * known; what is written meanwhile sets its bits as what is told does, in any order.
 *
 * It has no lock; who uses it has one.
 */
#include "nbd/known.h"

#include <string.h>

#define BITS 64

static int64_t
smaller(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* Begin the run of a place in an export of so many bytes; nothing of it is known yet. */
void
osd_nbd_known_begin(struct osd_nbd_known *known, int64_t at, int64_t size)
{
	known->begin = at / OSD_NBD_UNIT * OSD_NBD_UNIT;
	known->end = known->begin;
	known->asked = size - known->begin < OSD_NBD_RUN ? size : known->begin + OSD_NBD_RUN;
	memset(known->data, 0, sizeof(known->data));
}

/* Remember that there may be data in a range, as far as it lies in the run. */
void
osd_nbd_known_mark(struct osd_nbd_known *known, int64_t begin, int64_t end)
{
	int64_t unit, stop;

	if (begin < known->begin)
		begin = known->begin;
	end = smaller(end, known->asked);
	if (begin >= end)
		return;
	unit = (begin - known->begin) / OSD_NBD_UNIT;
	stop = (end - known->begin - 1) / OSD_NBD_UNIT + 1;
	while (unit < stop) {
		int64_t word = unit / BITS, last = smaller(stop, (word + 1) * BITS);
		uint64_t mask = ~UINT64_C(0) << (unit % BITS);

		if (last % BITS != 0)
			mask &= ~(~UINT64_C(0) << (last % BITS));
		known->data[word] |= mask;
		unit = last;
	}
}

/* All that is marked up to here is all that is data: the server has told so much. */
void
osd_nbd_known_told(struct osd_nbd_known *known, int64_t end)
{
	if (end < known->asked) {
		end = end / OSD_NBD_UNIT * OSD_NBD_UNIT;
		/* Of a unit of which only a part was told, what is not known is data. */
		if (end <= known->begin) {
			end = smaller(known->begin + OSD_NBD_UNIT, known->asked);
			osd_nbd_known_mark(known, known->begin, end);
		}
	}
	known->end = smaller(end, known->asked);
}

/* Know nothing.  A run that was begun may still be told. */
void
osd_nbd_known_forget(struct osd_nbd_known *known)
{
	known->end = known->begin;
}

/* Find the first data or hole of a range that is known.  Returns where it begins, or end when there is none. */
int64_t
osd_nbd_known_find(const struct osd_nbd_known *known, enum osd_find what, int64_t at, int64_t end)
{
	uint64_t turned = what == OSD_FIND_DATA ? 0 : ~UINT64_C(0);
	int64_t unit = (at - known->begin) / OSD_NBD_UNIT;

	while (at < end) {
		uint64_t found = (known->data[unit / BITS] ^ turned) >> (unit % BITS);

		if (found != 0) {
			int64_t begin = known->begin + (unit + __builtin_ctzll(found)) * OSD_NBD_UNIT;

			return smaller(begin > at ? begin : at, end);
		}
		unit = (unit / BITS + 1) * BITS;
		at = known->begin + unit * OSD_NBD_UNIT;
	}
	return end;
}
