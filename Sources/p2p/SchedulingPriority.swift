#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The share of a busy processor that this process gets.
enum SchedulingPriority {
    /// The nice value of a server. All members of a mesh lose a server that gets no processor time.
    private static let server: CInt = -10

    /// Raises the priority of the calling thread, and of the threads that it will create, to that of a server.
    ///
    /// Without the right to do so (root, CAP_SYS_NICE or RLIMIT_NICE) nothing changes. A priority that is higher
    /// already stays.
    static func raiseToServer() {
        #if canImport(Darwin)
            let process = PRIO_PROCESS
        #else
            let process = __priority_which_t(UInt32(PRIO_PROCESS.rawValue))
        #endif
        guard getpriority(process, 0) > server else { return }
        _ = setpriority(process, 0, server)
    }
}
