#include "turns.h"

#include "interrupt.h"
#include "sys.h"

#define POLLERS_MAX 4
/* The word: how many are in poll(), which round of them that is, and how often one has left. */
#define POLLERS 0xfu
#define ROUND 0xfff0u
#define ROUND_ONE 0x10u
#define LEFT_ONE 0x10000u

/* A handler may jump out of a wait (siglongjmp(3)): the next one of its thread gives the turn back. */
static __thread struct {
	_Atomic uint32_t *turns; /* NULL: none */
	uint32_t round;
} mine __attribute__((tls_model("initial-exec")));

static bool take(_Atomic uint32_t *turns, uint32_t *seen)
{
	*seen = atomic_load(turns);
	while ((*seen & POLLERS) < POLLERS_MAX)
		if (atomic_compare_exchange_weak(turns, seen, *seen + 1)) {
			mine.round = *seen & ROUND;
			mine.turns = turns;
			return true;
		}
	return false;
}

/* Those of the last round may be in there yet: they are not counted any more. */
static void begin_round(_Atomic uint32_t *turns, uint32_t seen)
{
	uint32_t next = (seen & ~(POLLERS | ROUND)) | ((seen + ROUND_ONE) & ROUND);

	atomic_compare_exchange_strong(turns, &seen, next);
}

int turn_take(_Atomic uint32_t *turns)
{
	uint32_t seen;
	int result;

	turn_leave();
	if (take(turns, &seen))
		return 0;
	interrupt_clear();
	result = sys_wait_change(turns, seen, TURN_MS);
	if (result == -ETIMEDOUT)
		begin_round(turns, seen);
	errno = -result;
	if (errno == EINTR)
		return interrupt_was_ours() ? -1 : EINTR;
	return take(turns, &seen) ? 0 : -1;
}

void turn_leave(void)
{
	_Atomic uint32_t *turns = mine.turns;
	uint32_t seen = turns ? atomic_load(turns) : 0;

	mine.turns = NULL;
	do {
		if (!(seen & POLLERS) || (seen & ROUND) != mine.round)
			return;
	} while (!atomic_compare_exchange_weak(turns, &seen, seen - 1 + LEFT_ONE));
	sys_wake_one(turns);
}
