internal import SecureMesh

/// Weak references to all secrets in a value and in its properties, at any depth. A secret is wiped when the last
/// strong reference to it ends.
struct SecretReferences {
    private final class Reference {
        weak var secret: Secret32?

        init(_ secret: Secret32) {
            self.secret = secret
        }
    }

    private let references: [Reference]

    init(in value: Any) {
        references = Self.secrets(in: value).map(Reference.init)
    }

    var count: Int { references.count }
    var areAllAlive: Bool { references.allSatisfy { $0.secret != nil } }
    var areAllWiped: Bool { references.allSatisfy { $0.secret == nil } }

    private static func secrets(in value: Any) -> [Secret32] {
        if let secret = value as? Secret32 { return [secret] }
        return Mirror(reflecting: value).children.flatMap { secrets(in: $0.value) }
    }
}
