#include <stdint.h>

/// A datagram of one of many members. Member N has the address 127.1.0.0 + N.
struct loopback_datagram {
    uint32_t member;
    uint32_t size;
    /// If this is not 0, the system sends the bytes as several datagrams, each of this size except the last.
    uint16_t segment;
    /// The time for which a received datagram waited in the socket, in nanoseconds.
    int64_t waited;
    uint8_t bytes[1500];
};

/// Opens one socket for all members, which sends to `port` of 127.0.0.1. Returns -1 if the system refuses.
int loopback_open(uint16_t port);

/// Receives datagrams, and waits for the first at most `milliseconds`. Returns their number.
int loopback_receive(int descriptor, struct loopback_datagram *datagrams, int capacity, int milliseconds);

/// Returns the bytes that wait in the receive buffers of all sockets of a port.
///
/// - Parameter drops: Set to the number of datagrams that these sockets have dropped.
long loopback_queued(uint16_t port, long *drops);

/// Sends datagrams. Returns the number of elements of `datagrams` that the system has accepted.
int loopback_send(int descriptor, struct loopback_datagram *datagrams, int count);
