package import FuzzKit

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The code that the entry points of all libFuzzer targets share.
package enum FuzzEntry {
    /// Restores the system's default actions for the signals of a crash and for SIGQUIT. Swift's backtracer installs
    /// its handlers for these signals before libFuzzer starts, and would hang while it reads from its pipe.
    ///
    /// AddressSanitizer still handles the signals of invalid memory accesses.
    package static func initialize() {
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGQUIT] {
            _ = signal(number, SIG_DFL)
        }
    }

    /// Runs the target on the input. If the target finds a failure, aborts the process, so that libFuzzer records the
    /// input.
    package static func run(_ target: FuzzTarget, _ bytes: UnsafePointer<UInt8>?, _ count: Int) {
        let input = unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
        if let failure = target.failure(of: input) { fatalError("\(target): \(failure)") }
    }
}
