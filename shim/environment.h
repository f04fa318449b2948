/*
 * Once a process serves, what it starts is its own business: programs that it runs (a CGI, a
 * mailer) shall not find flip in their environment.
 */
#pragma once

/*
 * Takes FLIP_CHANNEL and our part of LD_PRELOAD out of the environment of this process, once.
 * Takes libc's lock of the environment: not async-signal-safe. Allocates nothing.
 */
void environment_hide(void);
