internal import SecureMesh

extension [MemberStatus] {
    /// The number of members in each state.
    var counts: [String: Int] {
        var counts = Dictionary(uniqueKeysWithValues: MemberState.allCases.map { ($0.rawValue, 0) })
        for member in self { counts[member.state.rawValue, default: 0] += 1 }
        return counts
    }

    /// The members ordered by name, and by key if several have the same name.
    var inOrder: [MemberStatus] {
        sorted { $0.name == $1.name ? $0.publicKey < $1.publicKey : $0.name < $1.name }
    }
}

extension DatagramLosses {
    var byReason: [String: UInt64] {
        Dictionary(uniqueKeysWithValues: nonZero.map { ($0.reason.rawValue, $0.count) })
    }
}

extension RejectionCounters {
    var byReason: [String: UInt64] {
        Dictionary(uniqueKeysWithValues: nonZero.map { ($0.0.rawValue, $0.1) })
    }
}
