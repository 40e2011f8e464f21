// Two ways to follow the members: whole sets, and a set that is kept up to date with events.
// snippet.show
import SecureMesh

/// Prints the members, and prints them again after a change.
///
/// Each value is the complete set of members, not only the change. A slow loop may miss some sets, but always gets the
/// newest one.
func followSets(of peer: MeshPeer) async {
    for await members in peer.membership {
        print(members.map(\.name.description).sorted().joined(separator: ", "))
    }
}

/// Keeps a set of the members up to date with events, for programs that act on each change.
func followEvents(of peer: MeshPeer) async throws(MeshError) {
    var members: [PublicKey: Member] = [:]  // by key: a member's name and address can change
    for await event in peer.events {
        switch event {
        case .memberJoined(let member), .memberRejoined(let member, _):
            members[member.publicKey] = member
        case .memberLeft(let member, _):
            members[member.publicKey] = nil
        case .missed:
            // Events were dropped, so take the whole set. Events that are still queued may be applied twice, which is
            // harmless.
            members = [:]
            for member in try await peer.members() { members[member.publicKey] = member }
        case .joined, .connectionLost, .connectionRecovered, .dismissed, .refused, .excluded, .unanswered:
            break  // the set stays: changes in the meantime come as events after the next `joined`
        default:
            break
        }
    }
}
// snippet.hide

let peer = try MeshPeer(
    key: SigningKey(contentsOfFile: "keys/sensor-7.key"), name: PeerName("sensor-7"),
    server: SocketAddress("192.0.2.1:3000"), serverKey: PublicKey(contentsOfFile: "keys/server.pub"))
async let running: Void = peer.run()
async let sets: Void = followSets(of: peer)
async let events: Void = followEvents(of: peer)
_ = try await (running, sets, events)
