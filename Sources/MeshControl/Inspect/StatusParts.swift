internal import SecureMesh

extension [ListedMember] {
    /// The number of members in each state.
    var counts: [String: Int] {
        var counts = Dictionary(uniqueKeysWithValues: MemberState.allCases.map { ($0, 0) })
        for member in self { counts[member.state, default: 0] += 1 }
        return Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) })
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
