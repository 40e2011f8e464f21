internal import SecureMeshCore

/// The conditions of the network. Shares of datagrams are whole numbers of millionths, so that rounding is the same on
/// every machine.
package struct LinkConditions: Hashable, Sendable {
    /// The one-way delay without jitter.
    package var latency = Duration.milliseconds(10)
    /// The greatest random addition to the latency. The addition is uniformly distributed, so datagrams can overtake
    /// each other.
    package var jitter = Duration.zero
    package var loss = 0
    package var duplication = 0
    /// The share of datagrams that are delayed by up to `lateness` more.
    package var late = 0
    package var lateness = Duration.milliseconds(500)
    /// The share of datagrams that arrive a second time, up to a minute after the first.
    package var replay = 0
    /// The share of datagrams in which one bit is flipped.
    package var corruption = 0
    /// The size in bytes above which datagrams are dropped. The limit of UDP is 65,507.
    package var largest = ProtocolConstants.maximumUDPPayload

    /// The conditions between processes of one host.
    package static let sameHost: LinkConditions = {
        var conditions = LinkConditions()
        conditions.latency = .microseconds(10)
        return conditions
    }()
}

/// A set of peers that are cut off from all other peers, in one direction or in both.
package struct Partition: Hashable, Sendable {
    package enum Direction: Hashable, Sendable {
        case both
        /// Datagrams from the cut-off peers to all others are lost.
        case outward
        /// Datagrams from all others to the cut-off peers are lost.
        case inward
    }

    /// The indices of the cut-off peers.
    package var cutOff: Set<Int>
    /// True if the server is on the side of the cut-off peers.
    package var cutsServer = false
    package var direction = Direction.both

    package init(cutOff: Set<Int>) {
        self.cutOff = cutOff
    }

    /// Returns true if a datagram from `source` to `destination` is lost. Both are indices of peers; nil stands for the
    /// server.
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
