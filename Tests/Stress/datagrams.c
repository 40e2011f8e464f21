// Sends datagrams with chosen, possibly forged, sources through a raw socket, at a rate.
//
//   datagrams KIND TARGET PORT RATE SECONDS SOURCE COUNT [FILE]
//
//   KIND     random: up to 300 random bytes. hello: the header of a HELLO and random bytes. heartbeat: the header of a
//            HEARTBEAT, addressed to a random epoch, and random bytes. replay: the HELLOs of 256 bytes each in FILE
//   SOURCE   the first source address, of the same family as TARGET; the COUNT addresses from there on are used in turn
//
// Prints the number of datagrams that it sent.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { batch = 64, ipv4_header = 20, ipv6_header = 40, udp_header = 8, largest = 512, hello_size = 256 };

static uint64_t state = 0x9E3779B97F4A7C15;

static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void fill(uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i += 8) {
        uint64_t value = next_random();
        memcpy(bytes + i, &value, size - i < 8 ? size - i : 8);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint32_t sum(const uint8_t *bytes, size_t size, uint32_t total) {
    for (size_t i = 0; i + 1 < size; i += 2) total += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    if (size % 2) total += (uint32_t)bytes[size - 1] << 8;
    return total;
}

static uint16_t checksum(uint32_t total) {
    while (total >> 16) total = (total & 0xFFFF) + (total >> 16);
    return (uint16_t)~total;
}

static uint8_t *replayed;
static size_t replayed_count;

// Writes the payload of datagram number `index`, and returns its size.
static size_t write_payload(const char *kind, uint8_t *bytes, uint64_t index) {
    if (!strcmp(kind, "replay")) {
        memcpy(bytes, replayed + index % replayed_count * hello_size, hello_size);
        return hello_size;
    }
    size_t size = !strcmp(kind, "hello") ? hello_size : !strcmp(kind, "heartbeat") ? 134 : next_random() % 300;
    fill(bytes, size);
    if (!strcmp(kind, "random")) return size;
    bytes[0] = 1;
    bytes[1] = size == hello_size ? 0x01 : 0x10;
    bytes[2] = (uint8_t)(size >> 8);
    bytes[3] = (uint8_t)size;
    if (size == hello_size) {
        // to, from and counter, and in every other datagram the cookie; then the highest bit of the public key.
        memset(bytes + 4, 0, index % 2 ? 24 : 40);
        bytes[75] &= 0x7F;
    } else {
        memset(bytes + 20, 0, 7);
    }
    return size;
}

int main(int count, char **arguments) {
    if (count < 8) {
        fprintf(stderr, "usage: datagrams KIND TARGET PORT RATE SECONDS SOURCE COUNT [FILE]\n");
        return 64;
    }
    const char *kind = arguments[1];
    int is_ipv6 = strchr(arguments[2], ':') != NULL;
    int family = is_ipv6 ? AF_INET6 : AF_INET;
    uint16_t port = (uint16_t)atoi(arguments[3]);
    double rate = atof(arguments[4]), seconds = atof(arguments[5]);
    uint64_t sources = strtoull(arguments[7], NULL, 10);
    uint8_t target[16], source[16];
    if (inet_pton(family, arguments[2], target) != 1 || inet_pton(family, arguments[6], source) != 1) fail("address");
    if (count > 8) {
        FILE *file = fopen(arguments[8], "rb");
        replayed = malloc(1 << 20);
        if (!file || !replayed) fail(arguments[8]);
        replayed_count = fread(replayed, hello_size, (1 << 20) / hello_size, file);
        if (!replayed_count) fail(arguments[8]);
        fclose(file);
    }
    int raw = socket(family, SOCK_RAW, IPPROTO_RAW);
    if (raw < 0) fail("raw socket");

    struct sockaddr_in target4 = {.sin_family = AF_INET};
    struct sockaddr_in6 target6 = {.sin6_family = AF_INET6};
    memcpy(&target4.sin_addr, target, 4);
    memcpy(&target6.sin6_addr, target, 16);
    size_t header = is_ipv6 ? ipv6_header : ipv4_header, address = is_ipv6 ? 16 : 4;
    static uint8_t packets[batch][ipv6_header + udp_header + largest];
    static struct mmsghdr messages[batch];
    static struct iovec vectors[batch];
    for (int i = 0; i < batch; i++) {
        vectors[i].iov_base = packets[i];
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = is_ipv6 ? (void *)&target6 : (void *)&target4;
        messages[i].msg_hdr.msg_namelen = is_ipv6 ? sizeof target6 : sizeof target4;
    }

    state ^= (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);
    uint64_t sent = 0, attempts = 0;
    double start = now();
    while (now() - start < seconds) {
        double due = (now() - start) * rate - (double)attempts;
        if (due < 1) {
            usleep(500);
            continue;
        }
        int size = due > batch ? batch : (int)due;
        for (int i = 0; i < size; i++) {
            uint8_t *packet = packets[i], *udp = packet + header, *payload = udp + udp_header;
            uint64_t index = attempts + (uint64_t)i;
            size_t length = udp_header + write_payload(kind, payload, index);
            uint8_t *from = packet + (is_ipv6 ? 8 : 12), *to = packet + (is_ipv6 ? 24 : 16);
            memset(packet, 0, header);
            memcpy(from, source, address);
            memcpy(to, target, address);
            uint32_t last = (uint32_t)from[address - 4] << 24 | (uint32_t)from[address - 3] << 16 |
                            (uint32_t)from[address - 2] << 8 | from[address - 1];
            last = htonl(last + (uint32_t)(index % sources));
            memcpy(from + address - 4, &last, 4);
            if (is_ipv6) {
                packet[0] = 0x60;
                packet[4] = (uint8_t)(length >> 8);
                packet[5] = (uint8_t)length;
                packet[6] = IPPROTO_UDP;
                packet[7] = 64;
            } else {
                size_t total = header + length;
                packet[0] = 0x45;
                packet[2] = (uint8_t)(total >> 8);
                packet[3] = (uint8_t)total;
                packet[8] = 64;
                packet[9] = IPPROTO_UDP;
            }
            uint16_t from_port = (uint16_t)(10000 + index / sources % 50000);
            udp[0] = (uint8_t)(from_port >> 8);
            udp[1] = (uint8_t)from_port;
            udp[2] = (uint8_t)(port >> 8);
            udp[3] = (uint8_t)port;
            udp[4] = (uint8_t)(length >> 8);
            udp[5] = (uint8_t)length;
            udp[6] = udp[7] = 0;
            if (is_ipv6) {
                uint16_t check = checksum(sum(from, 32, sum(udp, length, (uint32_t)length + IPPROTO_UDP)));
                if (!check) check = 0xFFFF;
                udp[6] = (uint8_t)(check >> 8);
                udp[7] = (uint8_t)check;
            }
            vectors[i].iov_len = header + length;
        }
        int done = sendmmsg(raw, messages, (unsigned)size, 0);
        if (done < 0 && errno != ENOBUFS && errno != EAGAIN) fail("sendmmsg");
        attempts += (uint64_t)size;
        if (done > 0) sent += (uint64_t)done;
    }
    printf("%llu\n", (unsigned long long)sent);
    return 0;
}
