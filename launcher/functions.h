/* `flip functions`: which functions of libc the shim replaces, and why. */
#pragma once

/* Prints the table to standard output; returns the exit code. */
int functions_print(void);
