internal import MeshControl
internal import SecureMesh

/// Derives findings from the status of a process and the facts about its host.
enum Diagnosis {
    /// The answers of one member to the probes sent to it.
    struct Reach: Codable, Sendable {
        let name: String
        let probes: Int
        /// The round-trip times of the probes that were answered, in nanoseconds.
        let roundTrips: [Int64]
    }

    /// The size, in bytes, of the IP packet that carries the largest datagram of the protocol: 1,232 bytes and the
    /// headers of UDP and IPv6.
    private static let largestPacket = 1_280

    /// Returns all findings in the order in which they are printed.
    ///
    /// - Parameter files: The findings about files.
    static func findings(
        _ status: MeshStatus, _ facts: HostFacts, _ reaches: [Reach], files: [Finding] = []
    ) -> [Finding] {
        [version(status, facts), clock(facts)] + files + state(status) + reaches.map(reach) + paths(facts)
            + [buffer(facts)].compactMap(\.self)
            + losses(status) + refusals(status)
    }

    private static func version(_ status: MeshStatus, _ facts: HostFacts) -> Finding {
        status.version == facts.version
            ? .good("version", "the \(status.role.rawValue) and this command have version \(facts.version)")
            : .advice(
                "version", "the \(status.role.rawValue) has version \(status.version), this command \(facts.version)",
                "restart the older one after an upgrade")
    }

    /// Checks the clock of this host, which determines when keys expire. Heartbeats do not depend on the clock.
    private static func clock(_ facts: HostFacts) -> Finding {
        guard facts.time > firstPlausibleTime else {
            return .problem(
                "clock", "the clock of this host says \(facts.time)",
                "set it: keys that have expired could join, and times in logs are wrong")
        }
        guard facts.isClockSynchronized == false else {
            return .good("clock", "the clock of this host says \(facts.time)")
        }
        return .advice(
            "clock", "no program synchronizes the clock of this host; it says \(facts.time)",
            "run chrony, or 'timedatectl set-ntp true', so that keys expire when they should")
    }

    /// The beginning of 2026. A clock that shows an earlier time has not been set, as on a board without a battery.
    private static let firstPlausibleTime = Timestamp(milliseconds: 1_767_225_600_000)

    private static func state(_ status: MeshStatus) -> [Finding] {
        let problems = status.problems.map { problem in
            problem.severity == .error
                ? Finding.problem(problem.code, Console.escaped(problem.message), problem.hint.map(Console.escaped))
                : .advice(
                    problem.code, Console.escaped(problem.message), problem.hint.map(Console.escaped) ?? "see the log")
        }
        guard problems.isEmpty else { return problems }
        let alive = status.counts[MemberState.alive.rawValue] ?? 0
        let members = "\(alive.membersAre) alive"
        guard let server = status.server else { return [.good("members", "the server listens, and \(members)")] }
        return [.good("members", "the peer has \(server.state.rawValue), may send messages, and \(members)")]
    }

    private static func reach(_ reach: Reach) -> Finding {
        let name = Console.escaped(reach.name)
        guard let best = reach.roundTrips.min() else {
            return .problem(
                "reach", "\(name) does not answer this peer",
                "UDP must pass between the ports of the two hosts, in both directions")
        }
        let trip = "\(StatusTable.milliseconds(best)) ms"
        guard reach.roundTrips.count < reach.probes else {
            return .good("reach", "\(name) answers in \(trip), so both directions are open")
        }
        return .advice(
            "reach", "\(name) answered \(reach.roundTrips.count) of \(reach.probes) probes, the fastest in \(trip)",
            "the network between the two hosts loses datagrams")
    }

    private static func paths(_ facts: HostFacts) -> [Finding] {
        guard !facts.pathMTU.isEmpty else { return [] }
        let narrow = facts.pathMTU.filter { $0.value < largestPacket }.sorted { $0.key < $1.key }
        guard !narrow.isEmpty else {
            let least = facts.pathMTU.values.min() ?? 0
            return [.good("mtu", "packets of at least \(least) bytes pass to the server and to members")]
        }
        return narrow.map { address, size in
            .problem(
                "mtu", "packets to \(address) have at most \(size) bytes, and the mesh needs \(largestPacket)",
                "raise the MTU of the tunnel or link on the way")
        }
    }

    private static func buffer(_ facts: HostFacts) -> Finding? {
        guard let granted = facts.receiveBuffer, let requested = facts.requestedReceiveBuffer else { return nil }
        return .receiveBuffer(granted, of: requested)
            ?? .good("buffer", "the system grants the receive buffer that p2p requests, \(requested) bytes")
    }

    private static func losses(_ status: MeshStatus) -> [Finding] {
        let lost = status.lostDatagrams.filter { $0.value > 0 }.sorted { $0.key < $1.key }
        guard !lost.isEmpty else { return [.good("loss", "this process has lost no datagram on this host")] }
        return lost.map { reason, count in
            let (text, action) =
                DatagramLoss(rawValue: reason).map(explanation) ?? (
                    "for the reason \(reason)", "see docs/operations.md"
                )
            return .advice("loss", "\(count) datagrams lost: \(text)", action)
        }
    }

    private static func explanation(_ loss: DatagramLoss) -> (String, String) {
        switch loss {
        case .sendRefused: ("the system refused to send them", "look at routes and at the local firewall")
        case .sendQueueFull: ("the send buffer was full", "sysctl -w net.core.wmem_max=4194304")
        case .messagesDropped:
            ("messages, because the send buffer was half full", "send fewer messages, or raise net.core.wmem_max")
        case .answersDropped:
            ("answers to strangers, because of addresses that do not exist", "look for forged sources on this network")
        case .strangersDropped:
            ("datagrams of strangers, by the kernel or because a queue was full", "members are not affected")
        case .receiveBufferFull:
            ("the receive buffer was full", "raise net.core.rmem_max, or give the process more CPU time")
        @unknown default: ("for the reason \(loss.rawValue)", "see docs/operations.md")
        }
    }

    /// Returns a finding for each kind of refused datagrams that may be due to a mistake of an operator. All other
    /// refusals are normal, or come from attacks that the code withstands.
    private static func refusals(_ status: MeshStatus) -> [Finding] {
        let told: [(Rejection, String, String)] = [
            (
                .sealBroken, "datagrams that this key does not open",
                "check that every peer pins this server's key; otherwise somebody sends garbage"
            ),
            (
                .misdirected, "datagrams for another server or an earlier run of this one",
                "if the number keeps growing, look for two processes that use one address"
            ),
            (
                .sourceNotAllowed, "requests from addresses that members cannot reach",
                "peers must use a reachable address"
            ),
            (
                .overBudget, "requests to join beyond the CPU time that is set aside for them",
                "if the number keeps growing without new peers, look for the source of a flood"
            ),
            (.memberOverRate, "datagrams of members beyond their rate", "look for a member that sends too much"),
            (.senderOverRate, "messages beyond the rate of one sender", "send fewer, or raise the rate"),
        ]
        return told.compactMap { rejection, text, action in
            guard let count = status.refusedDatagrams[rejection.rawValue], count > 0 else { return nil }
            return .advice("refused", "\(count) refused: \(text)", action)
        }
    }
}
