package import FuzzKit

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the entry points that libFuzzer calls have in common.
package enum FuzzEntry {
    /// Gives the signals of a trap back to the system: Swift's own backtracer, installed before libFuzzer looks, would
    /// wait for ever on its pipe. Those of a bad access stay: they are AddressSanitizer's.
    package static func initialize() {
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGQUIT] {
            _ = signal(number, SIG_DFL)
        }
    }

    /// Ends the process, as libFuzzer wants it of a failure, when the target finds one.
    package static func run(_ target: FuzzTarget, _ bytes: UnsafePointer<UInt8>?, _ count: Int) {
        let input = unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
        if let failure = target.failure(of: input) { fatalError("\(target): \(failure)") }
    }
}
