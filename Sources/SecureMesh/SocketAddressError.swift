/// The reason why a text is not a valid socket address.
@nonexhaustive
public enum SocketAddressError: Error, Hashable, Sendable {
    /// The text has no `:` before a port, or an IPv6 address is not in brackets.
    case notHostAndPort
    /// The port is not a decimal number from 0 to 65,535.
    case invalidPort
    /// The host is not a numeric IPv4 or IPv6 address. Where a name is accepted too, the host is not a valid name
    /// either.
    case invalidHost
    /// The address has a zone, such as `fe80::1%eth0`. A zone has a meaning on only one host, so no other member could
    /// use the address.
    case zone
}
