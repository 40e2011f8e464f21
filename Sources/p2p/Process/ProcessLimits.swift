internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The limits that the system sets for this process: open files, threads, memory.
///
/// These limits are checked before a command begins its work. If the system refused a resource later, the runtime
/// libraries would trap.
enum ProcessLimits {
    /// Raises the limit of open files if necessary, and checks that the process may have the memory, threads and
    /// descriptors that it needs.
    ///
    /// - Throws: `Failure` with exit code 71 if a limit is too low. The hint names the limit to raise.
    static func check(for needs: ResourceNeeds) throws {
        let hasSockets = needs.socketDescriptors > 0
        try allowDescriptors(
            baseDescriptors + needs.socketDescriptors + (hasSockets ? eventLoops * descriptorsPerEventLoop : 0))
        try checkMappings(for: needs.guardedKeys)
        useOneArenaIfLimited()
        let threads = hasSockets ? threads : fewThreads
        try withThreads(threads) { try checkMemory(workingMemory, threads) }
        if needs.guardedKeys > 0, !canLock {
            Console.warning(
                "the secret key can get into swap space: this process may not lock memory",
                hint: "raise the limit: 'ulimit -l 64', or LimitMEMLOCK= in a systemd unit")
        }
    }

    /// Checks that the process has enough resources to start at all. Call this before anything allocates much memory.
    static func checkStart() throws {
        forbidCoreFiles()
        try checkMemory(threadStack, fewThreads)
    }

    #if canImport(Glibc)
        private static let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        private static let coreFiles = __rlimit_resource_t(RLIMIT_CORE.rawValue)
    #else
        private static let openFiles = RLIMIT_NOFILE
        private static let coreFiles = RLIMIT_CORE
    #endif

    /// Prevents a core file, because a core file of this process would contain the keys of sessions.
    private static func forbidCoreFiles() {
        var limit = rlimit()
        guard unsafe getrlimit(coreFiles, &limit) == 0 else { return }
        limit.rlim_cur = 0
        _ = unsafe setrlimit(coreFiles, &limit)
    }

    /// Raises the soft limit of descriptors, so that this process can open `count` more descriptors.
    private static func allowDescriptors(_ count: Int) throws {
        var limit = rlimit()
        guard unsafe getrlimit(openFiles, &limit) == 0 else { return }
        let needed = rlim_t(firstDescriptor(after: count))
        guard limit.rlim_cur < needed else { return }
        let allowed = limit.rlim_max
        limit.rlim_cur = allowed
        guard allowed >= needed, unsafe setrlimit(openFiles, &limit) == 0 else {
            throw Failure(
                .system, "this process needs \(needed) open files and may have \(allowed)",
                hint: "raise the limit: 'ulimit -Hn \(needed)', or LimitNOFILE= in a systemd unit")
        }
    }

    /// Returns the smallest limit of descriptors with which this process could open `count` more descriptors.
    private static func firstDescriptor(after count: Int) -> Int {
        var (descriptor, unused) = (0, 0)
        while unused < count {
            if fcntl(CInt(descriptor), F_GETFD) < 0 { unused += 1 }
            descriptor += 1
        }
        return descriptor
    }

    /// Checks that the system allows enough memory mappings for keys in guarded memory. Each key needs four.
    private static func checkMappings(for keys: Int) throws {
        guard keys > 1_000, let file = try? OpenFile("/proc/sys/vm/max_map_count", O_RDONLY),
            let allowed = Int(text(of: file).prefix { $0.isNumber })
        else { return }
        let needed = keys * mappingsPerKey + otherMappings
        guard allowed < needed else { return }
        throw Failure(
            .system, "\(keys) keys in guarded memory need \(needed) mappings, and a process may have \(allowed)",
            hint: "use fewer peers, or raise the limit: 'sysctl vm.max_map_count=\(needed)'")
    }

    /// Returns the first bytes of a file as text.
    private static func text(of file: borrowing OpenFile) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = (try? file.readBytes(into: &bytes)) ?? 0
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Runs `body` while `count` additional threads exist. Throws a `Failure` if the system refuses one of these
    /// threads, so that the command does not begin its work.
    private static func withThreads(_ count: Int, _ body: () throws -> Void) throws {
        let gate = try FileSystem.makePipe()
        var threads: [pthread_t] = []
        defer {
            // The threads end when they find the end of the pipe.
            close(gate.writing)
            for thread in threads { pthread_join(thread, nil) }
            close(gate.reading)
        }
        _ = fcntl(gate.reading, F_SETFL, 0)
        for _ in 0..<count {
            #if canImport(Darwin)
                var thread: pthread_t?
            #else
                var thread = pthread_t()
            #endif
            let context = unsafe UnsafeMutableRawPointer(bitPattern: Int(gate.reading))
            let result = unsafe pthread_create(&thread, nil, waitForEnd, context)
            guard result == 0 else {
                // If there is no room for one more stack, the cause is the limit of the address space, not that of
                // threads.
                try checkMemory(threadStack, count)
                throw Failure(
                    .system, "this process needs \(count) threads and may start \(threads.count)",
                    hint: "raise the limit: 'ulimit -u', TasksMax= in a systemd unit, or that of the container")
            }
            #if canImport(Darwin)
                if let thread { threads.append(thread) }
            #else
                threads.append(thread)
            #endif
        }
        try body()
    }

    /// If the address space is limited, keeps glibc's allocator from mapping 64 MB for each thread.
    private static func useOneArenaIfLimited() {
        #if canImport(Glibc)
            var limit = rlimit()
            guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur != .max else {
                return
            }
            _ = mallopt(maximumArenas, 1)
        #endif
    }

    /// Checks that the process can map `size` more bytes of address space.
    ///
    /// - Parameter threads: The number of threads that the process needs, for the message.
    private static func checkMemory(_ size: Int, _ threads: Int) throws {
        if let memory = unsafe map(size) {
            unsafe munmap(memory, size)
            return
        }
        let needed = (threads * threadStack + workingMemory) >> 20
        throw Failure(
            .system, "this process may not have the \(needed) MB of address space that it needs",
            hint: "raise the limit: 'ulimit -v' or 'ulimit -d', or that of the container")
    }

    /// True if this process may lock a page of memory, as libsodium does with the pages of a secret key.
    private static var canLock: Bool {
        guard let page = unsafe map(pageSize) else { return false }
        defer { unsafe munmap(page, pageSize) }
        return unsafe mlock(page, pageSize) == 0
    }

    /// Returns private memory of `size` bytes; nil if the system refuses.
    private static func map(_ size: Int) -> UnsafeMutableRawPointer? {
        let memory = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return unsafe memory == MAP_FAILED ? nil : memory
    }

    private static let pageSize = Int(getpagesize())
    /// The number of event loops that SwiftNIO starts: at most one per processor.
    private static let eventLoops = max(sysconf(CInt(_SC_NPROCESSORS_ONLN)), 1)
    /// The number of descriptors of an event loop: one for events, one to wake the loop, and one for timers.
    private static let descriptorsPerEventLoop = 3
    /// The number of descriptors for files, the queues of Dispatch, the console, signals and the neighbor table.
    private static let baseDescriptors = 16
    /// The number of threads of a command with sockets: per processor, one for an event loop and one for Dispatch, and
    /// four others.
    private static let threads = eventLoops * 2 + 4
    /// The number of threads of a command without sockets.
    ///
    /// These threads are checked as well, because the runtime hangs if the system refuses one of them.
    private static let fewThreads = eventLoops + 2
    private static let threadStack = 8 << 20
    private static let mappingsPerKey = 4
    private static let otherMappings = 2_000
    private static let workingMemory = 32 << 20
}

#if canImport(Glibc)
    /// Sets a parameter of the allocator. Swift's module of glibc has no malloc.h.
    @_silgen_name("mallopt") private func mallopt(_ parameter: CInt, _ value: CInt) -> CInt

    /// The parameter M_ARENA_MAX of malloc.h.
    private let maximumArenas: CInt = -8
#endif

#if canImport(Darwin)
    private typealias ThreadContext = UnsafeMutableRawPointer
#else
    private typealias ThreadContext = UnsafeMutableRawPointer?
#endif

/// Waits until the writing end of a pipe is closed. The context is the descriptor of the reading end.
private func waitForEnd(_ context: ThreadContext) -> UnsafeMutableRawPointer? {
    let descriptor = CInt(Int(bitPattern: context))
    var byte: UInt8 = 0
    while unsafe read(descriptor, &byte, 1) < 0, errno == EINTR {}
    return nil
}
