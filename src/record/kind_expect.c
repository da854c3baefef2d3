/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flags of an expectation: NF_CT_EXPECT_* of include/uapi/linux/netfilter/nf_conntrack_common.h. */
#include <linux/netfilter/nf_conntrack_common.h>

#include "kind.h"

#define FLAG_WORD(name_, bit_) { .name = name_, .value = (bit_), .mask = (bit_) }

/* No bare words: what they say of an entry would not be clear. */
const struct word flags_words[] = {
	FLAG_WORD("permanent", NF_CT_EXPECT_PERMANENT),
	FLAG_WORD("inactive", NF_CT_EXPECT_INACTIVE),
	FLAG_WORD("userspace", NF_CT_EXPECT_USERSPACE),
	{ .name = NULL },
};

enum { FLAGS_BITS = 3 };

KIND_PARSE(flags_parse)
{
	return bits_parse(flags_words, text, maximum, naming, operand, reason);
}

KIND_NEXT(flags_next)
{
	return bits_next(flags_words, FLAGS_BITS, value, position, part);
}
