/*
 * count_instructions PID ADDRESS ROUNDS: step through a process one instruction at a time, from one
 * pass of ADDRESS to the next, ROUNDS times. Prints "INSTRUCTIONS SYSCALLS" of the median round.
 *
 * The processor's own counter is not to be had in many virtual machines, and valgrind hides the
 * vDSO, which makes clock_gettime() what it is not.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { ROUNDS_MAX = 10000, STEPS_MAX = 20000000 };

struct round {
	long instructions, syscalls;
};

static void wait_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		errx(1, "process %d is gone", (int)pid);
}

static unsigned long program_counter(pid_t pid)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) == -1)
		err(1, "cannot read the registers of %d", (int)pid);
	return registers.rip;
}

/* Is the next instruction "syscall" (0f 05)? */
static int is_syscall(pid_t pid, unsigned long at)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, (void *)at, NULL);
	return errno == 0 && (word & 0xffff) == 0x050f;
}

static void step(pid_t pid)
{
	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1)
		err(1, "cannot step %d", (int)pid);
	wait_stop(pid);
}

static struct round count_round(pid_t pid, unsigned long mark)
{
	struct round round = { 0 };
	unsigned long at = program_counter(pid);

	do {
		round.syscalls += is_syscall(pid, at);
		step(pid);
		at = program_counter(pid);
		if (++round.instructions > STEPS_MAX)
			errx(1, "%d does not come by", (int)pid);
	} while (at != mark);
	return round;
}

static int compare(const void *left, const void *right)
{
	const struct round *a = left, *b = right;

	return (a->instructions > b->instructions) - (a->instructions < b->instructions);
}

int main(int argc, char *argv[])
{
	static struct round rounds[ROUNDS_MAX];
	pid_t pid;
	unsigned long mark;
	int count;

	if (argc != 4)
		errx(2, "usage: count_instructions PID ADDRESS ROUNDS");
	pid = (pid_t)atoi(argv[1]);
	mark = strtoul(argv[2], NULL, 0);
	count = atoi(argv[3]);
	if (count < 1 || count > ROUNDS_MAX)
		errx(2, "from 1 to %d rounds", ROUNDS_MAX);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == -1 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == -1)
		err(1, "cannot trace %d", (int)pid);
	wait_stop(pid);
	count_round(pid, mark);		/* up to the mark */
	for (int i = 0; i < count; i++)
		rounds[i] = count_round(pid, mark);
	qsort(rounds, (size_t)count, sizeof(*rounds), compare);
	printf("%ld %ld\n", rounds[count / 2].instructions, rounds[count / 2].syscalls);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return 0;
}
