/// The CPU time of each operation of a process, in nanoseconds.
package struct Costs: Hashable, Sendable {
    // Primitives.
    package var sign: Int64
    package var verify: Int64
    package var isValidPoint: Int64
    package var agreementKey: Int64
    package var publicKey: Int64
    package var agree: Int64
    package var seal: Int64
    package var open: Int64
    /// The time per 1,024 bytes that are sealed or opened, in addition to `seal` or `open`.
    package var kibibyte: Int64
    // The event loop.
    /// The time to go to sleep and wake up once, including the context switches.
    package var wakeUp: Int64
    /// The time to read a datagram, including the machine's use of hashes and tables.
    package var receive: Int64
    /// The time to send a datagram, including the kernel's delivery to a socket of the same host.
    package var transmit: Int64
    /// The time to apply a DELTA or a part of a SNAPSHOT, without its primitives and its events.
    package var change: Int64
    /// The time to deliver an event to a program that prints it.
    package var event: Int64
    /// The time from the start of a process until its socket is bound.
    package var start: Int64

    /// The costs that `scripts/bench --costs` printed for a release build on a machine with two cores, rounded.
    ///
    /// Other programs ran during the measurement. On an idle machine, a process would wake up faster than it does among
    /// 500 other processes.
    ///
    /// `change`, `event` and `start` are from a slower run, and are scaled by the ratio of the two values of `verify`.
    /// `event` is twice the printed cost, because the program that reads the printed events runs on the same host.
    package static let measured = Costs(
        sign: 12_400, verify: 34_600, isValidPoint: 28_400, agreementKey: 30_800, publicKey: 24_600, agree: 26_800,
        seal: 330, open: 270, kibibyte: 670, wakeUp: 104_700, receive: 10_300, transmit: 20_600, change: 52_000,
        event: 24_000, start: 13_700_000)

    /// Returns the CPU time of a call, without the time for the bytes that it seals or opens.
    func of(_ call: PrimitiveCall) -> Int64 {
        switch call {
        case .sign: sign
        case .verify: verify
        case .isValidPoint: isValidPoint
        case .agreementKey: agreementKey
        case .publicKey: publicKey
        case .agree, .agreeAsIdentity: agree
        case .seal: seal
        case .open: self.open
        }
    }

    /// Returns the costs on a processor that takes `factor` times as long for each operation.
    package func times(_ factor: Int64) -> Costs {
        var costs = self
        for cost in Self.all { costs[keyPath: cost] *= factor }
        return costs
    }

    private static var all: [WritableKeyPath<Costs, Int64>] {
        [
            \.sign, \.verify, \.isValidPoint, \.agreementKey, \.publicKey, \.agree, \.seal, \.open, \.kibibyte,
            \.wakeUp, \.receive, \.transmit, \.change, \.event, \.start,
        ]
    }
}
