/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_STORE_H
#define CONNTAB_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "conntab/error.h"
#include "conntab/record.h"

/*
 * Records kept on disk, in a file without a name that ends with the process. A
 * record is in the file before store_add() returns, so that what is deleted next is
 * not lost. Room: about 400 bytes a record.
 */
struct store {
	int fd;          /* 0: no file yet (descriptor 0 is never one of ours) */
	uint64_t size;   /* bytes in use */
	uint64_t count;  /* records that were not dropped */
	int netns;       /* descriptor of the namespace that they are of; 0: none */
};

/*
 * Empties the store, for records of the namespace that the thread is in. Opens the
 * file at first: in $TMPDIR, /var/tmp or /tmp, mode 0600. 0 or -errno with `error`.
 */
int store_begin(struct store *store, struct error *error);
void store_done(struct store *store);

/* Adds a record; `*place` is where it is found again. 0 or -errno with `error`. */
int store_add(struct store *store, const struct record *record, uint64_t *place, struct error *error);
/* Takes one out, or back in again. */
void store_drop(struct store *store, uint64_t place);
void store_recall(struct store *store, uint64_t place);
/*
 * Reads the next record that was not dropped; `*cursor` is 0 at first and moves on,
 * `*place` is the record's. 1, 0 at the end, or -errno.
 */
int store_read(const struct store *store, uint64_t *cursor, uint64_t *place, struct record *record);

#endif
