/// The reason why a file with a key, a passphrase or a roster was refused. The reason contains no byte of the file.
@nonexhaustive
public enum KeyFileReason: Hashable, Sendable {
    /// There is no file at the path.
    case missing
    /// The caller passed a secret key instead of a path. ``KeyFileError/path`` is then empty.
    case secretKeyAsPath
    /// The path leads to a folder, a pipe or a device, where only an ordinary file is accepted.
    case notOrdinaryFile
    /// The path leads to a pipe from which no bytes came for 10 s. Perhaps no program writes to the pipe.
    case silentPipe
    /// The operating system refused to open or to read the file.
    case unreadable
    /// The file holds a secret, and users other than its owner, root and this process's user have permissions for the
    /// file. `chmod 600` removes these permissions.
    case readableByOthers
    /// The file holds a secret, and its group, or a group in its ACL, may read the file.
    case readableByGroup
    /// The owner of the file is neither root nor this process's user.
    case ownedByAnother
    /// Users other than root and this process's user may change the file.
    case writableByOthers
    /// Users other than root and this process's user may replace files in `folder`. This folder contains the file. If
    /// the path is a symbolic link, the folder contains the link or its target.
    case folderWritableByOthers(folder: String)
    /// The file has more than `limit` bytes.
    case tooLarge(limit: Int)
    /// The line with this number is not UTF-8. The first line has the number 1.
    case notText(line: Int)
    /// A line contains a control character other than a tab. LF and CR LF, which end a line, are accepted.
    case controlCharacter(line: Int)
    /// The file has no line with a key.
    case noKey
    /// The file has a second key, in the line with this number.
    case severalKeys(line: Int)
    /// A line contains text other than a key or a comment. In the file of a public key, a name may precede the key.
    case unexpectedText(line: Int)
    /// A line in the file of a public key has two words, and the first is not a valid name.
    case invalidName(line: Int)
    /// A line does not contain a valid key. The first line has the number 1.
    case invalidKey(KeyTextError, line: Int)
    /// The file does not contain exactly one line with a valid passphrase.
    case invalidPassphrase(PassphraseError)
    /// A line of an `authorized_peers` file is invalid.
    case invalidRoster(RosterError)
}

/// An error that occurred when a file with a key, a passphrase or a roster was read. The error contains no byte of the
/// file.
public struct KeyFileError: Error, Hashable, Sendable {
    /// The path that the caller passed; empty if the reason is ``KeyFileReason/secretKeyAsPath``.
    public let path: String
    /// The reason why the file was refused.
    public let reason: KeyFileReason

    /// Makes an error, for tests of programs that handle it.
    public init(path: String, reason: KeyFileReason) {
        self.path = path
        self.reason = reason
    }
}

extension KeyFileError: CustomStringConvertible {
    /// The path, the number of the line if the fault is in a line, and the reason.
    public var description: String {
        switch reason {
        case .missing: "\(path): no such file"
        case .secretKeyAsPath: "a secret key where the path of its file belongs"
        case .notOrdinaryFile: "\(path): not a file, but a folder, a pipe or a device"
        case .silentPipe: "\(path): nothing has come from this pipe for 10 s"
        case .unreadable: "\(path): cannot be read"
        case .readableByOthers: "\(path): can be read by others than its owner"
        case .readableByGroup: "\(path): can be read by its group"
        case .ownedByAnother: "\(path): belongs to another user"
        case .writableByOthers: "\(path): can be changed by other users"
        case .folderWritableByOthers(let folder):
            "\(path): other users can replace it, because they can change \(folder)"
        case .tooLarge(let limit): "\(path): more than \(limit) bytes"
        case .notText(let line): "\(path):\(line): not UTF-8 text"
        case .controlCharacter(let line): "\(path):\(line): \(RosterError.Problem.controlCharacter.summary)"
        case .noKey: "\(path):1: no key in this file"
        case .severalKeys(let line): "\(path):\(line): more than one key"
        case .unexpectedText(let line): "\(path):\(line): neither a key nor a comment"
        case .invalidName(let line): "\(path):\(line): \(RosterError.Problem.invalidName.summary)"
        case .invalidKey(let error, let line): "\(path):\(line): \(error.summary)"
        case .invalidPassphrase(let error): "\(path): \(error.summary)"
        case .invalidRoster(let error): "\(path):\(error.line): \(error.problem.summary)"
        }
    }
}

extension KeyTextError {
    /// A phrase that describes the error to the user, without any part of the key's text.
    package var summary: String {
        switch self {
        case .wrongPrefix: "not a key: keys begin with p2ppub1_, P2PSECRET1_ or P2PSEALED1_"
        case .secretKey: "a secret key where a public one belongs"
        case .publicKey: "a public key where the secret one belongs"
        case .malformed: "a key that is cut short or mistyped"
        case .wrongCheck: "a mistyped key: its checksum does not match"
        case .invalidPoint: "well-formed, but not a valid Ed25519 public key"
        case .passphraseMissing: "a secret key with a passphrase, which is not given"
        case .wrongPassphrase: "wrong passphrase"
        case .costNotAccepted: "the passphrase has a cost that is not accepted: at most 10 passes over 256 MiB"
        case .outOfMemory: "the system does not grant the memory that the passphrase needs, 64 to 256 MiB"
        }
    }
}

extension PassphraseError {
    /// A phrase that describes the error to the user, without any part of the passphrase.
    package var summary: String {
        switch self {
        case .empty: "no passphrase"
        case .tooLong: "a passphrase has at most 1023 bytes"
        case .controlCharacter: "a passphrase is one line without control characters"
        }
    }
}

extension RosterError.Problem {
    /// A phrase that describes the problem to the user.
    package var summary: String {
        switch self {
        case .notText: "not UTF-8 text"
        case .controlCharacter: "a control character: lines end with LF or CR LF and have no other than tabs"
        case .notTwoFields: "not NAME and key"
        case .invalidName: "not a name: 1 to 32 characters of A-Z a-z 0-9 . _ -"
        case .invalidKey(let error): error.summary
        case .invalidOption: "after name and key there is only until=TIME or revoked=TIME, or a comment"
        case .invalidTime: "not a date such as 2026-12-31, and not a time such as 2026-12-31T18:00:00Z"
        case .repeatedKey(let line): "this key is already in line \(line)"
        case .repeatedName(let line): "another key of this name is in line \(line), and neither has an end (until=…)"
        }
    }
}
