/// The replay window of one direction of a session: which counters have been accepted (RFC 6479).
///
/// A counter is accepted once, if it is higher than all accepted counters or fewer than 2,048 below the highest.
/// `refusal` only checks a counter, and `accept` marks a counter as used. `accept` is called after the signature is
/// verified, so that a forged datagram leaves the window unchanged.
package struct ReplayWindow: Hashable, Sendable {
    private var newest: UInt64 = 0
    /// The bits of the window, one per counter. The array is empty until the first counter is accepted, because a
    /// channel that only sends needs no window.
    private var words: [UInt64] = []

    package init() {}

    /// Returns the reason why `counter` would be refused; nil if it would be accepted.
    package func refusal(of counter: UInt64) -> Rejection? {
        if counter > newest || words.isEmpty { return nil }
        if newest - counter >= ProtocolConstants.windowSize { return .counterTooOld }
        return words[word(counter)] & bit(counter) != 0 ? .counterReplayed : nil
    }

    /// Marks a counter as used. The caller has checked it with `refusal`.
    package mutating func accept(_ counter: UInt64) {
        if words.isEmpty { words = [UInt64](repeating: 0, count: Self.wordCount) }
        if counter > newest {
            let steps = min(counter / 64 - newest / 64, UInt64(Self.wordCount))
            for step in 0..<steps { words[word((newest / 64 + 1 + step) * 64)] = 0 }
            newest = counter
        }
        words[word(counter)] |= bit(counter)
    }

    private func word(_ counter: UInt64) -> Int {
        Int(counter / 64 % UInt64(Self.wordCount))
    }

    private func bit(_ counter: UInt64) -> UInt64 {
        1 << (counter % 64)
    }

    /// The number of words. It is one more than the window needs, so that the newest word shares no bits with the
    /// oldest.
    private static let wordCount = Int(ProtocolConstants.windowSize) / 64 + 1
}
