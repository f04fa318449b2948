#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

struct real real;

/* One behind the other, in the order of `real`. No pointers to them: those would have to be relocated. */
#define INTERPOSE(type, name, params, args, why) #name "\0"
#define INTERPOSE_RETRY(type, name, params, args, why) #name "\0"
#define INTERPOSE_TRANSFER(type, name, params, args, events, flags, why) #name "\0"
#define INTERPOSE_VARIADIC(type, name, params, why) #name "\0"
static const char names[] =
#include "interpose.def"
	;
#undef INTERPOSE
#undef INTERPOSE_RETRY
#undef INTERPOSE_TRANSFER
#undef INTERPOSE_VARIADIC

static const char *next(const char *name)
{
	return name + strlen(name) + 1;
}

__attribute__((noinline)) void real_resolve(void **slot)
{
	const char *name = names;
	int saved = errno;

	for (void **before = (void **)(void *)&real; before < slot; before++)
		name = next(name);
	*slot = dlsym(RTLD_NEXT, name);
	errno = saved;
}

void real_resolve_hot(void)
{
	(void)REAL(accept);
	(void)REAL(accept4);
	(void)REAL(epoll_wait);
	(void)REAL(poll);
}

void real_resolve_all(void)
{
	static _Atomic bool is_done;
	void **slot = (void **)(void *)&real;
	bool missing = false;
	int saved = errno;

	if (atomic_load(&is_done))
		return;
	for (const char *name = names; *name; name = next(name), slot++) {
		if (!*slot)
			*slot = dlsym(RTLD_NEXT, name);
		missing |= !*slot;
	}
	if (missing)
		dlerror(); /* an older libc has not all: no error of the program's */
	atomic_store(&is_done, true);
	errno = saved;
}
