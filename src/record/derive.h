/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_RECORD_DERIVE_H
#define CONNTAB_RECORD_DERIVE_H

#include "conntab/field.h"

/* The derive functions that fields.def names. Each sets or clears the one field it is named after. */
void derive_idle(struct record *record, struct environment *environment);
void derive_age(struct record *record, struct environment *environment);
void derive_packets(struct record *record, struct environment *environment);
void derive_bytes(struct record *record, struct environment *environment);
void default_zone(struct record *record, struct environment *environment);
void derive_gre_srckey(struct record *record, struct environment *environment);
void derive_gre_dstkey(struct record *record, struct environment *environment);
void derive_reply_gre_srckey(struct record *record, struct environment *environment);
void derive_reply_gre_dstkey(struct record *record, struct environment *environment);
void drop_gre_sport(struct record *record, struct environment *environment);
void drop_gre_dport(struct record *record, struct environment *environment);
void drop_gre_reply_sport(struct record *record, struct environment *environment);
void drop_gre_reply_dport(struct record *record, struct environment *environment);

#endif
