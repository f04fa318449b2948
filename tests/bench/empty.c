/*
 * A preload library that does nothing, with one mapping for code and one for data, as few as may be: what
 * fork() costs with it no other one can have for less.
 */
extern int empty_data;
int empty_code(void);

int empty_data = 1;

int empty_code(void)
{
	return empty_data;
}
