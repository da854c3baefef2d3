/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_COMMAND_HELPER_H
#define CONNTAB_COMMAND_HELPER_H

#include "conntab/helper.h"
#include "policy.h"

/* What a helper of conntrackd announces. */
struct known_helper {
	const char *name;
	uint8_t protocols[2];
	uint16_t port;
	uint8_t data;
	uint8_t max;
	uint16_t timeout;
};

extern const struct known_helper known_helpers[]; /* ends with a NULL name */

/* NULL: not one of them. */
const struct known_helper *known_helper_find(const char *name, uint8_t protocol);

/* Which helpers are meant: those of a name, of a family and a protocol if these are given. */
struct helper_selection {
	const char *name; /* NULL: all */
	uint8_t family;
	uint8_t protocol;
};

struct helper_list {
	struct helper *helpers; /* to be freed */
	size_t count;
	const struct helper_selection *selection;
	struct suggestion suggestion;
};

/* Fills in a list with what is selected; one of a name must be there. 0 or -errno with job->error. */
int helper_list_read(struct policy_job *job, const struct helper_selection *selection, struct helper_list *list);
/* The word for a protocol, or its number in `space`. */
const char *helper_protocol_name(uint8_t number, char space[8]);
/* Prints them in the job's format. 0 or -errno with job->error. */
int helper_print(struct policy_job *job, const struct helper_list *list);

#endif
