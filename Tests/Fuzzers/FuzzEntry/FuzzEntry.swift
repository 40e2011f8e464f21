package import FuzzKit

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The common part of the entry points that libFuzzer calls.
package enum FuzzEntry {
    /// Resets the signals of a trap to the system's default. Swift's backtracer, which is installed before libFuzzer
    /// looks, would wait on its pipe without end. The signals of a bad access stay with AddressSanitizer.
    package static func initialize() {
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGQUIT] {
            _ = signal(number, SIG_DFL)
        }
    }

    /// Runs the target, and aborts if it finds a failure, which libFuzzer then records.
    package static func run(_ target: FuzzTarget, _ bytes: UnsafePointer<UInt8>?, _ count: Int) {
        let input = unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
        if let failure = target.failure(of: input) { fatalError("\(target): \(failure)") }
    }
}
