internal import MeshControl
internal import SecureMesh

/// The text of a status: first the problems, then the process, then the members.
struct StatusTable {
    let status: MeshStatus

    /// The lines for a person: a table, with ages instead of times.
    var lines: [String] {
        let members = status.members ?? []
        let head = ["NAME", "STATE", "FOR", "WHY", "ADDRESS", "KEY", "ROUND TRIP"]
        let table = members.isEmpty ? [] : TextTable.lines(of: [head] + members.map(row), isAligned: true)
        return problemLines + [summary] + table
    }

    /// The lines for a program. A line about a problem begins with `!`. After the problems, each member has a line,
    /// with tabs between its values.
    var tabSeparated: [String] {
        problemLines
            + (status.members ?? []).map { member in
                [
                    member.name, member.state.rawValue, member.since?.description, member.reason, member.address,
                    member.fingerprint, member.roundTrip.map(Self.milliseconds),
                    member.sentDatagrams.map(String.init), member.receivedDatagrams.map(String.init),
                    member.receivedMessages.map(String.init),
                ].map { $0.map(Console.escaped) ?? "-" }.joined(separator: "\t")
            }
    }

    /// The process and its problems, in one line.
    var line: String {
        ([summary] + status.problems.map { Console.escaped($0.message) }).joined(separator: "; ")
    }

    private var problemLines: [String] {
        status.problems.flatMap { problem in
            let since = problem.since.map { since in
                let age = Self.age(status.time - since)
                return problem.code == "turnedAway" ? ", \(age) ago" : ", for \(age)"
            }
            return ["! \(Console.escaped(problem.message))\(since ?? "")"]
                + (problem.hint.map { ["!   hint: \(Console.escaped($0))"] } ?? [])
        }
    }

    /// The process and the number of members in each state, in one line.
    var summary: String {
        let addresses = Console.escaped(status.addresses.joined(separator: " "))
        let counts = MemberState.allCases.compactMap { state in
            let count = status.counts[state.rawValue] ?? 0
            return count > 0 || state == .alive ? "\(count) \(state.rawValue)" : nil
        }.joined(separator: ", ")
        let age = Self.age(status.time - status.startedAt)
        guard let name = status.name, let server = status.server else {
            return "server at \(addresses), up for \(age): \(counts)"
        }
        let trip = server.roundTrip.map { ", round trip \(Self.milliseconds($0)) ms" } ?? ""
        let since = server.since.map { " for \(Self.age(status.time - $0))" } ?? ""
        let place = addresses.isEmpty ? "" : " at \(addresses)"
        return "peer \(Console.escaped(name))\(place), \(server.state.rawValue)\(since), "
            + "server \(Console.escaped(server.address ?? server.configured))\(trip): \(counts)"
    }

    private func row(_ member: MemberStatus) -> [String] {
        [
            member.name, member.state.rawValue, member.since.map { Self.age(status.time - $0) }, member.reason,
            member.address, member.fingerprint, member.roundTrip.map { "\(Self.milliseconds($0)) ms" },
        ].map { $0.map(Console.escaped) ?? "-" }
    }

    static func milliseconds(_ nanoseconds: Int64) -> String {
        // The number comes from another process, and may be wrong.
        let microseconds = max(nanoseconds, 0) / 1_000
        let fraction = String(microseconds % 1_000)
        return "\(microseconds / 1_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// Returns a duration in its two largest units, such as `2d 3h` or `12s`.
    static func age(_ duration: Duration) -> String {
        let seconds = max(duration.components.seconds, 0)
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3_600: return "\(seconds / 60)m \(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3_600)h \(seconds / 60 % 60)m"
        default: return "\(seconds / 86_400)d \(seconds / 3_600 % 24)h"
        }
    }
}
