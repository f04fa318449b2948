#include "functions.h"

#include <stdio.h>
#include <string.h>

/* The words are turned to text and never compiled, so no header of libc is needed here: one that
 * made a macro of a function's name could not spoil the table either. */
#define INTERPOSE(type, name, params, args, why) { #name, #type, #params, why },
#define INTERPOSE_RETRY(type, name, params, args, why) { #name, #type, #params, why },
#define INTERPOSE_TRANSFER(type, name, params, args, events, flags, why) { #name, #type, #params, why },
#define INTERPOSE_VARIADIC(type, name, params, why) { #name, #type, #params, why },

static const struct function {
	const char *name, *type, *params, *why;
} functions[] = {
#include "interpose.def"
};

#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))
/* A prototype wider than this pushes its own reason to the right, not everybody's. */
#define PROTOTYPE_WIDTH 56

static int widest_name(void)
{
	size_t widest = 0;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		size_t length = strlen(functions[i].name);

		widest = length > widest ? length : widest;
	}
	return (int)widest;
}

static int widest_prototype(void)
{
	size_t widest = 0;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		size_t length = strlen(functions[i].type) + 1 + strlen(functions[i].params);

		if (length > widest && length <= PROTOTYPE_WIDTH)
			widest = length;
	}
	return (int)widest;
}

int functions_print(void)
{
	int name_width = widest_name(), prototype_width = widest_prototype();

	for (size_t i = 0; i < FUNCTIONS; i++) {
		const struct function *function = &functions[i];
		int type_width = (int)strlen(function->type);
		int params_width = prototype_width - type_width - 1;

		printf("%-*s  %s %-*s  %s\n", name_width, function->name, function->type,
		       params_width > 0 ? params_width : 0, function->params, function->why);
	}
	return 0;
}
