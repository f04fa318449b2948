#include "ancestry.h"

#include <criterion/criterion.h>

static const struct ancestry ancestry = { { 300, 200, 100, 1 }, 4 };

Test(ancestry, tells_how_far_above_a_process_is)
{
	cr_assert_eq(ancestry_find(&ancestry, 300), 0);
	cr_assert_eq(ancestry_find(&ancestry, 1), 3);
	cr_assert_eq(ancestry_find(&ancestry, 2), 4);
	cr_assert_eq(ancestry_find(&ancestry, 0), 4);
}

Test(ancestry, finds_the_nearest_that_a_text_names)
{
	static const struct {
		const char *text;
		size_t distance;
	} cases[] = {
		{ "generation 3 (pid 200) serving, 1 connection, for 5 s", 1 },
		{ "web: serving, supervisor (pid 1), 2 restarts", 3 },
		{ "pid 100, pid 200, pid 1", 1 },
		{ "pid 1", 3 },
		{ "", 4 },
		{ "pid", 4 },
		{ "pid ", 4 },
		{ "pid x", 4 },
		{ "rapid 200", 4 },
		{ "pid 2001", 4 },
		{ "pid 4294967496", 4 }, /* both are 200, if they are cut off */
		{ "pid -4294967096", 4 },
		{ "pid 999999999999999999999", 4 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		cr_assert_eq(ancestry_find_in(&ancestry, cases[i].text), cases[i].distance, "%s",
			     cases[i].text);
}
