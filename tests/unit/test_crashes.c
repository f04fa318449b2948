#include "crashes.h"

#include <criterion/criterion.h>

#define SECOND 1000000000ll

Test(crashes, counts_those_within_the_window)
{
	struct crashes crashes = { 0 };

	cr_assert_eq(crashes_add(&crashes, 100 * SECOND, 60000), 1);
	cr_assert_eq(crashes_add(&crashes, 110 * SECOND, 60000), 2);
	cr_assert_eq(crashes_add(&crashes, 159 * SECOND, 60000), 3);
	/* The first is a minute old. */
	cr_assert_eq(crashes_add(&crashes, 160 * SECOND, 60000), 3);
	cr_assert_eq(crashes_add(&crashes, 300 * SECOND, 60000), 1);
}

Test(crashes, begins_with_none_however_early_the_clock)
{
	struct crashes crashes = { 0 };

	cr_assert_eq(crashes_add(&crashes, 1, 60000), 1);
	cr_assert_eq(crashes_add(&crashes, 2, 60000), 2);
}

Test(crashes, counts_no_more_than_it_can_keep_and_does_not_wrap)
{
	struct crashes crashes = { 0 };

	for (int i = 1; i <= 3 * SETTINGS_CRASHES_MAX; i++)
		cr_assert_eq(crashes_add(&crashes, SECOND + i, 60000),
			     (unsigned)(i < SETTINGS_CRASHES_MAX ? i : SETTINGS_CRASHES_MAX));
	cr_assert_eq(crashes_add(&crashes, 200 * SECOND, 60000), 1);
}

Test(crashes, takes_a_window_of_days)
{
	struct crashes crashes = { 0 };

	cr_assert_eq(crashes_add(&crashes, 1, INT32_MAX), 1);
	cr_assert_eq(crashes_add(&crashes, (int64_t)INT32_MAX * 1000000, INT32_MAX), 2);
	cr_assert_eq(crashes_add(&crashes, (int64_t)INT32_MAX * 1000000 + 1, INT32_MAX), 2);
}

Test(crashes, waits_longer_each_time_up_to_a_limit)
{
	static const uint32_t expected[] = { 0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000 };

	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		cr_assert_eq(back_off_ms(i), expected[i], "%u: %u", i, back_off_ms(i));
	cr_assert_eq(back_off_ms(4000000000u), 10000);
}
