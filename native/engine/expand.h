/* Expanding what a WIM stores, for one thread.  See expand.c. */
#ifndef OSDIMAGE_ENGINE_EXPAND_H
#define OSDIMAGE_ENGINE_EXPAND_H

#include <stdint.h>

#include "engine/units.h"

struct osd_expander;

struct osd_expander *osd_expander_new(void);
void osd_expander_free(struct osd_expander *expander);
int osd_expand_read(struct osd_expander *expander, const struct osd_run_file *file, uint64_t offset, uint64_t size,
		    const uint8_t **stored, uint64_t *got);
int osd_expand_small(struct osd_expander *expander, const struct osd_run_file *file, const struct osd_blob *blob,
		     const uint8_t *stored, const uint8_t **contents);
int osd_expand_unit(struct osd_expander *expander, const struct osd_run_file *file, const struct osd_unit *unit,
		    uint8_t *contents);
uint64_t osd_expand_input(const struct osd_unit *unit);

#endif
