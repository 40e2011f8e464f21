/// The server's view of one member's session.
package struct MemberStanding: Hashable, Sendable {
    /// The time since the member's last proof of life.
    package let silence: Duration
    /// True if a proof of life is overdue.
    package let isLate: Bool
    /// The number of datagrams that the server has sealed for the member.
    package let sent: UInt64
    /// The number of datagrams that the server has accepted from the member after CONFIRM.
    package let received: UInt64
}
