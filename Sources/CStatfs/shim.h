#ifndef SECUREMESH_CSTATFS_SHIM_H
#define SECUREMESH_CSTATFS_SHIM_H
#include <sys/statfs.h>
#endif
