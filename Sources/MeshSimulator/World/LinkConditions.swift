internal import SecureMeshCore

/// What the network does to a datagram. Shares are in millionths, so that no rounding differs from machine to machine.
package struct LinkConditions: Hashable, Sendable {
    /// One way, without jitter.
    package var latency = Duration.milliseconds(10)
    /// Added to it, evenly from nothing to this: datagrams overtake each other.
    package var jitter = Duration.zero
    package var loss = 0
    package var duplication = 0
    /// Of those that are held back for up to `lateness`.
    package var late = 0
    package var lateness = Duration.milliseconds(500)
    /// Of those that come again, up to a minute later.
    package var replay = 0
    /// Of those that have a bit flipped.
    package var corruption = 0
    /// Larger datagrams are dropped; UDP's own limit is 65,507.
    package var largest = ProtocolConstants.maximumUDPPayload

    package init() {}

    /// Good, as at the end of all faults.
    package static let calm = LinkConditions()
}

/// Some cannot reach others, in one direction or both.
package struct Partition: Hashable, Sendable {
    package enum Direction: Hashable, Sendable {
        case both
        /// The cut-off can hear and are not heard.
        case outward
        /// The cut-off are heard and cannot hear.
        case inward
    }

    /// Peers, by index.
    package var cutOff: Set<Int>
    /// The server stands with those that are cut off.
    package var cutsServer = false
    package var direction = Direction.both

    package init(cutOff: Set<Int>) {
        self.cutOff = cutOff
    }

    /// Nil stands for the server.
    func separates(_ source: Int?, _ destination: Int?) -> Bool {
        let isFromInside = source.map(cutOff.contains) ?? cutsServer
        let isToInside = destination.map(cutOff.contains) ?? cutsServer
        guard isFromInside != isToInside else { return false }
        switch direction {
        case .both: return true
        case .outward: return isFromInside
        case .inward: return isToInside
        }
    }
}
