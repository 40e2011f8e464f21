/// The reason why this host does not send a datagram to an address.
@nonexhaustive
public enum SendRefusal: String, Hashable, Sendable {
    /// There is no route to the address, or the socket cannot send to addresses of this family.
    case noRoute
    /// A rule of this host forbids the datagram, usually a rule of its firewall.
    case forbidden
    /// The datagram is larger than the path to the address allows.
    case tooLarge
    /// The operating system gives another reason.
    case other
}
