internal import CSodium

/// Calls libsodium (1.0.18 or later).
///
/// No other file of the core calls C or uses raw memory. `Secret32` and `GuardedSigningKey` are in this file, so that
/// no other code can reach their memory. Lengths are checked in Swift before C gets a pointer. Every function is total:
/// for invalid bytes it returns nil or false, and does not trap.
package enum Sodium {
    /// Computes the BLAKE2b-256 hash of `input`, keyed with `label` padded with zeros to 32 bytes (RFC 7693).
    package static func hash(_ label: HashLabel, _ input: Span<UInt8>) -> Bytes32 {
        _ = isReady
        var digest = Bytes32.zero
        unsafe withMutableBytes(of: &digest) { digest in
            unsafe withBytes(of: label.key) { key in
                unsafe input.withUnsafeBufferPointer { bytes in
                    _ = unsafe crypto_generichash(
                        digest, Bytes32.count, bytes.baseAddress, UInt64(bytes.count), key, Bytes32.count)
                }
            }
        }
        return digest
    }

    /// Computes the same hash as `hash`, and returns it in memory that is wiped when it is freed.
    package static func derive(_ label: HashLabel, _ input: SecretInput) -> Secret32 {
        let output = Secret32()
        unsafe withBytes(of: label.key) { key in
            input.withBytes { bytes in
                _ = unsafe crypto_generichash(
                    output.storage, Bytes32.count, bytes, UInt64(bytes.count), key, Bytes32.count)
            }
        }
        return output
    }

    /// Derives a number from `secret` ‖ `value`: the first 8 bytes of the derived secret, read as a big-endian number.
    package static func derive(_ label: HashLabel, _ secret: Secret32, _ value: UInt64) -> UInt64 {
        let inputSize = Bytes32.count + 8
        return unsafe withUnsafeTemporaryAllocation(byteCount: inputSize + Bytes32.count, alignment: 8) { memory in
            guard let start = memory.baseAddress else { preconditionFailure("no memory") }
            defer { unsafe sodium_memzero(start, memory.count) }
            unsafe start.copyMemory(from: secret.storage, byteCount: Bytes32.count)
            unsafe start.storeBytes(of: value.bigEndian, toByteOffset: Bytes32.count, as: UInt64.self)
            unsafe withBytes(of: label.key) { key in
                _ = unsafe crypto_generichash(
                    (start + inputSize).assumingMemoryBound(to: UInt8.self), Bytes32.count,
                    start.assumingMemoryBound(to: UInt8.self), UInt64(inputSize), key, Bytes32.count)
            }
            return unsafe UInt64(bigEndian: start.load(fromByteOffset: inputSize, as: UInt64.self))
        }
    }

    /// Verifies an Ed25519 signature with the equation without the cofactor (RFC 8032, section 5.1.7). Returns false if
    /// the public key A or the point R is of small order.
    package static func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        unsafe withBytes(of: signature) { signature in
            unsafe withBytes(of: key.bytes) { key in
                unsafe crypto_sign_verify_detached(signature, message, UInt64(message.count), key) == 0
            }
        }
    }

    /// Returns true if `key` is the canonical encoding of a point of the prime-order group.
    package static func isValidPoint(_ key: PublicKey) -> Bool {
        unsafe withBytes(of: key.bytes) { key in unsafe crypto_core_ed25519_is_valid_point(key) == 1 }
    }

    /// Returns the X25519 form of an Ed25519 public key; nil if the key has none.
    package static func agreementKey(of key: PublicKey) -> AgreementPublicKey? {
        var output = [UInt8](repeating: 0, count: Bytes32.count)
        guard unsafe crypto_sign_ed25519_pk_to_curve25519(&output, key.bytes.array) == 0 else { return nil }
        return AgreementPublicKey(bytes: Bytes32(output.span))
    }

    /// Seals `plaintext` with ChaCha20-Poly1305-IETF (RFC 8439): appends the ciphertext and the tag to `datagram`. The
    /// bytes that are already in `datagram` are the additional data. The nonce is four zero bytes and the counter.
    package static func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        let size = datagram.count
        datagram.append(zeros: plaintext.count + Kind.tagSize)
        unsafe withBytes(of: nonce(counter)) { nonce in
            unsafe datagram.withUnsafeMutableBufferPointer { bytes in
                guard let start = bytes.baseAddress else { return }
                _ = unsafe crypto_aead_chacha20poly1305_ietf_encrypt(
                    start + size, nil, plaintext, UInt64(plaintext.count), start, UInt64(size), nil, nonce,
                    key.storage)
            }
        }
    }

    /// Returns the plaintext of a datagram that `seal` made; nil if a bit of the datagram was changed, or if it was
    /// sealed with another counter or key.
    package static func open(
        _ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32
    ) -> [UInt8]? {
        guard sealed.lowerBound >= 0, sealed.upperBound <= datagram.count, sealed.count >= Kind.tagSize else {
            return nil
        }
        let size = sealed.count - Kind.tagSize
        guard size <= mostOnStack else {
            var plaintext = [UInt8](repeating: 0, count: size)
            let isIntact = unsafe decrypt(datagram, sealed, counter: counter, key: key, into: &plaintext)
            return isIntact ? plaintext : nil
        }
        // A broken seal must not cost a heap allocation.
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { plaintext in
            // The plaintext can be a secret: the seed of a key that a passphrase protects.
            defer { unsafe sodium_memzero(plaintext.baseAddress, size) }
            let isIntact = unsafe decrypt(
                datagram, sealed, counter: counter, key: key, into: plaintext.baseAddress)
            return isIntact ? unsafe [UInt8](UnsafeBufferPointer(plaintext)) : nil
        }
    }

    /// The size, in bytes, of the largest temporary allocation that Swift puts on the stack.
    private static let mostOnStack = 1_024

    private static func decrypt(
        _ datagram: Span<UInt8>, _ sealed: Range<Int>, counter: UInt64, key: Secret32,
        into plaintext: UnsafeMutablePointer<UInt8>?
    ) -> Bool {
        unsafe withBytes(of: nonce(counter)) { nonce in
            unsafe datagram.withUnsafeBufferPointer { bytes in
                guard let start = bytes.baseAddress else { return false }
                return unsafe crypto_aead_chacha20poly1305_ietf_decrypt(
                    plaintext, nil, nil, start + sealed.lowerBound, UInt64(sealed.count), start,
                    UInt64(sealed.lowerBound), nonce, key.storage) == 0
            }
        }
    }

    /// Computes the SipHash-2-4 of 16 bytes. Strangers cannot choose values with the same hash, because they do not
    /// know the key.
    package static func shortHash(_ value: (UInt64, UInt64), key: Bytes16) -> UInt64 {
        let input = (value.0.bigEndian, value.1.bigEndian)
        var output: UInt64 = 0
        unsafe withMutableBytes(of: &output) { output in
            unsafe withBytes(of: input) { input in
                unsafe withBytes(of: key) { key in
                    _ = unsafe crypto_shorthash(output, input, 16, key)
                }
            }
        }
        return UInt64(bigEndian: output)
    }

    /// Returns `count` random bytes from the operating system.
    package static func randomBytes(_ count: Int) -> [UInt8] {
        _ = isReady
        var bytes = [UInt8](repeating: 0, count: count)
        unsafe bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { unsafe randombytes_buf(start, buffer.count) }
        }
        return bytes
    }

    /// Overwrites bytes with zeros, in a way that the optimizer does not remove.
    package static func wipe<Byte: FixedWidthInteger>(_ bytes: inout [Byte]) {
        unsafe bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { unsafe sodium_memzero(start, buffer.count) }
        }
    }

    /// Returns `prefix` ‖ the base64url text of `bytes` without padding (RFC 4648, section 5).
    package static func base64url(_ bytes: Span<UInt8>, after prefix: String = "") -> [UInt8] {
        let variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING
        // `size` includes the zero byte that libsodium writes after the text.
        let size = sodium_base64_encoded_len(bytes.count, variant)
        var text = Array(prefix.utf8)
        text.reserveCapacity(text.count + size)
        let start = text.count
        text.append(contentsOf: repeatElement(0, count: size))
        unsafe text.withUnsafeMutableBytes { text in
            guard let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: text[start...]).baseAddress else { return }
            unsafe bytes.withUnsafeBufferPointer { bytes in
                _ = unsafe sodium_bin2base64(rest, size, bytes.baseAddress, bytes.count, variant)
            }
        }
        text.removeLast()
        return text
    }

    /// Returns the bytes of a base64url text without padding; nil if the text is invalid or does not encode exactly
    /// `count` bytes.
    package static func base64urlDecode(_ text: [UInt8], count: Int) -> [UInt8]? {
        // libsodium 1.0.18 reads every byte of 0x80 and more as if it were `_`.
        guard text.allSatisfy({ $0 < 0x80 }) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var characters = text.map { CChar(bitPattern: $0) }
        defer { wipe(&characters) }
        var written = 0
        let result = unsafe sodium_base642bin(
            &bytes, count, characters, characters.count, nil, &written, nil,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING)
        guard result == 0, written == count else {
            wipe(&bytes)
            return nil
        }
        return bytes
    }

    /// Returns the 12 bytes of a nonce: four zero bytes and the counter.
    private static func nonce(_ counter: UInt64) -> (UInt32, UInt32, UInt32) {
        (0, UInt32(truncatingIfNeeded: counter >> 32).bigEndian, UInt32(truncatingIfNeeded: counter).bigEndian)
    }

    /// Calls `body` with the address of the bytes of a value, without a copy on the heap.
    fileprivate static func withBytes<Value: BitwiseCopyable, Result>(
        of value: Value, _ body: (UnsafePointer<UInt8>) -> Result
    ) -> Result {
        unsafe withUnsafeBytes(of: value) { bytes in
            guard let start = bytes.baseAddress else { preconditionFailure("a value without memory") }
            return unsafe body(start.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// Calls `body` with the address of the bytes of a value, so that `body` can write them.
    private static func withMutableBytes<Value: BitwiseCopyable, Result>(
        of value: inout Value, _ body: (UnsafeMutablePointer<UInt8>) -> Result
    ) -> Result {
        unsafe withUnsafeMutableBytes(of: &value) { bytes in
            guard let start = bytes.baseAddress else { preconditionFailure("a value without memory") }
            return unsafe body(start.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// Initializes libsodium once. After that, all its functions are thread-safe.
    fileprivate static let isReady: Bool = {
        let result = sodium_init()
        precondition(result >= 0, "libsodium cannot initialize: the system has no random source")
        return true
    }()
}

/// 32 secret bytes: a shared secret, a session key or an ephemeral key. The bytes are wiped when the last reference to
/// the object is released.
///
/// The bytes never move in memory. They are on the ordinary heap and not in guarded memory, because there are thousands
/// of sessions, and guarded memory costs 31 µs per secret.
@safe package final class Secret32: @unchecked Sendable {
    fileprivate let storage: UnsafeMutablePointer<UInt8>

    fileprivate init() {
        unsafe storage = .allocate(capacity: Bytes32.count)
        unsafe storage.initialize(repeating: 0, count: Bytes32.count)
    }

    package convenience init(_ bytes: Bytes32) {
        self.init()
        var array = bytes.array
        unsafe storage.update(from: array, count: Bytes32.count)
        Sodium.wipe(&array)
    }

    /// Returns 32 random bytes from the operating system.
    package static func random() -> Secret32 {
        let secret = Secret32()
        _ = Sodium.isReady
        unsafe randombytes_buf(secret.storage, Bytes32.count)
        return secret
    }

    deinit {
        unsafe sodium_memzero(storage, Bytes32.count)
        unsafe storage.deallocate()
    }

    /// The X25519 public key of this secret (RFC 7748).
    package var agreementPublicKey: AgreementPublicKey {
        var output = [UInt8](repeating: 0, count: Bytes32.count)
        _ = unsafe crypto_scalarmult_base(&output, storage)
        return AgreementPublicKey(bytes: Bytes32(output.span))
    }

    /// Computes the X25519 shared secret of this secret and `key`.
    ///
    /// - Returns: The shared secret; nil if it is zero, as for a small-order `key`.
    package func agree(with key: AgreementPublicKey) -> Secret32? {
        let output = Secret32()
        return unsafe crypto_scalarmult(output.storage, storage, key.bytes.array) == 0 ? output : nil
    }

    /// A copy of the bytes that is not wiped, for simulations and tests.
    package var exposed: Bytes32 {
        unsafe Bytes32(Span(_unsafeStart: storage, count: Bytes32.count))
    }

    /// Appends the secret to bytes that the caller wipes.
    package func append(to bytes: inout [UInt8]) {
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: storage, count: Bytes32.count))
    }
}

/// The guarded memory of a passphrase: between guard pages, locked, read-only, and wiped when it is freed.
@safe final class GuardedPassphrase: @unchecked Sendable {
    private let storage: UnsafeMutablePointer<UInt8>
    private let count: Int

    init(_ text: Span<UInt8>) {
        _ = Sodium.isReady
        count = text.count
        guard let memory = unsafe sodium_malloc(count) else { preconditionFailure("out of guarded memory") }
        unsafe storage = memory.bindMemory(to: UInt8.self, capacity: count)
        for index in 0..<count { unsafe storage[index] = text[index] }
        _ = unsafe sodium_mprotect_readonly(storage)
    }

    deinit {
        unsafe sodium_free(storage)
    }

    func isSame(as other: GuardedPassphrase) -> Bool {
        unsafe count == other.count && sodium_memcmp(storage, other.storage, count) == 0
    }

    /// Computes Argon2id, version 1.3, with one lane (RFC 9106).
    ///
    /// - Parameter memory: The memory that Argon2id uses, in MiB.
    /// - Returns: The hash; nil if the system does not grant the memory.
    func stretched(salt: [UInt8], passes: UInt16, memory: UInt16) -> Secret32? {
        precondition(salt.count == Int(crypto_pwhash_SALTBYTES))
        let output = Secret32()
        let text = unsafe UnsafeRawPointer(storage).assumingMemoryBound(to: CChar.self)
        let result = unsafe crypto_pwhash(
            output.storage, UInt64(Bytes32.count), text, UInt64(count), salt, UInt64(passes), Int(memory) << 20,
            crypto_pwhash_ALG_ARGON2ID13)
        return result == 0 ? output : nil
    }
}

/// The guarded memory of a secret key: between guard pages, locked, read-only, and wiped when it is freed.
@safe final class GuardedSigningKey: @unchecked Sendable {
    /// The Ed25519 seed and the public key (64 bytes together), followed by the X25519 secret (32 bytes).
    private let storage: UnsafeMutablePointer<UInt8>
    let publicKey: PublicKey

    init(seed: Span<UInt8>) {
        precondition(seed.count == Bytes32.count)
        _ = Sodium.isReady
        guard let memory = unsafe sodium_malloc(96) else { preconditionFailure("out of guarded memory") }
        unsafe storage = memory.bindMemory(to: UInt8.self, capacity: 96)
        var output = [UInt8](repeating: 0, count: Bytes32.count)
        let storage = unsafe storage
        unsafe seed.withUnsafeBufferPointer { seed in
            guard let start = seed.baseAddress else { return }
            _ = unsafe crypto_sign_seed_keypair(&output, storage, start)
        }
        _ = unsafe crypto_sign_ed25519_sk_to_curve25519(storage + 64, storage)
        _ = unsafe sodium_mprotect_readonly(storage)
        publicKey = PublicKey(bytes: Bytes32(output.span))
    }

    deinit {
        unsafe sodium_free(storage)
    }

    func sign(_ message: [UInt8]) -> Signature {
        var signature = [UInt8](repeating: 0, count: Signature.count)
        _ = unsafe crypto_sign_detached(&signature, nil, message, UInt64(message.count), storage)
        return Signature(signature.span)
    }

    /// Computes the X25519 shared secret of this key, converted to Curve25519, and `key`.
    ///
    /// - Returns: The shared secret; nil if it is zero, as for a small-order `key`.
    func agree(with key: AgreementPublicKey) -> Secret32? {
        let output = Secret32()
        return unsafe crypto_scalarmult(output.storage, storage + 64, key.bytes.array) == 0 ? output : nil
    }

    /// Returns the seed, in an array that the caller wipes.
    func copySeed() -> [UInt8] {
        unsafe [UInt8](UnsafeBufferPointer(start: storage, count: Bytes32.count))
    }
}
