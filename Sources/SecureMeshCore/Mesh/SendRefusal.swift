/// The reason why this host does not send a datagram to an address.
@nonexhaustive
public enum SendRefusal: String, Hashable, Sendable {
    /// There is no route to the address, or the socket has no address of its family.
    case noRoute
    /// A rule of this host forbids it, usually a rule of its firewall.
    case forbidden
    /// The datagram is larger than the path to the address allows.
    case tooLarge
    /// The system has another reason.
    case other
}
