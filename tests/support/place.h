/*
 * place.h - a directory of its own for each test, and what lies in it
 *
 * cmocka_unit_test_setup_teardown(test, place_make, place_remove)
 */
#ifndef SUPPORT_PLACE_H
#define SUPPORT_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

/* Makes an empty directory below /tmp; removes it with all that is in it. */
int place_make(void **state);
int place_remove(void **state);

/* The directory's path. */
const char *place(void);

/* "PLACE/rest", valid until the fourth call from now. */
const char *at(const char *rest);

bool is_there(const char *path);
void put_text(const char *path, const char *text);

/* Fail the test, naming the path, if it is not so. */
void assert_mode(const char *path, mode_t mode);
void assert_text(const char *path, const char *expected);

#endif
