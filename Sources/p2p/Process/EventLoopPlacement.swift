#if os(Linux)
    internal import CSched
#endif
internal import NIOCore
internal import NIOPosix

/// The cores on which the event loops of this process run.
enum EventLoopPlacement {
    /// Binds each event loop to a core of its own (Linux). Does nothing unless the process has exactly as many event
    /// loops as usable cores.
    ///
    /// The event loops of a swarm have the same work, and wake each other with every broadcast. The kernel of a virtual
    /// machine may run a woken event loop on the core of the one that woke it, although another core is idle. Then the
    /// event loops work one after the other, and a broadcast takes almost twice as long.
    ///
    /// If an event loop starts a thread of Swift's pool for tasks, that thread inherits the core of the event loop. So
    /// all threads of the pool may share one core. The event loops of a swarm record most events themselves, so the
    /// tasks have little work.
    static func spreadOverCores() {
        #if os(Linux)
            let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
            let cores = usableCores
            guard loops.count == cores.count else { return }
            for (loop, core) in zip(loops, cores) {
                loop.execute {
                    var words = emptySet
                    words[core / UInt.bitWidth] = 1 << (core % UInt.bitWidth)
                    _ = unsafe thread_set_cores(words, words.count * MemoryLayout<UInt>.size)
                }
            }
        #endif
    }

    #if os(Linux)
        private static let maximumCores = 1_024
        /// A set without cores, as the kernel represents it: one bit for each core.
        private static let emptySet = [UInt](repeating: 0, count: maximumCores / UInt.bitWidth)

        /// The numbers of the cores that the calling thread may use; none if the system may have more than
        /// `maximumCores`.
        private static var usableCores: [Int] {
            var words = emptySet
            guard unsafe thread_get_cores(&words, words.count * MemoryLayout<UInt>.size) > 0 else { return [] }
            return (0..<maximumCores).filter { words[$0 / UInt.bitWidth] >> ($0 % UInt.bitWidth) & 1 == 1 }
        }
    #endif
}
