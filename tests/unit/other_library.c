/* Stands in for a libflip.so of the version that the build says. */
extern const char flip_version[];
const char flip_version[] = OTHER_VERSION;
