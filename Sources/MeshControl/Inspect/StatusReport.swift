internal import SecureMesh

/// The state of a process and its mesh, before it is encoded as JSON. A client decodes the JSON as a `MeshStatus`.
package struct StatusReport: Sendable {
    /// The status without its members.
    package let status: MeshStatus
    /// The members; nil if the request asked to omit them.
    private let members: [ListedMember]?

    /// Makes a report. Sorts the members by name, and by the text of the key if several have the same name.
    ///
    /// - Parameters:
    ///   - status: The status without its members.
    ///   - members: The members, in any order; nil if the request asked to omit them.
    ///   - correction: The number of milliseconds that is added to all times. This converts times of a `ProcessClock`
    ///     to times of the host's clock.
    package init(_ status: MeshStatus, members: [ListedMember]?, correction: Int64) {
        var status = status
        status.move(by: correction)
        status.members = nil
        self.status = status
        self.members = members.map { members in
            Self.order(members).map { index in
                var member = members[index]
                member.since = member.since?.moved(by: correction)
                return member
            }
        }
    }

    /// Returns the indices of the members in the order of the report.
    private static func order(_ members: [ListedMember]) -> [Int] {
        // Indices are sorted, and not members, because a sort moves each element many times and a member is large.
        members.indices.sorted { left, right in
            let (first, second) = (members[left].name.description, members[right].name.description)
            guard first == second else { return first < second }
            return members[left].publicKey.text.lexicographicallyPrecedes(members[right].publicKey.text)
        }
    }

    /// The JSON of this report.
    ///
    /// Foundation's encoder encodes only the status without its members, because it takes some milliseconds per hundred
    /// members. This code then inserts the members.
    package var json: [UInt8] {
        let bytes = ControlJSON.encode(status)
        guard let members else { return bytes }
        // Quotation marks in strings are escaped, so only the key itself matches.
        let key = Array("\"members\":".utf8)
        let absent = key + Array("null".utf8)
        guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: absent) }) else { return bytes }
        var result = Array(bytes[..<start]) + key
        result.reserveCapacity(bytes.count + members.count * 448)
        var separator = UInt8(ascii: "[")
        for member in members {
            result.append(separator)
            member.writeJSON(to: &result)
            separator = UInt8(ascii: ",")
        }
        result.append(contentsOf: Array((members.isEmpty ? "[]" : "]").utf8))
        result.append(contentsOf: bytes[(start + absent.count)...])
        return result
    }
}
