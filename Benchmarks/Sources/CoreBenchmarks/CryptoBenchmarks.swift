internal import SecureMeshCore

extension Benchmark {
    /// Measures the primitives. The payload has the size of a heartbeat's payload, unless the name of the measurement
    /// gives another size.
    mutating func measureCrypto() {
        let key = SigningKey()
        let secret = Secret32.random()
        let other = SigningKey()
        let message = [UInt8](repeating: 7, count: 79)
        measure("sign", limit: 1) { Self.use(Libsodium().sign(message, by: key)) }
        var signatures = SignatureSamples()
        measure("verify", limit: 0, repeats: signatures.count) { Self.use(signatures.verify()) }
        measure("agree", limit: 5, repeats: 50) {
            if let point = Libsodium().agreementKey(of: other.publicKey) { Self.use(Libsodium().agree(secret, point)) }
        }
        let header = [UInt8](repeating: 1, count: Header.size)
        for (size, name) in [(90, ""), (1_100, " 1,100 bytes")] {
            let plaintext = [UInt8](repeating: 7, count: size)
            func sealed() -> [UInt8] {
                var datagram: [UInt8] = []
                datagram.reserveCapacity(header.count + size + Kind.tagSize)
                datagram.append(contentsOf: header)
                Libsodium().seal(plaintext, onto: &datagram, counter: 1, key: secret)
                return datagram
            }
            let datagram = sealed()
            var broken = datagram
            broken[40] ^= 1
            measure("seal\(name)", limit: 1) { Self.use(sealed()) }
            measure("open\(name)", limit: 1) {
                Self.use(
                    Libsodium().open(datagram.span, sealed: header.count..<datagram.count, counter: 1, key: secret))
            }
            guard size < 1_024 else { continue }
            measure("refuse: broken seal", limit: 0) {
                Self.use(
                    Libsodium().open(broken.span, sealed: header.count..<broken.count, counter: 1, key: secret))
            }
        }
        measure("token", limit: 0) { Self.use(Sodium.derive(.token, secret, 7)) }
        var directory = Directory()
        for entry in Samples.entries(1_000) { directory.insert(entry) }
        // `directory` has no hashes of buckets, because its digest was never computed. So each copy computes all of
        // them.
        measure("digest of 1,000, all buckets", limit: 4, repeats: 5) {
            var copy = directory
            Self.use(copy.digest(id: 1, version: 2))
        }
        var tree = DirectoryTree()
        let session = directory.sessions[0]
        measure("digest of 1,000, one bucket", limit: 2, repeats: 5) {
            tree.change(session)
            let digest = tree.digest(id: 1, version: 2) { bucket, bytes in
                directory.forEach(inBucket: bucket) { $0.hash.append(to: &bytes) }
            }
            Self.use(digest)
        }
    }
}
