/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_PICTURE_H
#define CONNTAB_PICTURE_H

#include "conntab/field.h"

/*
 * What somebody who is told of events knows of the table: the entries he was told of
 * and not yet of their end, by tuple, zone and id. It takes about 160 bytes an
 * entry. Holding it against a dump (a "look") gives what he has missed.
 *
 * The look goes on while events come in, and either may be ahead of the other: an
 * entry that an event touched during a look is as the event said, whatever the dump
 * says of it, and one that ended then is remembered until the look is over.
 */
struct picture {
	struct known **buckets;
	size_t bucket_count;
	size_t told;        /* entries that he knows of */
	size_t kept;        /* with those that are remembered for the time of a look */
	size_t unproven;    /* of those told: no event came of them yet, so perhaps none ever will */
	uint32_t looks;     /* number of the present look, or of the last one */
	bool is_looking;
};

/* 0 or -ENOMEM. */
int picture_init(struct picture *picture);
void picture_done(struct picture *picture);
/* The fields that the picture needs of a record, added to `set`. */
void picture_fields(struct field_set *set);

/*
 * An event, in record->event; `matches` says whether he asked for such entries. Returns
 * which event to tell him of (it may differ), 0 for none, or -ENOMEM. An entry that he was
 * once told of is told of to its end.
 */
int picture_event(struct picture *picture, const struct record *record, bool matches);

/* A look: begin, an entry of the dump each, end. */
void picture_look_begin(struct picture *picture);
/* Returns EVENT_PRESENT for what he does not know, EVENT_UPDATE for what is not as he knows it, 0 or -ENOMEM. */
int picture_look(struct picture *picture, const struct record *record, bool matches);
/*
 * Calls `gone` with each entry that he knows of and that the dump did not have; unless
 * it is not `is_whole`. Stops where `gone` does not return 0, and returns that.
 */
int picture_look_end(struct picture *picture, bool is_whole, int (*gone)(void *data, struct record *record),
		     void *data);

#endif
