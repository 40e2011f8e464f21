package import SecureMeshCore

/// Checks that the events of one server come in the order that the documentation of `ServerEvent` promises.
package struct ServerEventOrder: Sendable {
    /// The present members, according to the events.
    private(set) package var members: [PublicKey: Member] = [:]
    private var isSuspected = false

    package init() {}

    /// Checks the next event.
    ///
    /// - Parameter isStopping: True if the server has begun to stop.
    /// - Returns: A description of the rule that the event breaks; nil if it breaks none.
    package mutating func take(_ event: ServerEvent, isStopping: Bool = false) -> String? {
        switch event {
        case .left(let member, _):
            return members.removeValue(forKey: member.publicKey) == member
                ? nil : "\(member.name) left before it joined"
        case _ where isStopping:
            return "while the server stops: \(event)"
        case .joined(let member):
            return members.updateValue(member, forKey: member.publicKey) == nil ? nil : "\(member.name) joined twice"
        case .directoryStalled(let member, _), .unreachable(let member, _):
            return members[member.publicKey] == member ? nil : "\(event) of a peer that is not a member"
        case .suspected, .suspicionEnded:
            let begins = if case .suspected = event { true } else { false }
            defer { isSuspected = begins }
            return isSuspected != begins ? nil : "\(event) while isSuspected is \(isSuspected)"
        case .turnedAway:
            return nil
        case .missed:
            return "events were dropped"
        }
    }

    /// Checks that the events report a suspicion if the server has one, and no suspicion if it has none.
    ///
    /// - Returns: A description of the promise that is broken; nil if it is kept.
    package func check(isSuspected: Bool) -> String? {
        isSuspected == self.isSuspected ? nil : "a suspicion: \(isSuspected), by the events: \(self.isSuspected)"
    }

    /// Checks that a server that has stopped has emitted `.left` for each of its members.
    ///
    /// - Returns: A description of the promise that is broken; nil if it is kept.
    package func checkStopped() -> String? {
        members.isEmpty ? nil : "\(members.count) members have not left a server that has stopped"
    }
}
