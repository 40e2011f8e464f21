#ifndef SECUREMESH_CTIMEX_SHIM_H
#define SECUREMESH_CTIMEX_SHIM_H
#include <sys/timex.h>
#endif
