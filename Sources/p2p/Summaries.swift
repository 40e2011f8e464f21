internal import SecureMesh

extension Departure {
    /// A phrase for the user.
    var summary: String {
        switch self {
        case .left: "left"
        case .replaced: "replaced by a newer session of the same key"
        case .expired: "expired"
        case .revoked: "the key is no longer authorized"
        case .misbehaved: "misbehaved"
        case .tooOld: "the session was too old"
        case .stopping: "the server stops"
        }
    }
}

extension JoinRefusal {
    /// A phrase for the user.
    var summary: String {
        switch self {
        case .notAuthorised: "not authorized"
        case .nameTaken: "the name is taken by another key"
        case .addressTaken: "the address is another member's"
        case .full: "the mesh is full"
        case .busy: "too many joins of this key in a short time"
        }
    }

    /// Advice for the user of the peer that was refused.
    var hint: String {
        switch self {
        case .notAuthorised: "add the key to the server's authorized_peers, then send the server SIGHUP"
        case .nameTaken: "choose another name, or stop the process that uses this one"
        case .addressTaken: "choose another port"
        case .full: "the server's --max-peers limits the number of members"
        case .busy: "is the same key in use on another host? two processes with one key end each other's sessions"
        }
    }
}

extension KeyTextError {
    /// A phrase for the user; never a part of the text.
    var summary: String {
        switch self {
        case .wrongPrefix: "not a key: keys begin with p2ppub1_ or P2PSECRET1_"
        case .secretKey: "a secret key where a public one belongs"
        case .publicKey: "a public key where the secret one belongs"
        case .malformed: "a key that is cut short or mistyped"
        case .wrongCheck: "a mistyped key: its checksum does not match"
        case .invalidPoint: "well-formed, but not a valid Ed25519 public key"
        }
    }
}

extension RosterError {
    /// A phrase for the user.
    var summary: String {
        switch problem {
        case .notTwoFields: "not NAME and key"
        case .invalidName: "not a name: 1 to 32 characters of A-Z a-z 0-9 . _ -"
        case .invalidKey(let error): error.summary
        case .repeatedKey(let line): "this key is already in line \(line)"
        }
    }
}
