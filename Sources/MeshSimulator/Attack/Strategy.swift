/// The attackers there are. The names are those of `p2p simulate --attack`.
package enum Strategy: String, CaseIterable, Sendable {
    // Off the path.
    case flood
    // On the path.
    case replay, tamper
    case stretchDelay = "stretch-delay"
    case hoardHeartbeats = "hoard-heartbeats"
    case delayConfirm = "delay-confirm"
    case relayJoin = "relay-join"
    case deltaDrop = "delta-drop"
    case confirmReplay = "confirm-replay"
    case retryForge = "retry-forge"
    // With a key on the roster.
    case insiderGarbage = "insider-garbage"
    case insiderStorm = "insider-storm"
    case insiderReseal = "insider-reseal"
    case insiderImpostor = "insider-impostor"
    // With the server's key.
    case lyingServer = "lying-server"

    var adversary: any Adversary {
        switch self {
        case .flood: Flood()
        case .replay: Replay()
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
        case .lyingServer: LyingServer()
        }
    }

    /// Has an identity of its own on the roster.
    package var isInsider: Bool {
        switch self {
        case .insiderGarbage, .insiderStorm, .insiderReseal, .insiderImpostor: true
        case .flood, .replay, .tamper, .stretchDelay, .hoardHeartbeats, .delayConfirm, .relayJoin, .deltaDrop,
            .confirmReplay, .retryForge,
            .lyingServer:
            false
        }
    }

    /// Has the server's secret key.
    package var isServer: Bool { self == .lyingServer }
}

extension Recording.Attack {
    init(_ strategy: Strategy, _ story: String, goals: String...) {
        self.init(name: strategy.rawValue, story: story)
        self.goals = goals.map { ($0, 0, 0) }
    }

    mutating func tried(_ goal: Int = 0, times: Int = 1) { goals[goal].tried += times }

    mutating func got(_ goal: Int = 0, if isHad: Bool = true) {
        if isHad { goals[goal].got += 1 }
    }
}
