/// The kinds of attackers. The raw values are the names that `p2p simulate --attack` accepts.
package enum Strategy: String, CaseIterable, Sendable {
    // A sender off the path.
    case flood
    // Someone on the path between peers and server.
    case replay, tamper
    case helloReplay = "hello-replay"
    case stretchDelay = "stretch-delay"
    case hoardHeartbeats = "hoard-heartbeats"
    case delayConfirm = "delay-confirm"
    case relayJoin = "relay-join"
    case deltaDrop = "delta-drop"
    case confirmReplay = "confirm-replay"
    case retryForge = "retry-forge"
    // A member.
    case insiderGarbage = "insider-garbage"
    case insiderStorm = "insider-storm"
    case insiderReseal = "insider-reseal"
    case insiderImpostor = "insider-impostor"
    case insiderAccomplice = "insider-accomplice"
    // Someone with the server's key.
    case lyingServer = "lying-server"

    /// The attacks that a random world of a swarm may have. The other attacks have an effect only in a world that was
    /// made for them.
    package static let drawn = allCases.filter { $0 != .helloReplay }

    var adversary: any Adversary {
        switch self {
        case .flood: Flood()
        case .replay: Replay()
        case .helloReplay: HelloReplay()
        case .tamper: Tamper()
        case .stretchDelay: StretchDelay()
        case .hoardHeartbeats: HoardHeartbeats()
        case .delayConfirm: DelayConfirm()
        case .relayJoin: RelayJoin()
        case .deltaDrop: DeltaDrop()
        case .confirmReplay: ConfirmReplay()
        case .retryForge: RetryForge()
        case .insiderGarbage: InsiderGarbage()
        case .insiderStorm: InsiderStorm()
        case .insiderReseal: InsiderReseal()
        case .insiderImpostor: InsiderImpostor()
        case .insiderAccomplice: InsiderAccomplice()
        case .lyingServer: LyingServer()
        }
    }

    /// A short sentence that says what the attacker does. The help of `p2p simulate` and the report print it.
    package var summary: String {
        switch self {
        case .flood: "A stranger floods the server with garbage and HELLOs."
        case .replay: "Datagrams are recorded and repeated."
        case .helloReplay: "HELLOs are repeated from thousands of forged addresses."
        case .tamper: "Datagrams are changed."
        case .stretchDelay: "Heartbeats are delayed a little longer each time."
        case .hoardHeartbeats: "Peers are cut off, and their old heartbeats sent later."
        case .delayConfirm: "CONFIRMs are delayed until the key may be revoked."
        case .relayJoin: "Handshakes are relayed through another address."
        case .deltaDrop: "Changes of the directory are dropped."
        case .confirmReplay: "CONFIRMs are repeated, also from other addresses."
        case .retryForge: "Answers to joining peers are changed and repeated."
        case .insiderGarbage: "A member sends intact seals with wrong signatures."
        case .insiderStorm: "A member joins and asks for snapshots without pause."
        case .insiderReseal: "A member seals others' messages again for others."
        case .insiderImpostor: "A member uses others' names and addresses."
        case .insiderAccomplice: "A member listens for another one that does not receive."
        case .lyingServer: "Someone with the server's key lies to some peers."
        }
    }

    /// True if the attacker has a key of its own on the roster.
    var isInsider: Bool {
        switch self {
        case .insiderGarbage, .insiderStorm, .insiderReseal, .insiderImpostor, .insiderAccomplice: true
        case .flood, .replay, .tamper, .helloReplay, .stretchDelay, .hoardHeartbeats, .delayConfirm, .relayJoin,
            .deltaDrop, .confirmReplay, .retryForge, .lyingServer:
            false
        }
    }

    /// True if the attacker has the server's secret key.
    var isServer: Bool { self == .lyingServer }
}

extension Recording.Attack {
    init(_ strategy: Strategy, goals: String...) {
        self.init(name: strategy.rawValue, story: strategy.summary)
        self.goals = goals.map { ($0, 0, 0) }
    }

    mutating func tried(_ goal: Int = 0) { goals[goal].tried += 1 }

    mutating func got(_ goal: Int = 0, if isReached: Bool = true) {
        if isReached { goals[goal].got += 1 }
    }
}
