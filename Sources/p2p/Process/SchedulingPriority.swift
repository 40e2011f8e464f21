#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif
internal import NIOCore
internal import NIOPosix

/// The priority with which the system runs this process on a busy host.
///
/// If a server gets too little CPU time, all members of its mesh lose their connection. Without the right to raise a
/// priority (root, CAP_SYS_NICE, or RLIMIT_NICE and RLIMIT_RTPRIO), the priority does not change.
enum SchedulingPriority {
    /// The nice value of a server.
    private static let server: CInt = -10
    /// The lowest real-time priority.
    private static let realTime: CInt = 1

    /// Raises the priority of the calling thread, and of the threads that it will create, to that of a server.
    ///
    /// A priority that is already higher does not change.
    static func raiseToServer() {
        #if canImport(Darwin)
            let process = PRIO_PROCESS
        #else
            let process = __priority_which_t(UInt32(PRIO_PROCESS.rawValue))
        #endif
        guard getpriority(process, 0) > server else { return }
        _ = setpriority(process, 0, server)
    }

    /// Gives the event loops of a server, and no other thread, a real-time priority (Linux).
    ///
    /// A nice value determines how much CPU time a thread gets, but not how soon the thread runs. On a host with
    /// hundreds of busy processes, an event loop that has only a nice value waits four times as long as it works.
    ///
    /// The real-time priority does not starve the host. Datagrams of strangers get at most half of an event loop's
    /// time, and the kernel reserves a part of each core for other threads.
    static func raiseEventLoops() {
        #if !canImport(Darwin)
            for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
                loop.execute {
                    guard sched_getscheduler(0) == SCHED_OTHER else { return }
                    var parameters = sched_param()
                    parameters.sched_priority = realTime
                    _ = unsafe pthread_setschedparam(pthread_self(), SCHED_RR, &parameters)
                }
            }
        #endif
    }
}
