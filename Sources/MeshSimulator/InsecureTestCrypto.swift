package import SecureMeshCore

/// Fast primitives for worlds of thousands of peers. Keys, signatures and seals have the same sizes as the real ones,
/// at a hundredth of the CPU time.
///
/// INSECURE: whoever has a public key can compute everything that the owner of the secret key can. Mistakes in protocol
/// code still cause the same failures as with the real primitives. A signature verifies for one key and one message
/// only. A seal opens only if it is unchanged, and only with its own key and counter. Two ends agree on a secret only
/// if each has the other's key. The same inputs give the same bytes on every machine.
package struct InsecureTestCrypto: Primitives {
    package init() {}

    // MARK: signatures: the signer's public key, then a digest of key and message

    package func sign(_ message: [UInt8], by key: SigningKey) -> Signature {
        signature(of: message, by: key.publicKey)
    }

    package func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        signature == self.signature(of: message, by: key)
    }

    package func isValidPoint(_ key: PublicKey) -> Bool { true }

    private func signature(of message: [UInt8], by key: PublicKey) -> Signature {
        var digest = Digest(.signature, key.bytes)
        digest.add(message.span, upTo: message.count)
        let (a, b) = digest.value
        return Signature(r: key.bytes, s: Bytes32(littleEndian: (a, b, ~a, ~b)))
    }

    // MARK: agreement: exponents are odd numbers, and a product stands for a power

    /// Returns the agreement key of an identity. Its exponent is derived from the public key, so that both ends can
    /// compute it.
    package func agreementKey(of key: PublicKey) -> AgreementPublicKey? {
        publicKey(of: Exponent(.identity, key.bytes))
    }

    package func publicKey(of secret: Secret32) -> AgreementPublicKey {
        publicKey(of: Exponent(.ephemeral, secret.exposed))
    }

    package func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32? {
        agree(Exponent(.ephemeral, secret.exposed), key)
    }

    package func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32? {
        agree(Exponent(.identity, identity.publicKey.bytes), key)
    }

    private func publicKey(of exponent: Exponent) -> AgreementPublicKey {
        AgreementPublicKey(bytes: exponent.times(Exponent.base))
    }

    /// Returns the secret agreed with `key`; nil if one of the four numbers in `key` is even. Every key of small order
    /// contains an even number, and no key that this type makes does.
    private func agree(_ exponent: Exponent, _ key: AgreementPublicKey) -> Secret32? {
        let numbers = key.bytes.littleEndian
        guard numbers.0 & numbers.1 & numbers.2 & numbers.3 & 1 == 1 else { return nil }
        return Secret32(exponent.times(numbers))
    }

    // MARK: seals: the masked plaintext, then a digest of key, counter and all bytes before

    package func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        let sealed = datagram.count..<(datagram.count + plaintext.count)
        let seal = Seal(key: key, counter: counter)
        datagram.reserveCapacity(sealed.upperBound + Kind.tagSize)
        datagram.append(contentsOf: plaintext)
        seal.cover(plaintext.span, into: &datagram, at: sealed.lowerBound)
        let (a, b) = seal.tag(of: datagram.span, sealed: sealed)
        datagram.append(contentsOf: Self.noTag)
        var bytes = datagram.mutableSpan
        bytes.set(a, at: sealed.upperBound)
        bytes.set(b, at: sealed.upperBound + 8)
    }

    package func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]? {
        guard sealed.lowerBound >= 0, sealed.upperBound <= datagram.count, sealed.count >= Kind.tagSize else {
            return nil
        }
        let ciphertext = sealed.lowerBound..<(sealed.upperBound - Kind.tagSize)
        let seal = Seal(key: key, counter: counter)
        let (a, b) = seal.tag(of: datagram, sealed: ciphertext)
        guard datagram.littleEndian(at: ciphertext.upperBound) == a,
            datagram.littleEndian(at: ciphertext.upperBound + 8) == b
        else { return nil }
        var plaintext = [UInt8](repeating: 0, count: ciphertext.count)
        seal.cover(datagram.extracting(ciphertext), into: &plaintext, at: 0)
        return plaintext
    }

    private static let noTag = [UInt8](repeating: 0, count: Kind.tagSize)
}

/// Masks plaintexts and computes tags, with one key and one counter.
private struct Seal {
    private let digest: Digest
    /// The mask. It is never 0, so that masking changes every byte.
    private let cover: UInt8

    init(key: Secret32, counter: UInt64) {
        var digest = Digest(.seal, key.exposed)
        digest.add(counter)
        self.digest = digest
        cover = UInt8(truncatingIfNeeded: digest.value.0) | 1
    }

    /// Masks or unmasks `input`, and writes the result into `output`, beginning at index `start`. `output` must be long
    /// enough.
    ///
    /// The mask is a single byte, so that the compiler can process 16 bytes at a time.
    func cover(_ input: Span<UInt8>, into output: inout [UInt8], at start: Int) {
        var bytes = output.mutableSpan
        for index in start..<min(bytes.count, start + input.count) { bytes[index] = input[index &- start] ^ cover }
    }

    /// Returns the tag of the ciphertext and of the additional data before the ciphertext. The tag also depends on the
    /// boundary between the two.
    func tag(of datagram: Span<UInt8>, sealed: Range<Int>) -> (UInt64, UInt64) {
        var digest = digest
        digest.add(UInt64(sealed.lowerBound))
        digest.add(datagram, upTo: sealed.upperBound)
        return digest.value
    }
}

/// The exponent that stands for a secret key in a key agreement: four odd numbers.
private struct Exponent {
    private let numbers: (UInt64, UInt64, UInt64, UInt64)

    init(_ use: Digest.Use, _ bytes: Bytes32) {
        var digest = Digest(use, bytes)
        let (a, b) = digest.value
        digest.add(0)
        let (c, d) = digest.value
        numbers = (a | 1, b | 1, c | 1, d | 1)
    }

    /// Returns the four products of `numbers` and `factor`, each modulo a power of two. Exponents can be applied in any
    /// order. The result is odd and below 2^254, so it is the canonical encoding of a key. That key is never a point of
    /// small order: an odd encoding of such a point is 1 or above 2^254.
    func times(_ factor: (UInt64, UInt64, UInt64, UInt64)) -> Bytes32 {
        Bytes32(
            littleEndian: (
                numbers.0 &* factor.0, numbers.1 &* factor.1, numbers.2 &* factor.2,
                numbers.3 &* factor.3 & (1 << 62 - 1)
            ))
    }

    static let base: (UInt64, UInt64, UInt64, UInt64) = (
        0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB, 0x2545_F491_4F6C_DD1D
    )
}

extension MutableSpan<UInt8> {
    fileprivate mutating func set(_ number: UInt64, at offset: Int) {
        for index in 0..<8 { self[offset + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
    }
}
