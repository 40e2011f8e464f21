/// The attackers there are.
package enum Strategy: String, CaseIterable, Sendable {
    /// Garbage and HELLOs of strangers from many addresses.
    case flood

    var adversary: any Adversary {
        switch self {
        case .flood: Flood()
        }
    }

    /// Has an identity of its own on the roster.
    package var isInsider: Bool {
        switch self {
        case .flood: false
        }
    }

    /// Has the server's secret key.
    package var isServer: Bool {
        switch self {
        case .flood: false
        }
    }
}
