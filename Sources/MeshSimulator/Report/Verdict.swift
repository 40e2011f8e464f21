/// How a world ended.
package enum Verdict: Hashable, Sendable {
    /// All were equal again that long after trouble ended; zero: they were when it did.
    case healed(after: Duration)
    case notHealed(within: Duration)
    /// Something held that may never hold, or the other way round.
    case broken(String)
    /// It ran to its end, and nothing asked it to heal.
    case ended

    package var isGood: Bool {
        switch self {
        case .healed, .ended: true
        case .notHealed, .broken: false
        }
    }

    /// Two or three words.
    var title: String {
        switch self {
        case .healed(.zero): "whole"
        case .healed: "whole again"
        case .notHealed: "did not heal"
        case .broken: "invariant broken"
        case .ended: "no invariant broken"
        }
    }

    /// What follows the title; text of the world's, not escaped.
    var detail: String {
        switch self {
        case .healed(.zero): "already when trouble ended"
        case .healed(let after): "\(Figures.duration(after)) after trouble ended"
        case .notHealed(let within): "within \(Figures.duration(within)) after trouble ended"
        case .broken(let what): what
        case .ended: "up to the end; there was no phase of healing"
        }
    }
}

extension Verdict {
    /// As one line.
    var sentence: String {
        switch self {
        case .healed, .notHealed, .ended: "\(title) \(detail)"
        case .broken: "\(title): \(detail)"
        }
    }
}

extension Recording {
    package var verdict: Verdict {
        if let failure { return .broken(failure) }
        if let healedAfter { return .healed(after: healedAfter) }
        if let healingBegan { return .notHealed(within: max(duration - healingBegan, .zero)) }
        return .ended
    }
}
