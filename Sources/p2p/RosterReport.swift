internal import MeshControl
internal import SecureMesh

/// The JSON that `p2p authorize` and `p2p revoke` print.
struct RosterReport: Encodable {
    struct Line: Encodable {
        enum Change: String, Encodable {
            case added
            case changed
            case unchanged
            case revoked
        }

        let change: Change
        let name: String
        let publicKey: String

        init(_ change: Change, _ line: RosterLine) {
            self.change = change
            name = line.name.description
            publicKey = line.key.description
        }
    }

    let schema = 1
    /// The path of the list of peers.
    let list: String
    let keys: [Line]
    /// The answers of the running servers that have read the changed list.
    let servers: [ReloadReport]

    func print() {
        Console.result(String(decoding: ControlJSON.encode(self), as: UTF8.self))
    }
}
