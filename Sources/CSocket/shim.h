#ifndef SECUREMESH_CSOCKET_SHIM_H
#define SECUREMESH_CSOCKET_SHIM_H
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc and musl declare sendmmsg and struct mmsghdr only with _GNU_SOURCE. So this function makes the system call
   itself. The headers are laid out as for the kernel. Returns the number of datagrams that were sent, or the negative
   error number. */
static inline long socket_send_datagrams(int descriptor, void *headers, unsigned int count) {
    long sent = syscall(SYS_sendmmsg, descriptor, headers, count, 0);
    return sent < 0 ? -errno : sent;
}
#endif
