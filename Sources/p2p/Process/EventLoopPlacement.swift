#if os(Linux)
    internal import CSched
#endif
internal import NIOCore
internal import NIOPosix

/// The cores on which the event loops of this process run.
enum EventLoopPlacement {
    /// Binds each event loop to a core of its own (Linux). Does nothing if the process may not use exactly as many
    /// cores as it has event loops.
    ///
    /// The event loops of a swarm have the same work, and wake each other with every broadcast. The kernel of a virtual
    /// machine may run a woken event loop on the core of the one that woke it, although another core is idle. Then the
    /// event loops work one after the other, and a broadcast takes almost twice as long.
    ///
    /// If an event loop starts a thread of Swift's pool for tasks, that thread inherits the core of the event loop.
    static func spreadOverCores() {
        #if os(Linux)
            let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
            let cores = usableCores
            guard loops.count == cores.count else { return }
            for (loop, core) in zip(loops, cores) {
                loop.execute {
                    var set = cpu_set_t()
                    unsafe withUnsafeMutableBytes(of: &set) { unsafe $0[core / 8] |= 1 << (core % 8) }
                    _ = unsafe sched_setaffinity(0, MemoryLayout<cpu_set_t>.size, &set)
                }
            }
        #endif
    }

    #if os(Linux)
        /// The numbers of the cores that the calling thread may use; none if the system has more than a `cpu_set_t` can
        /// contain.
        private static var usableCores: [Int] {
            var set = cpu_set_t()
            guard unsafe sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else { return [] }
            return unsafe withUnsafeBytes(of: &set) { bytes in
                (0..<bytes.count * 8).filter { unsafe bytes[$0 / 8] >> ($0 % 8) & 1 == 1 }
            }
        }
    #endif
}
