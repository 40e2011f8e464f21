#ifndef SECUREMESH_CSCHED_SHIM_H
#define SECUREMESH_CSCHED_SHIM_H
#include <sched.h>
int sched_getaffinity(pid_t thread, size_t size, cpu_set_t *cores);
int sched_setaffinity(pid_t thread, size_t size, const cpu_set_t *cores);
#endif
