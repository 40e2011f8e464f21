/// Which counters of one direction of a session have been accepted (RFC 6479).
///
/// A counter is accepted once, if it is newer than all before or fewer than 2,048 behind the newest. `refusal` looks;
/// `accept` commits, and belongs after the signature: a forged datagram must leave the window as it was.
package struct ReplayWindow: Hashable, Sendable {
    private var newest: UInt64 = 0
    private var words: [UInt64]

    package init() {
        words = [UInt64](repeating: 0, count: Self.wordCount)
    }

    /// Why `counter` would be refused; nil if it would be accepted.
    package func refusal(of counter: UInt64) -> Rejection? {
        if counter > newest { return nil }
        if newest - counter >= ProtocolConstants.windowSize { return .counterTooOld }
        return words[word(counter)] & bit(counter) != 0 ? .counterReplayed : nil
    }

    /// Marks a counter that `refusal` has let through.
    package mutating func accept(_ counter: UInt64) {
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

    /// One word more than the window, so that the word being filled holds no bit of the oldest.
    private static let wordCount = Int(ProtocolConstants.windowSize) / 64 + 1
}
