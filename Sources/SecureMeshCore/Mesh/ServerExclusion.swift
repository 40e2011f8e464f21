/// The pauses between the requests of a peer to join at a server that does not let its key join (PROTOCOL.md, section
/// 5.9).
///
/// The peer keeps asking, because its key may have been revoked by mistake, or may be listed soon. The pauses double,
/// up to five minutes, because the server has to sign each answer.
package struct ServerExclusion: Sendable {
    /// The time until the server is asked again.
    package enum Pause: Equatable, Sendable {
        case ends(after: Duration)
        case never
    }

    private var count = 0
    /// The end of the pause; nil if the server is not asked again.
    private(set) package var until: Instant?

    package init() {}

    /// Begins the next pause. It lasts for a random time between half of a maximum and that maximum. The maximum
    /// doubles with each pause.
    ///
    /// - Parameter returns: False if the server is not to be asked again.
    package mutating func begin(returns: Bool, random: inout RandomSource, now: Instant) -> Pause {
        guard returns else {
            until = nil
            return .never
        }
        // More doublings than these would exceed the longest pause by far.
        let doubled = Limits.exclusionPause * (1 << min(count, 16))
        count += 1
        let half = min(doubled, Limits.longestExclusionPause).wholeNanoseconds / 2
        let pause = Duration.nanoseconds(half + Int64(random.next() % UInt64(half)))
        until = now + pause
        return .ends(after: pause)
    }
}
