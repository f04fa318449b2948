/*
 * What shim and supervisor, and `flip restart|stop|status` and supervisor, say to each other.
 *
 * Every message is one SOCK_SEQPACKET datagram of exactly sizeof(struct message) or, from the
 * supervisor to a control client, sizeof(struct report). Descriptors travel by SCM_RIGHTS. Both
 * ends run on one machine, so integers are in host order; a peer of another version is refused.
 *
 * Pure: no system call, no lock, no errno. Any function here is async-signal-safe.
 */
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_MAGIC 0x50494c46u /* "FLIP" in a little-endian dump */
#define PROTOCOL_VERSION 1
/* Descriptors in one message; far below SCM_MAX_FD (253, unix(7)). */
#define PROTOCOL_FDS_MAX 32

/*
 * The private signal by which the supervisor's messages arrive. Real-time, so that none is
 * merged or lost. 62 is the JVM's, 64 (SIGRTMAX) is popular, 34 and up are systemd's.
 */
#define SESSION_SIGNAL 61
/*
 * What it carries where flip sends it itself, so that the program's own use of the signal is told
 * from it: this, and in the low half an epoch (retire.h), or 0.
 */
#define SESSION_MARK 0x464c495000000000ull
#define SESSION_MARK_BITS 0xffffffff00000000ull

/*
 * SO_RCVLOWAT of the placeholder that a retired process has in place of a listener: by this it is
 * known from outside, and to a program that it is handed on to.
 */
#define PLACEHOLDER_MARK 0x464c4950

/*
 * Set in the flags of a listener's description that several generations or families share, hence does not block:
 * the program believes that it does. It means nothing to a socket, and F_SETFL takes it (fcntl(2)).
 */
#define LISTENER_BLOCKS O_APPEND

enum message_type {
	/* A member to its supervisor, on its channel. */
	MESSAGE_HELLO = 1, /* value[0] pid */
	MESSAGE_LISTENING, /* value[0] inode of a socket that now listens; Unix: then its file's */
	MESSAGE_WAITING,   /* value[0] inode of a listener that somebody waits on for clients; as LISTENING */
	MESSAGE_WAITING_SET, /* value[0] an epoll set that is waited on; look what is in it yourself */
	MESSAGE_SIGNAL,	   /* value[0] a signal of flip's that the server received */
	MESSAGE_LISTENERS, /* count inodes and descriptors; flag MORE: another message follows */
	MESSAGE_RETIRED,   /* value[0] threads that could not be asked; MESSAGE_MORE: and CONNECTIONS 0 */
	MESSAGE_RESUMED,
	MESSAGE_CONNECTIONS, /* value[0] open connections of this process to its listeners' clients */
	MESSAGE_CLOSED,	     /* value[0] inode of a listener that was closed, 0: maybe some */
	MESSAGE_LEAVING,     /* value[0] 1: the process ends itself, 0: send it the stop signal */
	MESSAGE_UNABLE,	     /* instead of LISTENERS; value[0] the errno value that says why */

	/* A request of a hook, on a connection of its own; the supervisor answers CLAIMED. */
	MESSAGE_CLAIM, /* bound; 1 descriptor: the socket that is to be bound */

	/* The supervisor to a member. */
	MESSAGE_WELCOME, /* value: generation, restart signal, stop signal, enum welcome_flag */
	MESSAGE_CLAIMED, /* 1 descriptor: a listener with this address, or none: bind it yourself */
	MESSAGE_COMMIT,	 /* 1 descriptor: /proc/PID; the generation is the current one */
	MESSAGE_SOLE,	 /* no other generation accepts from its listeners. MESSAGE_MORE: but one may again */
	MESSAGE_COLLECT, /* 1 descriptor: /proc/PID; answer LISTENERS */
	/* 1 descriptor: /proc/PID; count inodes of listeners to keep; MESSAGE_MORE: nobody serves then; answer RETIRED */
	MESSAGE_RETIRE,
	MESSAGE_RESUME,	 /* /proc/PID, then count listeners with their inodes; answer RESUMED */
	MESSAGE_REARM,	 /* 1 descriptor: /proc/PID; a wake-up for a queued client may have been lost */
	MESSAGE_PROBE,	 /* 1 descriptor: /proc/PID; answer CONNECTIONS */
	MESSAGE_LEAVE,	 /* value[0] stop signal, 1 descriptor: /proc/PID; answer LEAVING */

	MESSAGE_HOLD,	 /* value[0] supervisor's pid: become `flip hold`, a mere init process */

	/* A control client to the supervisor, which answers with reports. */
	MESSAGE_CONTROL_RESTART,
	MESSAGE_CONTROL_STOP,
	MESSAGE_CONTROL_STATUS,

	/* Further requests of hooks, as CLAIM; the supervisor answers VERDICT. */
	MESSAGE_KNOCK,	 /* bound; 1 descriptor: the socket that is to be connected there */
	MESSAGE_UNLINK,	 /* 2 descriptors: the directory, the file */
	MESSAGE_WRITE,	 /* value[0] flags of open(2); the same, and where to write instead */
	MESSAGE_RENAME,	 /* 4 descriptors: directory and file there, and of what is to be there */
	MESSAGE_KILL,	 /* value[0] a pid: may it exist? */
	MESSAGE_VERDICT, /* value[0] enum verdict, value[1] an errno value */
	MESSAGE_STAGED,	 /* instead of it, 1 descriptor: write, or look, here */
	MESSAGE_LOOK,	 /* one more request: 1 descriptor; may that file exist? MESSAGE_MORE: it is to be read */
	MESSAGE_TYPE_END
};

enum message_flag {
	/*
	 * Another such message follows; WELCOME: another one; COMMIT: watch on; PROBE: count all; VERDICT, STAGED: ask
	 * no more.
	 */
	MESSAGE_MORE = 1,
};

enum welcome_flag {
	WELCOME_SIGNALS = 1, /* the restart and stop signal are flip's (bare face) */
	WELCOME_ALONE = 2,   /* no other generation serves: never mind whether the supervisor lives */
	WELCOME_WAITS = 4,   /* alone, but it says itself when it is ready for clients */
	WELCOME_HELD = 8,    /* the supervisor holds the listeners: tell of those that are closed */
};

/* What a hook that asked is to do. */
enum verdict {
	VERDICT_GO_ON, /* call libc's function */
	VERDICT_HIDE,  /* do nothing, and say what there is to say in a world without flip */
	VERDICT_FAIL,  /* do nothing and say that error */
	VERDICT_KEEP,  /* open it, but without truncating it */
};

/* In LISTENERS, beside an inode: the socket was bound to port 0, nobody will ask for it. */
#define PROTOCOL_EPHEMERAL (1ull << 63)

struct message {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t flags;
	uint32_t count; /* of value[] or, where a socket is to be bound, bytes of address[] */
	union {
		uint64_t value[PROTOCOL_FDS_MAX];
		struct {
			unsigned char address[128]; /* a struct sockaddr_storage */
			uint64_t device, inode;     /* of the file that its path leads to; 0: none */
		} bound;
	};
};
static_assert(sizeof(struct message) == 272, "the wire format has no padding");

/* One line of an answer to a control client. The last one has final set. */
struct report {
	uint32_t magic;
	uint16_t version;
	uint8_t final;
	uint8_t exit_code; /* of the asking command; valid when final */
	char text[1016];   /* NUL-terminated, one line without a newline; may be empty */
};
static_assert(sizeof(struct report) == 1024, "the wire format has no padding");

/* Fills in the header and clears the rest. */
void message_init(struct message *message, enum message_type type);

/*
 * Whether `length` bytes with `fds` descriptors are one well-formed message of this version.
 * Returns NULL, or the reason in words for the log.
 */
const char *message_check(const void *bytes, size_t length, size_t fds);

/* How many descriptors are to go with it; none with one of an unknown type. */
size_t message_fds(const struct message *message);

/* The same for a report. */
const char *report_check(const void *bytes, size_t length, size_t fds);

/* Makes '?' of control characters, on which a terminal would act. The report is a good one. */
void report_clean(struct report *report);

/* The name of a type for the log; never NULL. */
const char *message_name(unsigned type);
