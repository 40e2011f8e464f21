internal import MeshControl
internal import SecureMesh

/// The text of `p2p top`: the process, its problems, and the members.
struct TopTable {
    private var status: MeshStatus?
    private var failure: Failure?
    /// The mean number of refused datagrams per second in the time between the last two statuses. Nil if there is only
    /// one status, or if the process was restarted between the two.
    private var refusals: Double?

    mutating func update(_ next: MeshStatus) {
        refusals = status.flatMap { last in
            let seconds = (next.time - last.time) / .seconds(1)
            guard last.startedAt == next.startedAt, seconds > 0 else { return nil }
            return Double(Self.refused(next)) / seconds - Double(Self.refused(last)) / seconds
        }
        (status, failure) = (next, nil)
    }

    /// Keeps the last status, and shows the reason why there is no newer status.
    mutating func update(_ failure: Failure) {
        self.failure = failure
    }

    private static func refused(_ status: MeshStatus) -> UInt64 {
        status.refusedDatagrams.values.reduce(0) { $0 + UInt64($1) }
    }

    /// All lines of the text, including those that do not fit into the window.
    var lines: [String] { head + members }

    /// Returns the lines that fit into a window. The last line names the keys that the user can press.
    func lines(in size: Terminal.Size) -> [String] {
        let all = head + [""] + members
        let room = max(size.rows - 1, 1)
        let hidden = all.count - room
        let foot = hidden > 0 ? "q quits; \(hidden) more lines in a larger window" : "q quits"
        return (all.prefix(room) + [foot]).prefix(size.rows).map { String($0.prefix(max(size.columns - 1, 0))) }
    }

    private var head: [String] {
        var head: [String] = []
        if let failure { head.append("! \(failure.message), trying again") }
        guard let status else { return head }
        let rate = refusals.map { "\(Self.tenths($0))/s" } ?? "-"
        return head + [StatusTable(status: status).summary, "refused datagrams: \(rate)"]
            + status.problems.map { "! \(Console.escaped($0.message))" }
    }

    private var members: [String] {
        guard let status, let members = status.members, !members.isEmpty else { return [] }
        let head = ["NAME", "STATE", "FOR", "ADDRESS", "ROUND TRIP", "SENT", "RECEIVED"]
        let rows = members.map { member in
            [
                member.name, member.state.rawValue, member.since.map { StatusTable.age(status.time - $0) },
                member.address, member.roundTrip.map { "\(StatusTable.milliseconds($0)) ms" },
                member.sentDatagrams.map(String.init),
                (member.receivedDatagrams ?? member.receivedMessages).map(String.init),
            ].map { $0.map(Console.escaped) ?? "-" }
        }
        return TextTable.lines(of: [head] + rows, isAligned: true)
    }

    private static func tenths(_ number: Double) -> String {
        let tenths = Int((max(number, 0) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
