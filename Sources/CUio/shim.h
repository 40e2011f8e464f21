#ifndef SECUREMESH_CUIO_SHIM_H
#define SECUREMESH_CUIO_SHIM_H
#include <sys/types.h>
#include <sys/uio.h>
ssize_t pwritev2(int descriptor, const struct iovec *vectors, int count, off_t offset, int flags);
#endif
