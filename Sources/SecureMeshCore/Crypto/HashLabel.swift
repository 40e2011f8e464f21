/// The purpose of a hash or of a derived key (PROTOCOL.md, section 3). Each purpose has its own BLAKE2b key.
///
/// No label is empty, because BLAKE2b with an empty key is not keyed at all.
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
    case directoryEntry = "directory entry"
    case directoryBucket = "directory bucket"
    case directoryGroup = "directory group"
    case directory = "directory"
    case message = "message"
    case keyText = "key text"

    /// The BLAKE2b key of this purpose: the label, padded with zeros to 32 bytes.
    package var key: Bytes32 {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for (index, byte) in rawValue.utf8.enumerated() {
            let bits = UInt64(byte) << UInt64(index % 8 * 8)
            switch index / 8 {
            case 0: words.0 |= bits
            case 1: words.1 |= bits
            case 2: words.2 |= bits
            default: words.3 |= bits
            }
        }
        return Bytes32(littleEndian: words)
    }
}
