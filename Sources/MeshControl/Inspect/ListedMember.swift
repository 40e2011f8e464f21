package import SecureMesh

/// A member in a `StatusReport`. A client decodes the JSON of a `ListedMember` as a `MemberStatus`, whose comments
/// describe the properties.
///
/// This type stores a key, an address and a time as values, not as texts. `writeJSON` makes the texts, so a report of
/// thousands of members does not store them.
package struct ListedMember: Sendable {
    /// The reason for the state of a member. docs/control.md explains the texts.
    package enum Reason: Hashable, Sendable {
        /// The server has had no heartbeat of the member for too long.
        case silent
        /// The peer that reports is not connected to its server.
        case serverSilent
        /// The peer that reports has ended.
        case disconnected
        /// The member has left, or was removed.
        case departure(Departure)

        var text: String {
            switch self {
            case .silent: "silent"
            case .serverSilent: "serverSilent"
            case .disconnected: "disconnected"
            case .departure(let departure): departure.rawValue
            }
        }
    }

    let name: PeerName
    let publicKey: PublicKey
    let address: SocketAddress?
    var state: MemberState
    var since: Timestamp?
    var reason: Reason?
    package var roundTrip: UInt64?
    var sentDatagrams: UInt64?
    var receivedDatagrams: UInt64?
    package var receivedMessages: UInt64?

    package init(_ member: Member, _ state: MemberState, since: Timestamp?, reason: Reason? = nil) {
        self.init(member.name, member.publicKey, member.address, state)
        self.since = since
        self.reason = reason
    }

    init(_ absence: MemberHistory.Absence) {
        self.init(
            absence.member, MemberState(absence.departure), since: absence.at,
            reason: absence.departure.map(Reason.departure))
    }

    package init(_ name: PeerName, _ publicKey: PublicKey, _ address: SocketAddress?, _ state: MemberState) {
        self.name = name
        self.publicKey = publicKey
        self.address = address
        self.state = state
    }
}

extension ListedMember {
    private enum Key {
        static let address = Array("{\"address\":".utf8)
        static let fingerprint = Array(",\"fingerprint\":".utf8)
        static let name = Array(",\"name\":".utf8)
        static let publicKey = Array(",\"publicKey\":".utf8)
        static let reason = Array(",\"reason\":".utf8)
        static let receivedDatagrams = Array(",\"receivedDatagrams\":".utf8)
        static let receivedMessages = Array(",\"receivedMessages\":".utf8)
        static let roundTrip = Array(",\"roundTrip\":".utf8)
        static let sentDatagrams = Array(",\"sentDatagrams\":".utf8)
        static let since = Array(",\"since\":".utf8)
        static let state = Array(",\"state\":".utf8)
    }

    private static let null = Array("null".utf8)

    /// Appends the JSON of this member. The keys have the order in which `ControlJSON.encode` writes them. The texts
    /// need no escapes, because none of them contains a quotation mark, a backslash or a control character.
    func writeJSON(to bytes: inout [UInt8]) {
        let key = publicKey.text
        Self.write(Key.address, address?.text, to: &bytes)
        Self.write(Key.fingerprint, PublicKey.fingerprint(ofText: key), to: &bytes)
        Self.write(Key.name, Array(name.description.utf8), to: &bytes)
        Self.write(Key.publicKey, key, to: &bytes)
        Self.write(Key.reason, reason.map { Array($0.text.utf8) }, to: &bytes)
        Self.write(Key.receivedDatagrams, number: receivedDatagrams, to: &bytes)
        Self.write(Key.receivedMessages, number: receivedMessages, to: &bytes)
        Self.write(Key.roundTrip, number: roundTrip, to: &bytes)
        Self.write(Key.sentDatagrams, number: sentDatagrams, to: &bytes)
        Self.write(Key.since, since?.text, to: &bytes)
        Self.write(Key.state, Array(state.rawValue.utf8), to: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    private static func write(_ key: [UInt8], number: UInt64?, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: key)
        guard let number else { return bytes.append(contentsOf: null) }
        bytes.append(decimal: number)
    }

    private static func write(_ key: [UInt8], _ text: (some Collection<UInt8>)?, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: key)
        guard let text else { return bytes.append(contentsOf: null) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: text)
        bytes.append(UInt8(ascii: "\""))
    }
}
