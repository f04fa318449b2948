/*
 * What the fuzzers have in common. Each feeds libFuzzer's bytes to one decoder of what another
 * process wrote, and asks more of it than to survive: CHECK() says what must be true of the result.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                       \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                               \
		}                                                                              \
	} while (0)

/* By each target: one run. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/*
 * A copy on the heap, with a NUL behind it that is the last byte there: ASan sees who reads on. free()
 * it.
 */
char *fuzz_text(const uint8_t *bytes, size_t size);

/* A file without a name, for decoders that read from a descriptor; it lives as long as we. */
int fuzz_file(void);

/* Makes these bytes its content. Who reads begins at the start. */
void fuzz_file_fill(int fd, const uint8_t *bytes, size_t size);

/* The lowest number that is free for a descriptor: the same after a run as before, if none leaks. */
int fuzz_first_free(void);
