/*
 * money.h - amounts as integers in minor units (cents), checked
 *
 * An amount lies in [-MONEY_MINOR_MAX, MONEY_MINOR_MAX], that is +-(2^53 - 1),
 * so that every reader keeps its minor units.  No function here rounds.
 * Its text is decimal with exactly two places: "50.00", "-0.05".
 *
 * Core: pure functions, no library.
 */
#ifndef SAGA_MONEY_H
#define SAGA_MONEY_H

#include "saga/base.h"

#define MONEY_MINOR_MAX ((INT64_C(1) << 53) - 1)
#define MONEY_TEXT_BYTES 24 /* any amount as text, with its final NUL */

struct money {
    int64_t minor;
};

/* True if the amount lies in the range above. */
bool money_valid(struct money amount);

/* *sum_out = a + b, a * count.  False (and *out untouched) if the
 * result, or an operand, leaves the range. */
MUST_USE bool money_add(struct money a, struct money b, struct money *sum_out);
MUST_USE bool money_mul(struct money a, int64_t count, struct money *out);

/*
 * Reads `[-]digits[.d[d]]`: no sign '+', no exponent, no blanks, no leading
 * zeros ("0.50" is right, "00.5" and ".5" are not), at most two decimals.
 * RC_MALFORMED if it is not that, RC_FULL if it leaves the range.
 */
MUST_USE enum rc money_parse(const char *text, size_t bytes,
                             struct money *amount_out);

/*
 * The amount that a JSON real stands for, if it has at most two decimals
 * within what a double can tell: RC_MALFORMED for NaN, infinities and
 * fractions of a minor unit; RC_FULL from 2^46 (70,368,744,177,664) on, where
 * a double no longer tells one minor unit from the next: a decimal string does.
 */
MUST_USE enum rc money_from_double(double value, struct money *amount_out);

/* Writes the text into buffer[MONEY_TEXT_BYTES]; returns its length. */
size_t money_format(struct money amount, char *buffer);

#endif
