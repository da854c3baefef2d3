/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_COMMAND_TIMEOUT_H
#define CONNTAB_COMMAND_TIMEOUT_H

#include "conntab/timeout.h"
#include "policy.h"

/* Policies as they are at the moment. */
struct timeout_list {
	struct timeout_policy *policies; /* to be freed */
	size_t count;
};

/* Adds one; 0 or -ENOMEM. `data`: the list. */
int timeout_list_add(void *data, const struct timeout_policy *policy);
/* Reads them into an empty list. 0 or -errno with job->error. */
int timeout_list_read(struct policy_job *job, struct timeout_list *list);
/* The one of nfct's sort that has this name, or NULL. */
const struct timeout_policy *timeout_list_find(const struct timeout_list *list, const char *name);
/* Whether it is of nfct's sort, not an object of nftables. */
bool timeout_is_named(const struct timeout_policy *policy);
/* The word for a protocol, or its number in `space`. */
const char *timeout_protocol_name(uint8_t number, char space[8]);

/* Prints those of that name, NULL: all, in the job's format. 0 or -errno with job->error. */
int timeout_print(struct policy_job *job, const struct timeout_list *list, const char *name);

#endif
