/// The server's view of one member's session.
package struct MemberStanding: Hashable, Sendable {
    /// The time since the member's last proof of life.
    package let silence: Duration
    /// True if a proof of life is overdue.
    package let isLate: Bool
    /// The number of datagrams that were sealed for the member. `received` is the number of those that were accepted
    /// from it.
    package let sent: UInt64
    package let received: UInt64
}
