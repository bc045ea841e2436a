/* An image into an empty directory.  struct osd_sink is in engine.cdef.h, struct osd_tree in bulk.cdef.h. */

/* link_target.h */
char *osd_link_target(uint32_t tag, const uint8_t *data, size_t size, const char *above);

/* directory.h */
enum osd_directory_reason {
	OSD_DIRECTORY_CAN, OSD_DIRECTORY_DAMAGED_TREE, OSD_DIRECTORY_ELSEWHERE, OSD_DIRECTORY_ENCRYPTED,
	OSD_DIRECTORY_REPARSE_TAG, OSD_DIRECTORY_LINK, ...
};
struct osd_directory_error { int number; uint32_t entry; int is_link; };
struct osd_directory {
	struct osd_sink sink;
	enum osd_directory_reason reason;
	uint32_t reason_entry;
	struct osd_directory_error error;
	uint64_t undated;
	uint32_t undated_entry;
	int undated_number;
	uint32_t folders, to_make, made, dated;
	...;
};
void osd_directory_narrow(struct osd_tree *tree);
struct osd_directory *osd_directory_new(const struct osd_tree *tree);
void osd_directory_allow_tags(struct osd_directory *directory);
int osd_directory_put_above(struct osd_directory *directory, const char *above, const uint8_t *links);
int osd_directory_check(struct osd_directory *directory);
int osd_directory_open(struct osd_directory *directory, int root, unsigned descriptors, unsigned workers);
int osd_directory_make(struct osd_directory *directory, uint32_t most);
int osd_directory_date(struct osd_directory *directory, uint32_t most);
void osd_directory_free(struct osd_directory *directory);
