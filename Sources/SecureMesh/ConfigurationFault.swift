/// A fault of a configuration: a value that is out of range, or values that contradict each other.
package struct ConfigurationFault: Error, Equatable {
    /// The settings that can have a fault.
    package enum Setting: Sendable {
        case listen
        case heartbeatInterval
        case lifetime
        case maximumPeers
        case eventLoops
        case bind
        case server
    }

    package let reason: String
    /// The settings that cause the fault. A change to any of them can remove the fault.
    package let settings: [Setting]

    init(_ reason: String, _ settings: Setting...) {
        self.reason = reason
        self.settings = settings
    }
}

extension MeshServer.Configuration {
    /// Checks a server's settings, except its key and its roster. Returns the faults; empty if there are none.
    ///
    /// - Parameters:
    ///   - listen: The local addresses. Their number must be from 1 to 255.
    ///   - heartbeatInterval: The time between the heartbeats of a peer, from 20 ms to 20 s.
    ///   - lifetime: The time until a silent peer expires, from two heartbeat intervals to 65 s.
    ///   - maximumPeers: The largest number of members, from 1 to 65,536.
    ///   - eventLoops: The number of event loops, from 1 to 64.
    package static func faults(
        listen: [SocketAddress], heartbeatInterval: Duration, lifetime: Duration, maximumPeers: Int,
        eventLoops: Int
    ) -> [ConfigurationFault] {
        var faults: [ConfigurationFault] = []
        if listen.isEmpty { faults.append(ConfigurationFault("no address to listen on", .listen)) }
        if listen.count > Int(UInt8.max) {
            faults.append(ConfigurationFault("between 1 and 255 addresses to listen on", .listen))
        }
        faults += listen.compactMap(\.bindFault).map { ConfigurationFault($0, .listen) }
        if !(Limits.shortestHeartbeat ... .seconds(20)).contains(heartbeatInterval) {
            faults.append(ConfigurationFault("the heartbeat interval is 20 ms to 20 s", .heartbeatInterval))
        } else if lifetime < heartbeatInterval * 2 || lifetime > .seconds(65) {
            faults.append(
                ConfigurationFault(
                    "the lifetime is at least two heartbeat intervals and at most 65 s", .heartbeatInterval,
                    .lifetime))
        }
        if !(1...Limits.directoryEntries).contains(maximumPeers) {
            faults.append(ConfigurationFault("the number of peers is 1 to \(Limits.directoryEntries)", .maximumPeers))
        }
        if !(1...Limits.eventLoops).contains(eventLoops) {
            faults.append(ConfigurationFault("the number of event loops is 1 to \(Limits.eventLoops)", .eventLoops))
        }
        return faults
    }
}

extension MeshPeer.Configuration {
    /// Checks the addresses in a peer's settings, and returns the first fault; nil if both addresses are valid.
    ///
    /// - Parameters:
    ///   - bind: The address to bind.
    ///   - server: The address of the server, or the name of its host.
    package static func fault(bind: SocketAddress, server: ServerAddress) -> ConfigurationFault? {
        if let reason = bind.bindFault { return ConfigurationFault(reason, .bind) }
        switch server.place {
        case .name(_, let port):
            guard port != 0 else { return ConfigurationFault("a server cannot be at \(server)", .server) }
        case .addresses(let addresses):
            guard (1...Limits.serverAddresses).contains(addresses.count) else {
                return ConfigurationFault("a server has 1 to \(Limits.serverAddresses) addresses", .server)
            }
            for address in addresses {
                if let reason = address.linkLocalFault { return ConfigurationFault(reason, .server) }
                guard address.isUsable else {
                    return ConfigurationFault("a server cannot be at \(address)", .server)
                }
                guard bind.reaches(address) else {
                    return ConfigurationFault(
                        "the address to bind and the server's \(address) are not both IPv4 or both IPv6", .bind,
                        .server)
                }
            }
        }
        return nil
    }
}
