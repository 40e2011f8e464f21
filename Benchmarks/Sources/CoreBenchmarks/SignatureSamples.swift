internal import SecureMeshCore

/// Valid signatures of many keys, which are verified in turn.
///
/// The branch predictor of a processor would learn the verification of a single signature, which then takes a third
/// less time.
struct SignatureSamples {
    private let samples: [(key: PublicKey, message: [UInt8], signature: Signature)]
    private var next = 0

    init() {
        samples = (0..<200).map { number in
            let key = SigningKey()
            let message = [UInt8](repeating: 7, count: 79) + [UInt8(number)]
            return (key.publicKey, message, Libsodium().sign(message, by: key))
        }
    }

    var count: Int { samples.count }

    mutating func verify() -> Bool {
        next = (next + 1) % samples.count
        return Libsodium().verify(samples[next].signature, of: samples[next].message, by: samples[next].key)
    }
}
