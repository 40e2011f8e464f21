package import MeshSimulator
internal import SecureMeshCore

extension Recording {
    /// The whole recording as one JSON object. Its keys have a fixed order, and durations are in nanoseconds.
    ///
    /// `seed` and `trace_hash` are strings, because many JSON readers round integers above 2^53.
    package var json: String {
        let tally = Tally(self, history: History(self))
        var members: [(key: String, value: JSONValue)] = [
            ("format", .integer(1)),
            ("seed", .string(String(seed))),
            ("title", .string(title)),
            ("command", .optional(command)),
            ("verdict", .string(verdict.key)),
            ("failure", .optional(failure)),
            ("duration_ns", .nanoseconds(duration)),
            ("healing_began_ns", .nanoseconds(healingBegan)),
            ("healed_after_ns", .nanoseconds(healedAfter)),
            ("member_time_ns", .nanoseconds(memberTime)),
            ("steps", .integer(steps)),
            ("trace_hash", .string(Figures.hexadecimal(traceHash))),
            ("counts", tally.json),
            ("messages_sent", .integer(messagesSent)),
            ("deliveries_expected", .integer(deliveriesExpected)),
            ("deliveries", .integer(deliveries)),
        ]
        for each in distributions { members.append((each.key, each.distribution.json)) }
        members += [
            ("traffic", .array(traffic.map(Self.json))),
            ("losses", .array(losses.map(Self.json))),
            ("refusals", .array(refusals.map(Self.json))),
            ("processors", processors?.json ?? .null),
            ("attacks", .array(attacks.map(\.json))),
            ("peers", .array(names.map { .string($0.description) })),
            ("stays", .array(stays.map(\.json))),
            ("events", .array(events.map(\.json))),
            ("omitted_events", .integer(omittedEvents)),
            ("samples", .array(samples.map(\.json))),
        ]
        return JSONValue.object(members).text() + "\n"
    }

    private static func json(_ kind: Kind, _ traffic: Traffic) -> JSONValue {
        .object([
            ("kind", .string("\(kind)")), ("datagrams", .integer(traffic.datagrams)),
            ("bytes", .integer(traffic.bytes)),
        ])
    }

    private static func json(_ loss: Loss, _ count: Int) -> JSONValue {
        .object([("reason", .string(loss.key)), ("datagrams", .integer(count))])
    }

    private static func json(_ refusal: Refusal) -> JSONValue {
        .object([
            ("reason", .string(refusal.rejection.rawValue)), ("server", .integer(refusal.server)),
            ("peers", .integer(refusal.peers)),
        ])
    }
}

extension Verdict {
    fileprivate var key: String {
        switch self {
        case .healed: "healed"
        case .notHealed: "not_healed"
        case .broken: "broken"
        case .ended: "ended"
        }
    }
}

extension Tally {
    fileprivate var json: JSONValue {
        .object([
            ("joins", .integer(joins)),
            ("departures", .object(departures.map { ($0.departure.key, .integer($0.count)) })),
            ("connections_lost", .integer(connectionsLost)),
            ("crashes", .integer(crashes)),
            ("restarts", .integer(restarts)),
            ("pauses", .integer(pauses)),
            ("clock_jumps", .integer(clockJumps)),
            ("revocations", .integer(revocations)),
            ("partitions", .integer(partitions)),
            ("network_changes", .integer(networkChanges)),
            ("server_outages", .integer(serverOutages)),
            ("server_down_ns", .nanoseconds(serverDown)),
            ("server_pauses", .integer(serverPauses)),
            ("datagrams", .integer(datagrams)),
            ("bytes", .integer(bytes)),
            ("lost", .integer(lost)),
        ])
    }
}

extension Distribution {
    var json: JSONValue {
        .object([
            ("count", .integer(count)), ("mean_ns", .nanoseconds(mean)), ("p50_ns", .nanoseconds(quantile(0.5))),
            ("p90_ns", .nanoseconds(quantile(0.9))), ("p99_ns", .nanoseconds(quantile(0.99))),
            ("max_ns", .nanoseconds(maximum)),
        ])
    }
}

extension Recording.Attack {
    fileprivate var json: JSONValue {
        .object([
            ("name", .string(name)), ("story", .string(story)), ("sent", .integer(sent)),
            ("altered", .integer(altered)),
            ("withheld", .integer(withheld)),
            (
                "goals",
                .array(
                    goals.map {
                        .object([("goal", .string($0.goal)), ("tried", .integer($0.tried)), ("got", .integer($0.got))])
                    })
            ),
        ])
    }
}

extension Recording.Stay {
    fileprivate var json: JSONValue {
        .object([
            ("peer", .integer(peer)), ("from_ns", .nanoseconds(from)), ("to_ns", .nanoseconds(to)),
            ("departure", .optional(departure?.key)),
        ])
    }
}

extension Recording.Sample {
    fileprivate var json: JSONValue {
        .object([
            ("at_ns", .nanoseconds(at)), ("running", .integer(running)), ("members", .integer(members)),
            ("current", .integer(current)), ("datagrams", .integer(datagrams)), ("bytes", .integer(bytes)),
            ("lost", .integer(lost)), ("messages", .integer(messages)), ("refusals", .integer(refusals)),
        ])
    }
}

extension Recording.Event {
    fileprivate var json: JSONValue {
        let (key, detail) = what.key
        var members: [(key: String, value: JSONValue)] = [("at_ns", .nanoseconds(at))]
        if let peer { members.append(("peer", .integer(peer))) }
        members.append(("what", .string(key)))
        if let detail { members.append(detail) }
        return .object(members)
    }
}

extension Recording.Event.What {
    fileprivate var key: (String, detail: (key: String, value: JSONValue)?) {
        switch self {
        case .started: ("started", nil)
        case .joined: ("joined", nil)
        case .left(let departure): ("left", ("departure", .string(departure.key)))
        case .crashed: ("crashed", nil)
        case .restarted: ("restarted", nil)
        case .paused: ("paused", nil)
        case .resumed: ("resumed", nil)
        case .leaving: ("leaving", nil)
        case .revoked: ("revoked", nil)
        case .authorized: ("authorized", nil)
        case .clockJumped(let by): ("clock_jumped", ("by_ns", .nanoseconds(by)))
        case .serverCrashed: ("server_crashed", nil)
        case .serverStarted: ("server_started", nil)
        case .serverStopping: ("server_stopping", nil)
        case .serverPaused: ("server_paused", nil)
        case .serverResumed: ("server_resumed", nil)
        case .partitioned(let who): ("partitioned", ("detail", .string(who)))
        case .rejoined(let who): ("rejoined", ("detail", .string(who)))
        case .networkChanged(let what): ("network_changed", ("detail", .string(what)))
        case .attackBegan(let name): ("attack_began", ("detail", .string(name)))
        case .attackEnded(let name): ("attack_ended", ("detail", .string(name)))
        case .healing: ("healing", nil)
        case .converged: ("converged", nil)
        }
    }
}

extension Departure {
    fileprivate var key: String { self == .tooOld ? "too_old" : rawValue }
}

extension Recording.Loss {
    fileprivate var key: String {
        switch self {
        case .lost: "lost"
        case .partitioned: "partitioned"
        case .tooLarge: "too_large"
        case .overflow: "overflow"
        case .nobodyThere: "nobody_there"
        case .withheld: "withheld"
        }
    }
}

extension Recording.ProcessorUsage {
    fileprivate var json: JSONValue {
        .object([("cores", .integer(cores)), ("used_ns", .nanoseconds(all)), ("server_ns", .nanoseconds(server))])
    }
}
