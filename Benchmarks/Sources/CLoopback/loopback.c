#define _GNU_SOURCE
#include "CLoopback.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)

enum { batch = 64 };

union control {
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct timespec))];
    struct cmsghdr header;
};

static const uint32_t first_address = 0x7F010000;
static struct sockaddr_in server;

int loopback_open(uint16_t port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int on = 1, size = 64 << 20;
    struct sockaddr_in own = {.sin_family = AF_INET};
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0
        || setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0
        || bind(descriptor, (struct sockaddr *)&own, sizeof own) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

int loopback_receive(int descriptor, struct loopback_datagram *datagrams, int capacity, int milliseconds) {
    struct mmsghdr messages[batch];
    struct iovec parts[batch];
    union control controls[batch];
    int count = capacity < batch ? capacity : batch;
    if (milliseconds > 0) {
        struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
        if (poll(&wanted, 1, milliseconds) <= 0) return 0;
    }
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){.iov_base = datagrams[i].bytes, .iov_len = sizeof datagrams[i].bytes};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_control = &controls[i];
        messages[i].msg_hdr.msg_controllen = sizeof controls[i];
    }
    int received = recvmmsg(descriptor, messages, count, 0, NULL);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; i < received; i++) {
        datagrams[i].size = messages[i].msg_len;
        datagrams[i].member = UINT32_MAX;
        datagrams[i].waited = 0;
        struct msghdr *message = &messages[i].msg_hdr;
        for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
            if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(header), sizeof info);
                datagrams[i].member = ntohl(info.ipi_addr.s_addr) - first_address;
            } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
                struct timespec arrival;
                memcpy(&arrival, CMSG_DATA(header), sizeof arrival);
                datagrams[i].waited = (now.tv_sec - arrival.tv_sec) * 1000000000LL + now.tv_nsec - arrival.tv_nsec;
            }
        }
    }
    return received < 0 ? 0 : received;
}

int loopback_send(int descriptor, struct loopback_datagram *datagrams, int count) {
    struct mmsghdr messages[batch];
    struct iovec parts[batch];
    union control controls[batch];
    int total = 0;
    while (total < count) {
        int wanted = count - total < batch ? count - total : batch;
        memset(messages, 0, sizeof messages);
        memset(controls, 0, sizeof controls);
        for (int i = 0; i < wanted; i++) {
            struct loopback_datagram *datagram = &datagrams[total + i];
            parts[i] = (struct iovec){.iov_base = datagram->bytes, .iov_len = datagram->size};
            struct msghdr *message = &messages[i].msg_hdr;
            message->msg_name = &server;
            message->msg_namelen = sizeof server;
            message->msg_iov = &parts[i];
            message->msg_iovlen = 1;
            message->msg_control = &controls[i];
            message->msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
            struct cmsghdr *header = CMSG_FIRSTHDR(message);
            header->cmsg_level = IPPROTO_IP;
            header->cmsg_type = IP_PKTINFO;
            header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
            struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(first_address + datagram->member)};
            memcpy(CMSG_DATA(header), &info, sizeof info);
            if (datagram->segment == 0 || datagram->segment >= datagram->size) continue;
            message->msg_controllen += CMSG_SPACE(sizeof datagram->segment);
            header = CMSG_NXTHDR(message, header);
            header->cmsg_level = IPPROTO_UDP;
            header->cmsg_type = UDP_SEGMENT;
            header->cmsg_len = CMSG_LEN(sizeof datagram->segment);
            memcpy(CMSG_DATA(header), &datagram->segment, sizeof datagram->segment);
        }
        int sent = sendmmsg(descriptor, messages, wanted, 0);
        if (sent <= 0) break;
        total += sent;
    }
    return total;
}

long loopback_queued(uint16_t port, long *drops) {
    FILE *file = fopen("/proc/net/udp", "r");
    char line[512];
    long total = 0;
    *drops = 0;
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        unsigned local, queued;
        unsigned long dropped;
        if (sscanf(line, " %*d: %*8x:%4x %*8x:%*4x %*x %*8x:%8x %*x:%*x %*x %*d %*d %*d %*d %*x %lu", &local, &queued,
                   &dropped) == 3
            && local == port) {
            total += queued;
            *drops += (long)dropped;
        }
    }
    fclose(file);
    return total;
}

#else

long loopback_queued(uint16_t port, long *drops) { return 0; }
int loopback_open(uint16_t port) { return -1; }
int loopback_receive(int descriptor, struct loopback_datagram *datagrams, int capacity, int milliseconds) { return 0; }
int loopback_send(int descriptor, struct loopback_datagram *datagrams, int count) { return 0; }

#endif
