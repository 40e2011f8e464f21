/// The attackers there are.
package enum Strategy: String, CaseIterable, Sendable {
    /// Garbage and HELLOs of strangers from many addresses.
    case flood

    var adversary: any Adversary {
        switch self {
        case .flood: Flood()
        }
    }
}
