/* What a client and a server say to each other where it is not the line protocol of tests/servers. */
#pragma once
#include "client.h"

#include <regex.h>

enum { DIALOGUE_SIZE = 64 * 1024 };

/* Texts are bytes: a 0 is one of them. */
struct text {
	char *bytes;
	size_t length;
};

struct dialogue {
	struct text greeting;		/* the server speaks first, up to and with this */
	struct text request;		/* then this is sent */
	struct text until;		/* and the answer must come to this */
	bool has_expect;
	regex_t expect;			/* all that came must match; groups: (TAG) (PID) */
	bool is_hang_up;		/* the client closes first: nothing is read after 'until' */
};

/* TEXT with \r \n \t \\ \xHH for what cannot be typed. Ends the program if it is none. */
struct text text_parse(const char *text);

/* The bytes of a file. Ends the program if it cannot be read. */
struct text text_read(const char *path);

/* An extended regular expression. Ends the program if it is none. */
void dialogue_expect(struct dialogue *dialogue, const char *regex);

/*
 * Talk on a connection. All that the server said is put into answer, ended by a 0. A datagram
 * socket sends one and gets one. EMPTY: the server closed and had not said a byte; SHORT: it closed
 * before it came to 'until'; OTHER: it said too much.
 */
enum outcome dialogue_speak(const struct dialogue *dialogue, const struct target *target, int fd,
			    bool is_kept, char answer[static DIALOGUE_SIZE], size_t *length);

/* Is that the answer? Then "TAG PID" is in name, with "-" and "0" where the regex has no group. */
bool dialogue_match(const struct dialogue *dialogue, const char *answer, size_t length, char *name,
		    size_t name_size);
