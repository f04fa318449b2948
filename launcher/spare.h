/*
 * Descriptors kept for the moment when there are no others: to look at a process or to tell it
 * something takes one for a moment, and a hand-over that has begun must not fail for want of that.
 */
#pragma once

#include <stdbool.h>

/* Takes as many as are wanting. At the start, and before each turn of the loop. */
void spare_keep(void);

/*
 * After a system call that failed: true if it was for want of descriptors (errno) and there are some
 * now, until spare_keep(): it is to be made again, for something that is closed soon.
 */
bool spare_lend(void);

/* Are so many free beside those that are kept? Otherwise errno says why not. */
bool spare_has(unsigned n);
