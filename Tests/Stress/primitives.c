// Measures what a message costs at least, in nanoseconds of CPU time:
//
//   primitives SECONDS RECEIVERS SIZE
//
//   verify   verifies a signature over a message whose datagram has SIZE bytes, with libsodium
//   open     opens the seal of the datagram
//   send     seals a datagram and sends it to one of RECEIVERS sockets on 127.0.0.1, by one sendmmsg for all of them
#define _GNU_SOURCE
#include <netinet/in.h>
#include <signal.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_receivers = 1024, header = 28, tag = 16, overhead = header + tag, keys = 200 };

static double used(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint8_t plain[65536], sealed[most_receivers][65536];
static size_t size;
static uint8_t key[32];

// Many signatures, because the branch predictor of the processor would learn the verification of a single one.
static uint8_t public_keys[keys][32], signatures[keys][64];

static void verify(int index) {
    index %= keys;
    if (crypto_sign_verify_detached(signatures[index], plain, size - overhead, public_keys[index])) exit(1);
}

static void seal(int index) {
    uint8_t nonce[12] = {0};
    memcpy(nonce, &index, sizeof index);
    memset(sealed[index], 1, header);
    crypto_aead_chacha20poly1305_ietf_encrypt(
        sealed[index] + header, NULL, plain, size - overhead, sealed[index], header, NULL, nonce, key);
}

static void open_sealed(int index) {
    static uint8_t out[65536];
    uint8_t nonce[12] = {0};
    (void)index;
    if (crypto_aead_chacha20poly1305_ietf_decrypt(
            out, NULL, NULL, sealed[0] + header, size - header, sealed[0], header, nonce, key))
        exit(1);
}

static int receivers, sender, sockets[most_receivers];
static struct sockaddr_in addresses[most_receivers];

static void send_all(void) {
    static struct mmsghdr messages[most_receivers];
    static struct iovec vectors[most_receivers];
    for (int i = 0; i < receivers; i++) {
        seal(i);
        vectors[i] = (struct iovec){sealed[i], size};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &addresses[i], .msg_namelen = sizeof addresses[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    for (int sent = 0; sent < receivers;) {
        int more = sendmmsg(sender, messages + sent, (unsigned)(receivers - sent), 0);
        if (more < 0) fail("sendmmsg");
        sent += more;
    }
}

// Reads all sockets, and waits while they are empty.
static void receive_all(void) {
    static uint8_t received[65536];
    int poll = epoll_create1(0);
    for (int i = 0; i < receivers; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = sockets[i]};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event)) fail("epoll_ctl");
    }
    for (;;) {
        struct epoll_event ready[64];
        int count = epoll_wait(poll, ready, 64, -1);
        for (int i = 0; i < count; i++)
            while (recv(ready[i].data.fd, received, sizeof received, 0) >= 0) {}
    }
}

static double measure(void (*operation)(int), double seconds) {
    double begun = used();
    int count = 0;
    do
        for (int i = 0; i < keys; i++) operation(count++);
    while (used() - begun < seconds * 1e9);
    return (used() - begun) / count;
}

int main(int count, char **arguments) {
    if (count < 5 || sodium_init() < 0) {
        fprintf(stderr, "usage: primitives SECONDS RECEIVERS SIZE INTERVAL\n");
        return 64;
    }
    double seconds = atof(arguments[1]);
    receivers = atoi(arguments[2]);
    size = (size_t)atoi(arguments[3]);
    if (receivers < 1 || receivers > most_receivers || size <= overhead + 64 || size > 65507) return 64;
    randombytes_buf(plain, sizeof plain);
    randombytes_buf(key, sizeof key);
    for (int i = 0; i < keys; i++) {
        uint8_t secret[64];
        crypto_sign_keypair(public_keys[i], secret);
        crypto_sign_detached(signatures[i], NULL, plain, size - overhead, secret);
    }
    seal(0);
    printf("verify %.0f\n", measure(verify, seconds));
    printf("open %.0f\n", measure(open_sealed, seconds / 4));
    sender = socket(AF_INET, SOCK_DGRAM, 0);
    int buffer = 4 << 20;
    setsockopt(sender, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    for (int i = 0; i < receivers; i++) {
        sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        addresses[i].sin_family = AF_INET;
        addresses[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof addresses[i];
        if (bind(sockets[i], (struct sockaddr *)&addresses[i], length) ||
            getsockname(sockets[i], (struct sockaddr *)&addresses[i], &length))
            fail("bind");
    }
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (!child) receive_all();
    struct timespec pause = {0, (long)(atof(arguments[4]) * 1e6)};
    double sent = 0, verified = 0;
    int rounds = 0;
    for (; rounds < seconds * 1000 / atof(arguments[4]); rounds++) {
        nanosleep(&pause, NULL);
        double begun = used();
        send_all();
        double ended = used();
        sent += ended - begun;
        nanosleep(&pause, NULL);
        begun = used();
        verify(rounds);
        verified += used() - begun;
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    printf("paced-verify %.0f\n", verified / rounds);
    printf("send %.0f\n", sent / rounds / receivers);
    return 0;
}
