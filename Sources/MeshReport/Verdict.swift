package import MeshSimulator

/// The result of a simulated world.
package enum Verdict: Hashable, Sendable {
    /// The time from the end of the faults until the mesh was whole again; zero if it was whole when the faults ended.
    case healed(after: Duration)
    case notHealed(within: Duration)
    /// An invariant was broken, as the text describes.
    case broken(String)
    /// The world ran to its end and had no healing phase.
    case ended

    /// The verdict in a few words.
    var title: String {
        switch self {
        case .healed(.zero): "whole"
        case .healed: "whole again"
        case .notHealed: "did not heal"
        case .broken: "invariant broken"
        case .ended: "no invariant broken"
        }
    }

    /// The text that follows `title`. Its control characters are not escaped.
    var detail: String {
        switch self {
        case .healed(.zero): "already when the faults ended"
        case .healed(let after): "\(Figures.duration(after)) after the faults ended"
        case .notHealed(let within): "within \(Figures.duration(within)) after the faults ended"
        case .broken(let what): what
        case .ended: "until the end; there was no healing phase"
        }
    }
}

extension Verdict {
    /// The verdict as one line.
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
