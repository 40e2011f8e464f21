// Counts the instructions of a part of a program that runs under callgrind. Does nothing without Valgrind's headers.
#include "CCallgrind.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>

void callgrind_begin(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void callgrind_end(const char *description) {
    CALLGRIND_DUMP_STATS_AT(description);
    CALLGRIND_STOP_INSTRUMENTATION;
}

int callgrind_counts(void) { return RUNNING_ON_VALGRIND != 0; }
#else
void callgrind_begin(void) {}
void callgrind_end(const char *description) { (void)description; }
int callgrind_counts(void) { return 0; }
#endif
