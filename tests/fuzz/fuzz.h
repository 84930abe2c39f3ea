/*
 * fuzz.h - what every fuzz target is: one function over any octets
 *
 * A target breaks an invariant() where what it calls does not keep its word;
 * the sanitizers find the rest.  It is linked twice: with libFuzzer, which
 * makes up the octets (make fuzz), and with replay.c, which reads them from
 * tests/fuzz/corpus/TARGET (make check).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <string.h>

#include "saga/base.h"

/* Always 0.  data may be NULL if size is 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
