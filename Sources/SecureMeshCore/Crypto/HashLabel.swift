/// The purpose of a hash or of a derived key (PROTOCOL.md, section 3). Each purpose has its own BLAKE2b key.
package enum HashLabel: Int, CaseIterable, Sendable {
    case tag
    case transcript
    case transcriptReject
    case transcriptResume
    case hello
    case reject
    case welcome
    case resume
    case master
    case peerToServer
    case serverToPeer
    case binder
    case cookie
    case token
    case directoryEntry
    case directoryBucket
    case directoryGroup
    case directory
    case message
    case keyText

    /// The label in ASCII. No label is empty, because BLAKE2b with an empty key is not keyed at all.
    package var text: String {
        switch self {
        case .tag: "tag"
        case .transcript: "transcript"
        case .transcriptReject: "transcript reject"
        case .transcriptResume: "transcript resume"
        case .hello: "hello"
        case .reject: "reject"
        case .welcome: "welcome"
        case .resume: "resume"
        case .master: "master"
        case .peerToServer: "peer to server"
        case .serverToPeer: "server to peer"
        case .binder: "binder"
        case .cookie: "cookie"
        case .token: "token"
        case .directoryEntry: "directory entry"
        case .directoryBucket: "directory bucket"
        case .directoryGroup: "directory group"
        case .directory: "directory"
        case .message: "message"
        case .keyText: "key text"
        }
    }

    /// The BLAKE2b key of this purpose: the label, padded with zeros to 32 bytes.
    package var key: Bytes32 { Self.keys[rawValue] }

    /// The keys in the order of the labels. Each is computed only once, because a server needs two of them for each
    /// heartbeat with its PULSE.
    private static let keys = allCases.map { label in
        var bytes = Array(label.text.utf8)
        bytes.append(zeros: Bytes32.count - bytes.count)
        return Bytes32(bytes.span)
    }
}
