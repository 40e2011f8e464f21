package import SecureMesh

/// A present member of a mesh.
package struct Presence: Identifiable, Sendable {
    package var member: Member
    package var since: Timestamp
    package var messages: UInt64 = 0
    package var roundTrip: Int64?

    package var id: PublicKey { member.publicKey }
}
