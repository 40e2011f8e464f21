internal import MeshControl

/// The resources that a command needs in addition to those that all commands need.
struct ResourceNeeds: Sendable {
    /// The number of descriptors for sockets.
    var socketDescriptors = 0
    /// The number of secret keys in guarded memory.
    var guardedKeys = 0
}

/// A command that opens sockets, holds keys in guarded memory, or both.
protocol ResourceUser: SendableMetatype {
    var resourceNeeds: ResourceNeeds { get }
}

/// The number of descriptors of a control socket and its connections.
private let controlDescriptors = ControlLimits.connections + 1

/// A UDP socket of a server or a peer needs two descriptors. A server has two sockets on each address, so it needs four
/// descriptors per address.
extension ServerCommand: ResourceUser {
    var resourceNeeds: ResourceNeeds {
        ResourceNeeds(socketDescriptors: addresses.count * 4 + controlDescriptors, guardedKeys: 1)
    }
}

extension PeerCommand: ResourceUser {
    var resourceNeeds: ResourceNeeds { ResourceNeeds(socketDescriptors: 2 + controlDescriptors, guardedKeys: 1) }
}

/// `p2p status` opens one connection to a control socket.
extension StatusCommand: ResourceUser {
    var resourceNeeds: ResourceNeeds { ResourceNeeds(socketDescriptors: 2) }
}

extension SwarmCommand: ResourceUser {
    var resourceNeeds: ResourceNeeds {
        ResourceNeeds(socketDescriptors: (peers + newcomers) * 2, guardedKeys: peers + newcomers)
    }
}

extension SelfTestCommand: ResourceUser {
    var resourceNeeds: ResourceNeeds { ResourceNeeds(socketDescriptors: 16) }
}

extension Keygen: ResourceUser {
    var resourceNeeds: ResourceNeeds { ResourceNeeds(guardedKeys: 1) }
}
