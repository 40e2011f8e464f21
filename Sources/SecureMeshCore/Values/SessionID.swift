/// The identifier of one session of one peer, from CONFIRM to the end of the session. It is random, is never 0, and is
/// never used twice.
package struct SessionID: Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    /// Makes an identifier. Returns nil for 0, which identifies no session.
    package init?(rawValue: UInt64) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    package static func < (left: SessionID, right: SessionID) -> Bool {
        left.rawValue < right.rawValue
    }
}
