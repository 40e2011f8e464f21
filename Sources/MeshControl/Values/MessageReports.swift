#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// The body of `POST /v1/send`.
package struct SendRequest: Codable, Sendable {
    /// The receiver's name; nil for all members.
    @OrNull package var to: String?
    /// The message as text. `body` is the message as bytes, in Base64. Exactly one of `text` and `body` is set.
    @OrNull package var text: String?
    @OrNull package var body: Data?
    /// The time to wait for acknowledgments, in milliseconds; nil for 3 s.
    @OrNull package var timeoutMilliseconds: Int?
    /// False to send without asking for acknowledgments; nil means true.
    @OrNull package var acknowledge: Bool?

    package init(to: String?, body: [UInt8], timeoutMilliseconds: Int? = nil, acknowledge: Bool? = nil) {
        self.to = to
        self.body = Data(body)
        self.timeoutMilliseconds = timeoutMilliseconds
        self.acknowledge = acknowledge
    }

    /// The bytes of the message.
    package var bytes: [UInt8] { body.map(Array.init) ?? Array((text ?? "").utf8) }
}

/// The answer to `POST /v1/send`.
package struct SendReport: Codable, Sendable {
    package var schema = ControlLimits.schema
    /// The number of members to which the message was sent.
    package var asked: Int
    /// The names of the members that have acknowledged the message; nil if it was sent without acknowledgments.
    @OrNull package var delivered: [String]?
    /// The names of the members that are still in the mesh and have not acknowledged the message. They may have
    /// received it nevertheless.
    package var unanswered: [String]
    /// The names of the members that left the mesh without acknowledging the message.
    package var gone: [String]

    package init(asked: Int, delivered: [String]?, unanswered: [String] = [], gone: [String] = []) {
        self.asked = asked
        self.delivered = delivered
        self.unanswered = unanswered
        self.gone = gone
    }

    package var isComplete: Bool { unanswered.isEmpty && gone.isEmpty }
}

/// The body of `POST /v1/ping`.
package struct PingRequest: Codable, Sendable {
    package var to: String
    @OrNull package var timeoutMilliseconds: Int?

    package init(to: String, timeoutMilliseconds: Int? = nil) {
        self.to = to
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// The answer to `POST /v1/ping`.
package struct PingReport: Codable, Sendable {
    package var schema = ControlLimits.schema
    package var name: String
    package var address: String
    package var fingerprint: String
    /// The round trip, in nanoseconds.
    package var roundTrip: Int64

    package init(name: String, address: String, fingerprint: String, roundTrip: Int64) {
        self.name = name
        self.address = address
        self.fingerprint = fingerprint
        self.roundTrip = roundTrip
    }
}

/// The answer to `POST /v1/reload`.
package struct ReloadReport: Codable, Sendable {
    package var schema = ControlLimits.schema
    /// The path of the list, as it was given to the server.
    package var list: String
    /// The absolute path of the list, without symbolic links; nil if the server has an earlier version of this program.
    package var file: String?
    package var keys: Int
    /// The names of the keys that are in the new list and were not in the previous list under the same name, in
    /// ascending order.
    package var added: [String]
    /// The names of the keys that were in the previous list and are not in the new list under the same name, in
    /// ascending order.
    package var removed: [String]

    package init(list: String, file: String?, keys: Int, added: [String], removed: [String]) {
        self.list = list
        self.file = file
        self.keys = keys
        self.added = added
        self.removed = removed
    }
}
