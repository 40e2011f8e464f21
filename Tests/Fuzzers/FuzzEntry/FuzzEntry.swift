package import FuzzKit

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The common part of the entry points that libFuzzer calls.
package enum FuzzEntry {
    /// Resets the actions of the signals that a trap raises to the system's defaults. Otherwise Swift's backtracer,
    /// which installs its handlers before libFuzzer starts, would hang in a read from its pipe. AddressSanitizer still
    /// handles the signals of invalid memory accesses.
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
