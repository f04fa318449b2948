#include "crashes.h"

#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_LAST_MS 10000

unsigned crashes_add(struct crashes *crashes, int64_t now_ns, uint32_t window_ms)
{
	unsigned n = 0;

	crashes->at_ns[crashes->next++ % SETTINGS_CRASHES_MAX] = now_ns;
	for (unsigned i = 0; i < crashes->next && i < SETTINGS_CRASHES_MAX; i++)
		n += now_ns - crashes->at_ns[i] < (int64_t)window_ms * 1000000;
	return n;
}

uint32_t back_off_ms(unsigned failures)
{
	uint32_t delay_ms = BACK_OFF_FIRST_MS;

	for (unsigned i = 1; i < failures && delay_ms < BACK_OFF_LAST_MS; i++)
		delay_ms *= 2;
	if (delay_ms > BACK_OFF_LAST_MS)
		delay_ms = BACK_OFF_LAST_MS;
	return failures ? delay_ms : 0;
}
