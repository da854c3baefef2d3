/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_TESTS_UNIT_H
#define CONNTAB_TESTS_UNIT_H

/* What every unit test needs: cmocka with what it wants before it, and random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* splitmix64: the same numbers in every run, so that a failure can be seen again. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t number = *state += 0x9e3779b97f4a7c15u;

	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
	number = (number ^ number >> 27) * 0x94d049bb133111ebu;
	return number ^ number >> 31;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return random_next(state) % limit;
}

/* A number of random size: small ones and those near a power of two are as likely as large ones. */
static inline uint64_t random_sized(uint64_t *state)
{
	return random_next(state) >> random_below(state, 64);
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
