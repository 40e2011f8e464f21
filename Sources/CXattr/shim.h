#ifndef SECUREMESH_CXATTR_SHIM_H
#define SECUREMESH_CXATTR_SHIM_H
#include <sys/types.h>
#include <sys/xattr.h>
#endif
