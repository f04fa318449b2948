/*
 * What the test servers share: the options, the listeners, reading a line, answering it.
 *
 * These servers are ordinary programs. They know nothing of flip, and nothing here may ever learn
 * about it: what they prove is that a server that was never written for it can be restarted.
 *
 * A client sends a line, the server answers "TAG PID LINE\n" and closes the connection.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	LINE_SIZE = 1024,
	LISTENERS_MAX = 4096,
	ADDRESS_TEXT_SIZE = 128,
};

/* Where --exit-at-start, --crash-at-start and --hang-at-start strike. */
enum stage { STAGE_START, STAGE_BIND, STAGE_LISTEN, STAGE_WRITTEN };
enum mishap { MISHAP_NONE, MISHAP_EXIT, MISHAP_CRASH, MISHAP_HANG };
/*
 * How a pid file is written: fopen(); unlink() and O_EXCL; a file of another name that is renamed; in
 * place, and cut afterwards; by link(); by a shell; locked for as long as the program lives; by fopen(), and
 * emptied before it is removed.
 */
enum pid_style {
	PID_FOPEN, PID_CREAT, PID_EXCL, PID_RENAME, PID_KEEP, PID_LINK, PID_SHELL, PID_LOCK,
	PID_EMPTIED,
};
enum term { TERM_DEFAULT, TERM_GRACEFUL, TERM_SHUTDOWN, TERM_IGNORE };
/* What the server does with all the signals that there are: see signals.c. */
enum signals {
	SIGNALS_NONE, SIGNALS_BLOCK, SIGNALS_BLOCK_RAW, SIGNALS_BLOCK_RAW_LATE, SIGNALS_HANDLERS,
	SIGNALS_HANDLERS_RAW_LATE, SIGNALS_SIGWAIT, SIGNALS_SIGWAITINFO, SIGNALS_SIGTIMEDWAIT,
	SIGNALS_SIGNALFD,
};

/* The first one: pthread_exit() before the program listens, or when it does, while another thread serves. */
enum main_thread { MAIN_STAYS, MAIN_ENDS_EARLY, MAIN_ENDS_LATE };

struct options {
	const char *wait;
	struct sockaddr_storage *addresses;
	int address_count;
	int blocking;			/* -1: as the way of waiting likes it */
	int v6only;			/* -1: as the system likes it */
	int backlog, threads, reuseaddr, reuseport;
	int work_ms, init_ms, init_before_bind_ms, rcvtimeo_ms;
	const char *init_while, *init_before_bind_while;	/* that file exists; or NULL */
	int notify_ms;			/* -1: never */
	/* Of Unix listeners with a path: */
	bool unlink_first, probe_first, rename_into_place, unlink_at_exit;
	bool seqpacket;
	int mode;			/* -1: as bind() makes it */
	bool toggle, keepalive, log, print_start, handle_hup, strict, listen_once, full_mask;
	bool bind_at_exit;		/* what was closed is bound and listens anew (as varnish does) */
	bool asks;			/* what its listeners are, before each answer (as perl's Net::Server) */
	bool one_stack;			/* all threads have the same stack for handlers (as varnish) */
	enum main_thread main_thread;
	enum term term;
	enum signals signals;
	enum mishap mishap;
	enum stage mishap_stage;
	int exit_code;
	const char *tag, *pid_file;
	enum pid_style pid_style;
	bool pid_first;			/* before bind() */
	bool pid_check;			/* refuse to start if the one that it names is alive */
	const char *exec;		/* by which function other programs are started */
	const char *daemon;		/* how to go into the background; NULL: stay */
	bool daemon_late, raw_clone, respawn, close_listener, orphan, outlive;
	int listen_fd;			/* of a listener that is open at the start; or -1 */
};

struct server {
	struct options options;
	int listen_fds[LISTENERS_MAX];
	int listen_count;
	bool nonblocking;		/* how the listeners are, toggling apart */
};

/* One connection's input. Empty it by setting length to 0. */
struct line {
	size_t length;
	char text[LINE_SIZE];
};

/*
 * options.c: Parse the arguments, then the words of --behaviour-file; ends the program on nonsense.
 */
void options_parse(struct options *options, int argc, char *argv[]);

/* Bind and listen on everything that was asked for; ends the program if that fails. */
void server_listen(struct server *server);
/* pidfile.c: Write --pidfile, in its style; ends the program if another one runs (--pidfile-check). */
void pid_file_check(const struct options *options);
void pid_file_write(const struct options *options);
void pid_file_remove(const struct options *options);
/* Fail in the way that was asked for, if this is the stage it was asked for. */
void server_mishap(const struct server *server, enum stage stage);
/* Install what --term and --handle-hup ask for. Call it in the main thread, before the others. */
void server_catch_signals(struct server *server);
/* Stop accepting, as SIGTERM with --term=graceful does. Async-signal-safe. */
void server_stop(void);
/* True from the SIGTERM of --term=graceful on; the listeners are closed by then. */
bool server_is_stopping(void);
/* signals.c: Do what --signals asks for, before the first listener. */
void signals_begin(const struct server *server);
/* Run the mode, here or, if this thread is to wait for signals, in another. May not return. */
void signals_run(struct server *server, void (*run)(struct server *server));
/* How many signals the program was given, and the number of the last. */
int signals_seen(int *last);

/* notify.c: Send READY=1 (sd_notify(3)) when --notify-ms is over; the server waits meanwhile. */
void server_notify(const struct server *server);
/* Wait until every connection is answered, and exit. */
void server_finish(const struct server *server) __attribute__((noreturn));

/*
 * Accept one connection, with O_NONBLOCK set round the call if --toggle asks for it. Returns the
 * descriptor, or -1 if there is none now: that is all a caller has to know. An error that no
 * server should ever see ends the program loudly, for it is what the tests look for.
 */
int server_accept(const struct server *server, int listen_fd, int flags);
/* The same by a system call of its own, past libc. */
int server_accept_raw(const struct server *server, int listen_fd);
/* Must follow when the descriptor that server_accept() gave is done with. */
void server_close(int fd);
/* A wait call failed: end the program, unless that was EINTR and may be (see --strict). */
void server_wait_failed(const struct server *server, const char *call);

/* Read on: 1 a whole line is there, 0 it would block, -1 the client is gone or talks nonsense. */
int line_read(struct line *line, int fd, int flags);
/* Answer the first line, and drop it from the buffer. False if it could not be sent. */
bool line_answer(const struct server *server, struct line *line, int fd);
bool line_is_whole(const struct line *line);

void address_format(const struct sockaddr_storage *address, char text[static ADDRESS_TEXT_SIZE]);
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sleep_ms(int ms);
void sleep_while_exists(const char *file);
int64_t now_ms(void);

/* accepting.c: a thread sits in accept() or serves a connection. */
void run_accept(struct server *server);
void run_accept4(struct server *server);
void run_thread(struct server *server);
void run_threads(struct server *server);
void run_poll_blocking(struct server *server);
void run_select_blocking(struct server *server);
void run_raw(struct server *server);

/* Read the lines of a connection, answer them, and close it. */
void connection_serve(struct server *server, int fd);

/* families.c: processes share the work. One listener only. */
void run_fork(struct server *server);
void run_fork_exec(struct server *server);
void run_fork_seccomp(struct server *server);
void run_idle_children(struct server *server);
void run_pass(struct server *server);
void run_pass_exec(struct server *server);
void run_uring(struct server *server);
void run_uring_multishot(struct server *server);
void run_prefork(struct server *server);
void run_prefork_epoll(struct server *server);
void run_prefork_exclusive(struct server *server);
void run_prefork_exec(struct server *server);
void run_prefork_poll(struct server *server);
void run_prefork_shared(struct server *server);
void run_receive(struct server *server);
void run_stdio(struct server *server);
void run_worker_listens(struct server *server);

/* Leave a process behind that belongs to nobody, if that was asked for. */
void server_leave_orphan(const struct server *server);
/* Go into the background, if that was asked for. */
void server_daemonize(const struct server *server);

/* multiplexing.c: a thread waits for listeners and connections together. */
void run_poll(struct server *server);
void run_ppoll(struct server *server);
void run_select(struct server *server);
void run_pselect(struct server *server);
void run_epoll(struct server *server);
void run_epoll_pwait(struct server *server);
void run_epoll_pwait2(struct server *server);
void run_epoll_et(struct server *server);
void run_epoll_exclusive(struct server *server);
void run_epoll_many(struct server *server);
void run_epoll_nested(struct server *server);
void run_poll_nested(struct server *server);
void run_select_nested(struct server *server);
void run_poll_elsewhere(struct server *server);
