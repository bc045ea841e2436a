/* What a capture leaves out, by patterns of paths.  See patterns.c. */
#ifndef OSDIMAGE_PATTERNS_H
#define OSDIMAGE_PATTERNS_H

struct osd_patterns;

struct osd_patterns *osd_patterns_new(int is_exact);
int osd_patterns_add(struct osd_patterns *patterns, const char *text, int is_exception);
int osd_patterns_add_path(struct osd_patterns *patterns, const char *path);
int osd_patterns_exclude(struct osd_patterns *patterns, const char *path);
void osd_patterns_free(struct osd_patterns *patterns);

#endif
