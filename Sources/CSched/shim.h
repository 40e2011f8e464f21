#ifndef SECUREMESH_CSCHED_SHIM_H
#define SECUREMESH_CSCHED_SHIM_H
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc and musl declare sched_getaffinity and sched_setaffinity only with _GNU_SOURCE, and musl also the type
   cpu_set_t. So these functions make the system calls themselves. A set of cores is an array of words: core N is bit
   N % W of word N / W, where W is the number of bits of a word. */

/* Reads the cores that the calling thread may use. Returns the number of bytes that were written, or -1. */
static inline long thread_get_cores(unsigned long *cores, size_t size) {
    return syscall(SYS_sched_getaffinity, 0, size, cores);
}

/* Sets the cores that the calling thread may use. Returns 0, or -1. */
static inline long thread_set_cores(const unsigned long *cores, size_t size) {
    return syscall(SYS_sched_setaffinity, 0, size, cores);
}
#endif
