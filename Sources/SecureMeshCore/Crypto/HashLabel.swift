/// The purpose of a hash or of a derived key (PROTOCOL.md, section 3). Each purpose has its own key.
///
/// No label is empty: BLAKE2b with an empty key is not keyed at all.
package enum HashLabel: String, CaseIterable, Sendable {
    case tag = "tag"
    case transcript = "transcript"
    case transcriptReject = "transcript reject"
    case hello = "hello"
    case reject = "reject"
    case welcome = "welcome"
    case master = "master"
    case peerToServer = "peer to server"
    case serverToPeer = "server to peer"
    case binder = "binder"
    case cookie = "cookie"
    case token = "token"
    case directory = "directory"
    case message = "message"
    case keyText = "key text"

    /// The label, padded with zeros to 32 bytes.
    package var key: [UInt8] {
        var key = Array(rawValue.utf8)
        key.append(zeros: Bytes32.count - key.count)
        return key
    }
}
