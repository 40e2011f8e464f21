/// A peer's pauses after a server has refused the peer's key (PROTOCOL.md, section 5.9). After each pause, the peer
/// asks the same server again, unless it is configured not to.
///
/// The peer asks again because its key may have been revoked by mistake, or may soon be added to the roster. The pauses
/// double, up to five minutes, because the server has to sign each answer.
package struct ServerExclusion: Sendable {
    /// The time until this peer asks the server again.
    package enum Pause: Equatable, Sendable {
        case ends(after: Duration)
        case never
    }

    private var count = 0
    /// The end of the pause; nil if this peer does not ask the server again.
    private(set) package var until: Instant?

    package init() {}

    /// Begins the next pause. Its length is a random time between half of a maximum and that maximum. The maximum
    /// doubles with each pause.
    ///
    /// - Parameter returns: False if this peer is not to ask the server again.
    package mutating func begin(returns: Bool, random: inout RandomSource, now: Instant) -> Pause {
        guard returns else {
            until = nil
            return .never
        }
        // After 16 doublings the pause is far above its limit. More doublings could overflow.
        let doubled = Limits.exclusionPause * (1 << min(count, 16))
        count += 1
        let half = min(doubled, Limits.longestExclusionPause).wholeNanoseconds / 2
        let pause = Duration.nanoseconds(half + Int64(random.next() % UInt64(half)))
        until = now + pause
        return .ends(after: pause)
    }
}
