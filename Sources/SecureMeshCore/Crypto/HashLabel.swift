/// What a hash or a derived key is for (PROTOCOL.md, section 3): no two uses share a key.
///
/// BLAKE2b with an empty key is silently unkeyed; a label is never empty.
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
    case message = "message"
    case keyText = "key text"

    package var key: [UInt8] {
        var key = Array(rawValue.utf8)
        key.append(zeros: Bytes32.count - key.count)
        return key
    }
}
