/*
 * For the programs that prove what flip assumes of the kernel: each is one assumption, and exits
 * with 1 and a sentence where the kernel does otherwise.
 */
#pragma once
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

/* The sentence says what holds; the program ends with 1 if it does not. */
#define require(condition, sentence) \
	require_at((condition), __FILE__, __LINE__, #condition, (sentence))

void require_at(bool holds, const char *file, int line, const char *condition,
		const char *sentence);

/* A blocking TCP listener on 127.0.0.1, and where it is. */
int listener_new(struct sockaddr_in *address);
/* A Unix listener under a name that nobody knows: accept() on it blocks for ever. */
int silent_listener_new(void);
/* A connected TCP client; it is in the listener's queue when this returns. */
int client_new(const struct sockaddr_in *address);
/* The error of a blocking connect(), 0 if it worked. */
int connect_error(const struct sockaddr_in *address);
bool is_readable(int fd, int timeout_ms);
/* Accept and give back what the client wrote, as proof of whose connection it is. */
char accepted_byte(int listen_fd);
void byte_send(int fd, char byte);

/* A signal whose handler counts and does nothing, with these flags. */
void handler_count(int signal_number, int flags);
int handler_calls(void);

/* A thread in one system call. Its result may be looked at when it is no longer blocked. */
struct caller {
	pthread_t thread;
	pid_t tid;
	long (*call)(int fd);
	int fd;
	long result;
	int error;
	bool is_done;
};

/* Start the thread and wait until it is blocked in the system call with this number. */
void caller_start(struct caller *caller, long (*call)(int fd), int fd, long number);
/* Wait for the call to return; false if it does not in time. */
bool caller_returns(struct caller *caller, int timeout_ms);
/* The number of the system call that a thread is blocked in, -1 if it is in none. */
long thread_syscall(pid_t tid, unsigned long *first_argument);
bool thread_blocks_in(pid_t tid, long number);
void thread_signal(pid_t tid, int signal_number);
long call_accept(int fd);

void sleep_ms(int ms);
/* The exit code of a child; -1 if a signal ended it. */
int child_wait(pid_t pid);
