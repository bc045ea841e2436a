/*
 * What is known of which ranges of an export are zeros: runs of it, a bit for each 4 KiB, set where there may be data.
 *
 * Bits are only ever set, until the run is forgotten: by what the server tells, and by each write.  So a run can be
 * asked for while others write.  From osdimage's question to the server's answer the run is begun, but nothing of it
 * known; what is written meanwhile sets its bits as what is told does, in any order.
 *
 * It has no lock; who uses it has one, and asks for one run at a time.
 */
#include "nbd/known.h"

#include <string.h>

#define BITS 64

static int64_t
smaller(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* The run in which a place is known, or NULL. */
const struct osd_nbd_run *
osd_nbd_known_at(const struct osd_nbd_known *known, int64_t at)
{
	for (unsigned i = 0; i < OSD_NBD_RUNS; i++)
		if (at >= known->runs[i].begin && at < known->runs[i].end)
			return &known->runs[i];
	return NULL;
}

/* Where the run of a place begins: at a whole number of runs, unless the server has told of the first of that alone. */
static int64_t
run_begin(const struct osd_nbd_known *known, int64_t at)
{
	int64_t begin = at / OSD_NBD_RUN * OSD_NBD_RUN;

	return osd_nbd_known_at(known, begin) == NULL ? begin : at / OSD_NBD_UNIT * OSD_NBD_UNIT;
}

/* Begin the run of a place in an export of so many bytes, of which nothing is known yet; another is given up for it. */
struct osd_nbd_run *
osd_nbd_known_begin(struct osd_nbd_known *known, int64_t at, int64_t size)
{
	struct osd_nbd_run *run = &known->runs[known->next];

	known->next = (known->next + 1) % OSD_NBD_RUNS;
	run->begin = run->end = run_begin(known, at);
	run->asked = size - run->begin < OSD_NBD_RUN ? size : run->begin + OSD_NBD_RUN;
	memset(run->data, 0, sizeof(run->data));
	return run;
}

static void
mark(struct osd_nbd_run *run, int64_t begin, int64_t end)
{
	int64_t unit, stop;

	if (begin < run->begin)
		begin = run->begin;
	end = smaller(end, run->asked);
	if (begin >= end)
		return;
	unit = (begin - run->begin) / OSD_NBD_UNIT;
	stop = (end - run->begin - 1) / OSD_NBD_UNIT + 1;
	while (unit < stop) {
		int64_t word = unit / BITS, last = smaller(stop, (word + 1) * BITS);
		uint64_t mask = ~UINT64_C(0) << (unit % BITS);

		if (last % BITS != 0)
			mask &= ~(~UINT64_C(0) << (last % BITS));
		run->data[word] |= mask;
		unit = last;
	}
}

/* Remember that there may be data in a range. */
void
osd_nbd_known_mark(struct osd_nbd_known *known, int64_t begin, int64_t end)
{
	for (unsigned i = 0; i < OSD_NBD_RUNS; i++)
		mark(&known->runs[i], begin, end);
}

/* All that is marked of a run up to here is all that is data: the server has told so much. */
void
osd_nbd_known_told(struct osd_nbd_run *run, int64_t end)
{
	if (end < run->asked) {
		end = end / OSD_NBD_UNIT * OSD_NBD_UNIT;
		/* Of a unit of which only a part was told, what is not known is data. */
		if (end <= run->begin) {
			end = smaller(run->begin + OSD_NBD_UNIT, run->asked);
			mark(run, run->begin, end);
		}
	}
	run->end = smaller(end, run->asked);
}

/* Know nothing.  A run that was begun may still be told. */
void
osd_nbd_known_forget(struct osd_nbd_known *known)
{
	for (unsigned i = 0; i < OSD_NBD_RUNS; i++)
		known->runs[i].end = known->runs[i].begin;
}

/* Find the first data or hole of a range that is known.  Returns where it begins, or end when there is none. */
int64_t
osd_nbd_known_find(const struct osd_nbd_run *run, enum osd_find what, int64_t at, int64_t end)
{
	uint64_t turned = what == OSD_FIND_DATA ? 0 : ~UINT64_C(0);
	int64_t unit = (at - run->begin) / OSD_NBD_UNIT;

	while (at < end) {
		uint64_t found = (run->data[unit / BITS] ^ turned) >> (unit % BITS);

		if (found != 0) {
			int64_t begin = run->begin + (unit + __builtin_ctzll(found)) * OSD_NBD_UNIT;

			return smaller(begin > at ? begin : at, end);
		}
		unit = (unit / BITS + 1) * BITS;
		at = run->begin + unit * OSD_NBD_UNIT;
	}
	return end;
}
