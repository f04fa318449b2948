/*
 * The signals that flip takes in this process: its private one and, for restart and stop, those
 * that the supervisor names. The program sees of them only what it has set itself.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Installs the handler of the private signal. */
void signals_take_channel(void);

/*
 * Installs the handlers for restart and stop: always if `ours` (the bare face), otherwise only
 * where the program left the default, so that a handler of its own stays its own.
 */
void signals_take_commands(int restart_signal, int stop_signal, bool ours);

/*
 * Lets the calling thread receive flip's signals, which the program cannot block, and puts flip's
 * handlers back, if told to, where the program has set its own past libc. Not in a handler of theirs: it
 * blocks them until its end, or one would lie on top of the other. False: none is taken yet.
 */
bool signals_admit(bool handlers_too);

/* A thread was found that had the private signal blocked, past libc. */
extern _Atomic bool signals_found_blocked;

/* Has the program a handler for any signal? One that has none is not used to see EINTR. Async-signal-safe. */
bool signals_has_handler(void);

/* The signals that are flip's alone, a bit each (sys_signal_bit). Async-signal-safe. */
uint64_t signals_ours(void);

/*
 * Around an exec: gives flip's private signal back before, and takes it again if the exec has failed.
 */
void signals_exec_begin(void);
void signals_exec_failed(void);

/*
 * The calling thread has given itself this stack for handlers. Where another one has the same (each
 * of varnish's has), flip's handlers, which run in several threads at once, do without.
 */
void signals_note_stack(const stack_t *stack);

/* In a child made by fork(): what the program has set holds there, SA_RESTART and all. */
void signals_forked(void);

/* Gives the command signals back to the program, when the supervisor is gone. */
void signals_release(void);

/*
 * A change of the calling thread's mask, around libc's call: _begin is the set to hand to libc,
 * _end completes `old` by those of flip's signals that the program believes to have blocked.
 */
const sigset_t *signals_mask_begin(int how, const sigset_t *set, sigset_t *copy);
void signals_mask_end(int how, const sigset_t *set, sigset_t *old);

/*
 * `set` without the signals that must stay unblocked; a copy is made only if one is in it.
 * NULL is returned as it is.
 */
const sigset_t *signals_strip(const sigset_t *set, sigset_t *copy);

/* Answers sigaction() for a signal of flip's. False: it is not, libc is to answer. */
bool signals_answer(int signal, const struct sigaction *action, struct sigaction *old);
