/* Whether the memory of this process may be looked at, in a core file or by another process. */
#ifndef OSDIMAGE_FVE_DUMP_H
#define OSDIMAGE_FVE_DUMP_H

int osd_dump_forbid(void);
void osd_dump_allow(void);

#endif
