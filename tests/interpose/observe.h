/*
 * What the interpose programs share. Each of them is an ordinary program that prints what it sees of
 * libc: results, names of errors, numbers of descriptors, times in coarse steps. `parity` runs it
 * bare and with flip, and demands the same lines.
 *
 * Lines go out by write(2) as they come, so that a program that dies has told how far it was.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_LENGTH 16 /* of a struct sockaddr_in */

/* One line; errno is kept. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "what: 3" or "what: -1 EBADF", from a result and errno. Returns the result. */
long told(const char *what, long result);
/* As told(), but says "ok" for whatever is not negative. */
long told_ok(const char *what, long result);

/* Ends the program where the test itself cannot go on. */
int must(int result, const char *what);

int64_t now_ms(void);
/* Of a time that has gone by since: "at once", "about 200 ms" (steps of 200), or "too long". */
const char *since(int64_t start_ms);

/* 127.0.0.1:PORT. */
const struct sockaddr *loopback(int port);
int port_of(int fd);
int client(int port);
/* A fresh TCP socket, bound and listening, on 127.0.0.1:port. */
int listener(int port);

/* A handler that counts its calls in `handled`; flags as SA_RESTART. Then SIGALRM in ms. */
extern volatile int handled;
void handle(int signal, int flags);
void alarm_in_ms(int ms);

/*
 * Which side of a hand-over is this? In a run without one: 2 at once. In one with: the first
 * generation, where it prints nothing, is 1.
 */
int generation(void);
/*
 * Waits on the listener until the program is to print. The first generation stays here for ever
 * (and keeps a connection of its own open, if told to, so that it drains while the second one is
 * observed); the second one leaves when the hand-over is over.
 */
void settle(int listen_fd);
