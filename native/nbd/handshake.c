/*
 * What a client and an NBD server agree on before the first request: the "fixed newstyle" handshake of the protocol
 * (NetworkBlockDevice/nbd, doc/proto.md), "Newstyle negotiation".
 *
 * Three options: structured replies, the metadata context "base:allocation" (which ranges are zeros), and the export.
 * A server that does not have one of the first two is used without; in its answers nothing else is passed over.
 */
#define _GNU_SOURCE
#include "nbd/handshake.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "fail.h"
#include "nbd/wire.h"

#define MAGIC UINT64_C(0x4e42444d41474943)
#define OPTION_MAGIC UINT64_C(0x49484156454f5054)
#define REPLY_MAGIC UINT64_C(0x0003e889045565a9)

#define FIXED_NEWSTYLE 1
#define NO_ZEROES 2

enum option { OPTION_GO = 7, OPTION_STRUCTURED = 8, OPTION_SET_CONTEXT = 10 };

/* Types of replies; those of errors have the highest bit. */
#define REPLY_ACK 1
#define REPLY_INFO 3
#define REPLY_CONTEXT 4
#define REPLY_IS_ERROR UINT32_C(0x80000000)
#define REPLY_UNSUPPORTED (REPLY_IS_ERROR | 1)
#define REPLY_UNKNOWN (REPLY_IS_ERROR | 6)

#define INFO_EXPORT 0
#define CONTEXT "base:allocation"
#define CONTEXT_LENGTH (sizeof(CONTEXT) - 1)
/* Of the name of an export, which the protocol lets have 4096 bytes. */
#define LONGEST_NAME 256
/* A reply has no more than a text of 4096 bytes and some numbers. */
#define LONGEST_REPLY 8192
/* Replies to one option before the last. */
#define MOST_REPLIES 64

struct __attribute__((packed)) greeting {
	uint64_t magic, option_magic;
	uint16_t flags;
};

struct __attribute__((packed)) option_head {
	uint64_t magic;
	uint32_t option, length;
};

struct __attribute__((packed)) reply_head {
	uint64_t magic;
	uint32_t option, type, length;
};

struct __attribute__((packed)) export_info {
	uint16_t kind;
	uint64_t size;
	uint16_t flags;
};

struct __attribute__((packed)) context_info {
	uint32_t number;
	char name[CONTEXT_LENGTH];
};

/* The start of a reply, as much of it as anybody wants. */
struct reply {
	uint32_t type;
	uint32_t length;
	uint8_t data[32];
};

/* What an option carries, which is put together from numbers and texts. */
struct payload {
	uint32_t length;
	uint8_t data[LONGEST_NAME + 64];
};

static void
add(struct payload *payload, const void *data, size_t size)
{
	memcpy(payload->data + payload->length, data, size);
	payload->length += (uint32_t)size;
}

static void
add_text(struct payload *payload, const char *text)
{
	uint32_t length = (uint32_t)strlen(text), told = htobe32(length);

	add(payload, &told, sizeof(told));
	add(payload, text, length);
}

static int
put_option(int fd, enum option option, struct payload *payload)
{
	struct option_head head = { htobe64(OPTION_MAGIC), htobe32(option), htobe32(payload->length) };
	struct iovec pieces[2] = { { &head, sizeof(head) }, { payload->data, payload->length } };

	return osd_nbd_put(fd, pieces, 2);
}

static int
get_reply(int fd, enum option option, struct reply *reply)
{
	struct reply_head head;
	size_t kept;

	if (osd_nbd_get(fd, &head, sizeof(head)) != 0)
		return -1;
	reply->type = be32toh(head.type);
	reply->length = be32toh(head.length);
	if (be64toh(head.magic) != REPLY_MAGIC || be32toh(head.option) != option || reply->length > LONGEST_REPLY)
		return fail(EPROTO);
	kept = reply->length < sizeof(reply->data) ? reply->length : sizeof(reply->data);
	if (osd_nbd_get(fd, reply->data, kept) != 0)
		return -1;
	return osd_nbd_skip(fd, reply->length - kept);
}

static int
greet(int fd)
{
	struct greeting greeting;
	uint32_t answer;
	struct iovec piece = { &answer, sizeof(answer) };

	if (osd_nbd_get(fd, &greeting, sizeof(greeting)) != 0)
		return -1;
	if (be64toh(greeting.magic) != MAGIC || be64toh(greeting.option_magic) != OPTION_MAGIC ||
	    (be16toh(greeting.flags) & FIXED_NEWSTYLE) == 0)
		return fail(EPROTO);
	answer = htobe32(FIXED_NEWSTYLE | (be16toh(greeting.flags) & NO_ZEROES));
	return osd_nbd_put(fd, &piece, 1);
}

static int
ask_structured(int fd, struct osd_nbd_export *export)
{
	struct payload payload = { .length = 0 };
	struct reply reply;

	if (put_option(fd, OPTION_STRUCTURED, &payload) != 0 || get_reply(fd, OPTION_STRUCTURED, &reply) != 0)
		return -1;
	if (reply.type != REPLY_ACK && (reply.type & REPLY_IS_ERROR) == 0)
		return fail(EPROTO);
	export->is_structured = reply.type == REPLY_ACK;
	return 0;
}

static int
take_context(const struct reply *reply, struct osd_nbd_export *export)
{
	struct context_info info;

	if (reply->length != sizeof(info) || export->has_status)
		return fail(EPROTO);
	memcpy(&info, reply->data, sizeof(info));
	if (memcmp(info.name, CONTEXT, CONTEXT_LENGTH) != 0)
		return fail(EPROTO);
	export->has_status = 1;
	export->status_context = be32toh(info.number);
	return 0;
}

static int
ask_context(int fd, const char *name, struct osd_nbd_export *export)
{
	uint32_t queries = htobe32(1);
	struct payload payload = { .length = 0 };
	struct reply reply;

	add_text(&payload, name);
	add(&payload, &queries, sizeof(queries));
	add_text(&payload, CONTEXT);
	if (put_option(fd, OPTION_SET_CONTEXT, &payload) != 0)
		return -1;
	for (int i = 0; i < MOST_REPLIES; i++) {
		if (get_reply(fd, OPTION_SET_CONTEXT, &reply) != 0)
			return -1;
		if (reply.type == REPLY_ACK)
			return 0;
		if ((reply.type & REPLY_IS_ERROR) != 0) {
			export->has_status = 0;
			return 0;
		}
		if (reply.type != REPLY_CONTEXT || take_context(&reply, export) != 0)
			return fail(EPROTO);
	}
	return fail(EPROTO);
}

static int
take_info(const struct reply *reply, struct osd_nbd_export *export)
{
	struct export_info info;
	uint64_t size;

	if (reply->length < sizeof(info.kind))
		return fail(EPROTO);
	memcpy(&info.kind, reply->data, sizeof(info.kind));
	if (be16toh(info.kind) != INFO_EXPORT)
		return 0;
	if (reply->length != sizeof(info))
		return fail(EPROTO);
	memcpy(&info, reply->data, sizeof(info));
	size = be64toh(info.size);
	export->flags = be16toh(info.flags);
	if (size > INT64_MAX || (export->flags & OSD_NBD_HAS_FLAGS) == 0)
		return fail(EPROTO);
	export->size = (int64_t)size;
	return 0;
}

static int
ask_export(int fd, const char *name, struct osd_nbd_export *export)
{
	uint16_t requests = 0;
	struct payload payload = { .length = 0 };
	struct reply reply;

	add_text(&payload, name);
	add(&payload, &requests, sizeof(requests));
	if (put_option(fd, OPTION_GO, &payload) != 0)
		return -1;
	for (int i = 0; i < MOST_REPLIES; i++) {
		if (get_reply(fd, OPTION_GO, &reply) != 0)
			return -1;
		if (reply.type == REPLY_ACK)
			return (export->flags & OSD_NBD_HAS_FLAGS) != 0 ? 0 : fail(EPROTO);
		if ((reply.type & REPLY_IS_ERROR) != 0)
			return fail(reply.type == REPLY_UNKNOWN	      ? ENOENT
				    : reply.type == REPLY_UNSUPPORTED ? EOPNOTSUPP
								      : EACCES);
		if (reply.type != REPLY_INFO || take_info(&reply, export) != 0)
			return fail(EPROTO);
	}
	return fail(EPROTO);
}

/*
 * Agree with the server on an export, so that requests may follow.  Returns 0, or -1 with errno: ENOENT when there is
 * no such export, EACCES when it is not given, EOPNOTSUPP when the server is too old, EPROTO when it does not keep to
 * the protocol, ENAMETOOLONG, ENOTCONN, ETIMEDOUT.
 */
int
osd_nbd_negotiate(int fd, const char *name, struct osd_nbd_export *export)
{
	*export = (struct osd_nbd_export){ .size = 0 };
	if (strlen(name) > LONGEST_NAME)
		return fail(ENAMETOOLONG);
	if (greet(fd) != 0 || ask_structured(fd, export) != 0)
		return -1;
	/* Its replies are structured. */
	if (export->is_structured && ask_context(fd, name, export) != 0)
		return -1;
	return ask_export(fd, name, export);
}
