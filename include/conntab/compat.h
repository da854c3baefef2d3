/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_COMPAT_H
#define CONNTAB_COMPAT_H

#include "conntab/draft.h"

/*
 * conntrack(8)'s own options, as a line of `conntrack -o save` has them and
 * `conntrack -R` reads them.
 */

/* What the line asks for: -A, -I, -U, -D. */
enum compat_command {
	COMPAT_NONE,
	COMPAT_ADD,    /* make the entry unless it is there */
	COMPAT_CREATE, /* make it; that it is there is a failure */
	COMPAT_UPDATE,
	COMPAT_DELETE,
	COMPAT_COMMANDS,
};

struct compat_entry {
	enum compat_command command;
	struct draft draft; /* complete for -A and -I; for -U and -D its original tuple is */
};

/*
 * Reads one line: options, then behind "--" more terms as draft_terms() takes them, which
 * win over options. Words may stand in single or double quotes; "#" begins a comment.
 * Returns 1 with an entry, 0 for a line without one (blank, comment), or -EINVAL with
 * `error`, its column counted in the line. `family`: AF_UNSPEC, or the only one taken.
 */
int compat_read_line(struct slice line, uint8_t family, struct naming *naming, struct compat_entry *entry,
		     struct error *error);

#endif
