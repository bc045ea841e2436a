/*
 * What a capture leaves out, by patterns of paths.
 *
 * The rules are libwim's (its manual, wimlib-imagex capture, "CAPTURE CONFIGURATION FILE"), but not its way: it tries
 * all places for each '*' one inside the other, so that a pattern with six of them and a name of 200 characters take
 * hours.  Going back to the last '*' only is enough, as an earlier one can take nothing that the last could not, and
 * takes name x pattern steps at most.
 *
 * '?' stands for a character, not for a byte of UTF-8.  Case is that of Windows, or told apart.
 */
#define _GNU_SOURCE
#include "wim/patterns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wim/names.h"

/* A path or a pattern: its characters, in upper case unless case is told apart, and where each component begins; the last number is the end. */
struct parts {
	uint32_t *characters;
	size_t *begins;
	size_t count;
	size_t capacity;
};

struct pattern {
	struct parts parts;
	bool is_exception;
	bool is_name; /* of one component, and fits the last of a path */
};

struct osd_patterns {
	struct pattern *patterns;
	size_t count;
	size_t capacity;
	char **paths; /* that are left out whatever else is said; in order once they are looked for */
	size_t path_count;
	size_t path_capacity;
	bool is_sorted;
	bool is_exact;	   /* case is told apart */
	struct parts path; /* of the last path, its memory is used again */
};

static void
release(struct parts *parts)
{
	free(parts->characters);
	free(parts->begins);
	memset(parts, 0, sizeof(*parts));
}

/* Split a text into characters and components.  Of several '*' one behind the other a pattern needs only the first. */
static int
split(struct parts *parts, const char *text, bool is_pattern, bool is_exact)
{
	size_t length = strlen(text), filled = 0;
	const char *end = text + length;
	bool is_begun = false;

	if (length + 2 > parts->capacity) {
		release(parts);
		parts->characters = calloc(length + 2, sizeof(*parts->characters));
		parts->begins = calloc(length + 2, sizeof(*parts->begins));
		if (parts->characters == NULL || parts->begins == NULL) {
			release(parts);
			return -1;
		}
		parts->capacity = length + 2;
	}
	parts->count = 0;
	while (text < end) {
		uint32_t character = osd_next_character(&text, end);

		if (!is_exact)
			character = osd_upper(character);

		if (character == '/' || (is_pattern && character == '\\')) {
			is_begun = false;
			continue;
		}
		if (!is_begun)
			parts->begins[parts->count++] = filled;
		else if (is_pattern && character == '*' && parts->characters[filled - 1] == '*')
			continue;
		is_begun = true;
		parts->characters[filled++] = character;
	}
	parts->begins[parts->count] = filled;
	return 0;
}

static bool
fits(const uint32_t *name, const uint32_t *name_end, const uint32_t *pattern, const uint32_t *pattern_end)
{
	const uint32_t *behind_star = NULL, *taken_to = NULL;

	while (name < name_end) {
		if (pattern < pattern_end && *pattern == '*') {
			behind_star = ++pattern;
			taken_to = name;
		} else if (pattern < pattern_end && (*pattern == '?' || *pattern == *name)) {
			pattern++;
			name++;
		} else if (behind_star != NULL) {
			pattern = behind_star;
			name = ++taken_to;
		} else {
			return false;
		}
	}
	while (pattern < pattern_end && *pattern == '*')
		pattern++;
	return pattern == pattern_end;
}

static bool
component_fits(const struct parts *path, size_t of_path, const struct parts *pattern, size_t of_pattern)
{
	return fits(path->characters + path->begins[of_path], path->characters + path->begins[of_path + 1],
		    pattern->characters + pattern->begins[of_pattern],
		    pattern->characters + pattern->begins[of_pattern + 1]);
}

/* A pattern also fits what is below what it fits, and an exception what leads there, too. */
static bool
pattern_fits(const struct pattern *pattern, const struct parts *path)
{
	if (pattern->is_name)
		return component_fits(path, path->count - 1, &pattern->parts, 0);
	if (path->count < pattern->parts.count && !pattern->is_exception)
		return false;
	for (size_t i = 0; i < path->count && i < pattern->parts.count; i++)
		if (!component_fits(path, i, &pattern->parts, i))
			return false;
	return true;
}

/* Return a set without patterns, in which case is told apart or not, or NULL without memory. */
struct osd_patterns *
osd_patterns_new(int is_exact)
{
	struct osd_patterns *patterns = calloc(1, sizeof(*patterns));

	if (patterns != NULL)
		patterns->is_exact = is_exact != 0;
	return patterns;
}

/* Add what is left out, or what is not although it fits that; one without any component is passed over.  0, or -1. */
int
osd_patterns_add(struct osd_patterns *patterns, const char *text, int is_exception)
{
	struct pattern *pattern;

	if (patterns->count == patterns->capacity) {
		size_t capacity = patterns->capacity > 0 ? patterns->capacity * 2 : 16;
		struct pattern *grown = reallocarray(patterns->patterns, capacity, sizeof(*grown));

		if (grown == NULL)
			return -1;
		patterns->patterns = grown;
		patterns->capacity = capacity;
	}
	pattern = &patterns->patterns[patterns->count];
	memset(pattern, 0, sizeof(*pattern));
	if (split(&pattern->parts, text, true, patterns->is_exact) != 0)
		return -1;
	if (pattern->parts.count == 0) {
		release(&pattern->parts);
		return 0;
	}
	pattern->is_exception = is_exception != 0;
	pattern->is_name = text[0] != '/' && text[0] != '\\';
	patterns->count++;
	return 0;
}

/* Add a path from the root, with '/' between its parts, that is left out as it is written.  0, or -1 without memory. */
int
osd_patterns_add_path(struct osd_patterns *patterns, const char *path)
{
	if (patterns->path_count == patterns->path_capacity) {
		size_t capacity = patterns->path_capacity > 0 ? patterns->path_capacity * 2 : 16;
		char **grown = reallocarray(patterns->paths, capacity, sizeof(*grown));

		if (grown == NULL)
			return -1;
		patterns->paths = grown;
		patterns->path_capacity = capacity;
	}
	patterns->paths[patterns->path_count] = strdup(path);
	if (patterns->paths[patterns->path_count] == NULL)
		return -1;
	patterns->path_count++;
	patterns->is_sorted = false;
	return 0;
}

static int
compare_paths(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static bool
is_listed(struct osd_patterns *patterns, const char *path)
{
	if (patterns->path_count == 0)
		return false;
	if (!patterns->is_sorted)
		qsort(patterns->paths, patterns->path_count, sizeof(*patterns->paths), compare_paths);
	patterns->is_sorted = true;
	return bsearch(&path, patterns->paths, patterns->path_count, sizeof(*patterns->paths), compare_paths) != NULL;
}

/* Tell whether a path from the root, with '/' between its parts, is left out: 1, 0, or -1 without memory. */
int
osd_patterns_exclude(struct osd_patterns *patterns, const char *path)
{
	bool is_excluded = false, is_excepted = false;

	if (is_listed(patterns, path))
		return 1;
	if (split(&patterns->path, path, false, patterns->is_exact) != 0)
		return -1;
	if (patterns->path.count == 0)
		return 0; /* the root */
	for (size_t i = 0; i < patterns->count && !is_excluded; i++)
		is_excluded = !patterns->patterns[i].is_exception && pattern_fits(&patterns->patterns[i], &patterns->path);
	for (size_t i = 0; i < patterns->count && is_excluded && !is_excepted; i++)
		is_excepted = patterns->patterns[i].is_exception && pattern_fits(&patterns->patterns[i], &patterns->path);
	return is_excluded && !is_excepted;
}

/* Free a set; NULL is fine. */
void
osd_patterns_free(struct osd_patterns *patterns)
{
	if (patterns == NULL)
		return;
	for (size_t i = 0; i < patterns->count; i++)
		release(&patterns->patterns[i].parts);
	for (size_t i = 0; i < patterns->path_count; i++)
		free(patterns->paths[i]);
	free(patterns->paths);
	free(patterns->patterns);
	release(&patterns->path);
	free(patterns);
}
