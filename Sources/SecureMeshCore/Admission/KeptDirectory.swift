/// The directory that a server keeps across a restart (PROTOCOL.md, section 5.10). It contains no secret.
package struct KeptDirectory: Equatable, Sendable {
    /// The directory id; 0 if no directory has been kept yet.
    private(set) package var id: UInt64 = 0
    private(set) package var version: UInt64 = 1
    /// The number of times that a server has started with this directory.
    private(set) package var starts: UInt64 = 0
    private(set) package var members: [SessionID: KeptMember] = [:]

    package init() {}

    /// - Parameter members: The members. Their sessions differ.
    package init(id: UInt64, version: UInt64, starts: UInt64, members: [KeptMember]) {
        (self.id, self.version, self.starts) = (id, version, starts)
        for member in members { self.members[member.entry.session] = member }
    }

    package mutating func apply(_ change: KeptChange) {
        (id, version, starts) = (change.id, change.version, change.starts)
        for session in change.removed { members[session] = nil }
        for member in change.added { members[member.entry.session] = member }
    }
}

/// A member of a directory that a server keeps.
package struct KeptMember: Equatable, Sendable {
    package let entry: Entry
    /// The server's address at which the member's datagrams arrive.
    package let local: SocketAddress

    package init(entry: Entry, local: SocketAddress) {
        self.entry = entry
        self.local = local
    }
}

/// A change of a directory that a server keeps. The server stores the change before it sends the DELTAs of the change.
package struct KeptChange: Equatable, Sendable {
    package let id: UInt64
    /// The version to which the change leads.
    package let version: UInt64
    package let starts: UInt64
    package var removed: [SessionID]
    package var added: [KeptMember]

    package init(id: UInt64, version: UInt64, starts: UInt64, removed: [SessionID] = [], added: [KeptMember] = []) {
        self.id = id
        self.version = version
        self.starts = starts
        self.removed = removed
        self.added = added
    }
}
