/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of the old packet filter for an event socket: the kernel runs it for each
 * message (sk_filter() in do_one_broadcast(), net/netlink/af_netlink.c) and drops what
 * it refuses before it takes room in the buffer. Attributes are found by the
 * extensions SKF_AD_NLATTR and SKF_AD_NLATTR_NEST (net/core/filter.c), which give
 * an offset, or 0 when there is no such attribute.
 */
#include <linux/filter.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "conntab/field.h"
#include "internal.h"

enum {
	PROGRAM_MAX = 512, /* each test takes 15 instructions at most, IPv6 addresses four tests */
	TEST_MAX = 16,
	ATTRIBUTES = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg)),
	PASS = 0xffffffff,
};

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short count;
};

static struct sock_filter *put(struct program *program, unsigned code, uint32_t number)
{
	struct sock_filter *instruction = &program->code[program->count++];

	*instruction = (struct sock_filter){ .code = (uint16_t)code, .k = number };
	return instruction;
}

/* Goes on if the accumulator has that value; else the message is dropped. */
static void put_equal(struct program *program, uint32_t value)
{
	put(program, BPF_JMP | BPF_JEQ | BPF_K, value)->jt = 1;
	put(program, BPF_RET | BPF_K, 0);
}

/* A test of a number in an attribute. */
struct test {
	const uint8_t *path; /* types from the outermost, ended by 0 or by FIELD_PATH_DEPTH */
	unsigned width;      /* BPF_B, BPF_H or BPF_W */
	uint32_t offset;     /* in the payload */
	uint32_t value, mask;
	bool is_zero_absent; /* where the attribute is missing the number is 0; else it is not known */
};

static void put_test(struct program *program, const struct test *test)
{
	unsigned short missing[FIELD_PATH_DEPTH];
	unsigned depth = 0;

	if (program->count + TEST_MAX + 1 > PROGRAM_MAX)
		return;
	put(program, BPF_LD | BPF_IMM, ATTRIBUTES);
	for (; depth < FIELD_PATH_DEPTH && test->path[depth]; depth++) {
		put(program, BPF_LDX | BPF_IMM, test->path[depth]);
		put(program, BPF_LD | BPF_B | BPF_ABS,
		    (uint32_t)SKF_AD_OFF + (depth ? SKF_AD_NLATTR_NEST : SKF_AD_NLATTR));
		missing[depth] = program->count;
		put(program, BPF_JMP | BPF_JEQ | BPF_K, 0);
	}
	put(program, BPF_MISC | BPF_TAX, 0);
	put(program, BPF_LD | test->width | BPF_IND, NLA_HDRLEN + test->offset);
	if (test->mask != UINT32_MAX)
		put(program, BPF_ALU | BPF_AND | BPF_K, test->mask);
	put_equal(program, test->value);
	/* Past the test, or to its last instruction, which drops. */
	while (depth-- > 0)
		program->code[missing[depth]].jt =
			(uint8_t)(program->count - missing[depth] - (test->is_zero_absent && test->value ? 2 : 1));
}

static void put_address(struct program *program, const uint8_t *path, const struct address *address)
{
	for (uint32_t i = 0; i < (address->family == AF_INET ? 4 : 16); i += 4) {
		const uint8_t *bytes = address->bytes + i;
		struct test test = { .path = path, .width = BPF_W, .offset = i, .mask = UINT32_MAX };

		test.value = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
		put_test(program, &test);
	}
}

/* Fields of one or two bytes, and addresses; of those with two paths the second one is IPv6's. */
static void put_tuple_member(struct program *program, const struct record *tuple, enum field_id id)
{
	const struct field *field = &fields[id];
	struct value value = field_value(id, tuple);
	const struct address *address = value.data;
	bool is_second = field->kind == KIND_ADDRESS ? address->family == AF_INET6 :
			 field->paths[1][0] && tuple->proto == IPPROTO_ICMPV6;
	struct test test = { .path = field->paths[is_second], .width = field->size == 1 ? BPF_B : BPF_H,
			     .value = (uint32_t)value.number, .mask = UINT32_MAX };

	if (field->kind == KIND_ADDRESS)
		put_address(program, test.path, address);
	else
		put_test(program, &test);
}

static void put_filter(struct program *program, const struct kernel_filter *filter)
{
	struct test mark = { .path = fields[FIELD_mark].paths[0], .width = BPF_W, .value = filter->mark,
			     .mask = filter->mark_mask, .is_zero_absent = true };
	struct test status = { .path = fields[FIELD_status].paths[0], .width = BPF_W, .value = filter->status,
			       .mask = filter->status_mask };
	struct test zone = { .path = fields[FIELD_zone].paths[0], .width = BPF_H, .value = filter->zone,
			     .mask = UINT32_MAX, .is_zero_absent = true };

	if (filter->family != AF_UNSPEC) {
		put(program, BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct nfgenmsg, nfgen_family));
		put_equal(program, filter->family);
	}
	if (filter->has_mark)
		put_test(program, &mark);
	if (filter->has_status)
		put_test(program, &status);
	if (filter->has_zone)
		put_test(program, &zone);
	for (enum field_id id = 0; id < FIELD_STORED; id++)
		if (field_set_has(&filter->tuple_fields, id))
			put_tuple_member(program, &filter->tuple, id);
}

void netlink_attach_filter(int fd, const struct kernel_filter *filter)
{
	struct program program = { .count = 0 };
	struct sock_fprog attached = { .filter = program.code };

	put_filter(&program, filter);
	if (program.count == 0)
		return;
	put(&program, BPF_RET | BPF_K, PASS);
	attached.len = program.count;
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof(attached));
}
