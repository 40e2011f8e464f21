package import SecureMeshCore

extension Pulse {
    /// Makes a PULSE with the flag `current` and a digest of zeros.
    package init(number: UInt64, version: UInt64) {
        self.init(number: number, version: version, flags: .current, digest: .zero)
    }
}

extension Delta {
    /// Makes a DELTA to the next version. In it, all removed members have expired.
    package init(from: UInt64, removed: [SessionID], added: [Entry]) {
        self.init(from: from, to: from &+ 1, removed: removed.map { Removal($0, .expired) }, added: added)
    }
}
