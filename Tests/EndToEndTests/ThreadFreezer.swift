internal import Foundation

/// Stops one thread of a process, by ptrace(2). Swift cannot call that function, so Python does.
final class ThreadFreezer: Sendable {
    private let process = Process()
    private let input = Pipe()

    /// Stops the thread of process `id` whose name begins with `thread`.
    ///
    /// - Parameters:
    ///   - thread: The beginning of the thread's name.
    ///   - id: The ID of the thread's process.
    init(thread: String, of id: Int32) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.script, "\(id)", thread]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let answer = output.fileHandleForReading.availableData
        guard answer == Data("stopped\n".utf8) else {
            thaw()
            let text = String(decoding: answer, as: UTF8.self)
            throw MissingOutcome(what: "a stopped thread", from: "\(thread) of \(id): \(text)")
        }
    }

    /// Resumes the thread. Kills the process that traces the thread, and then the system resumes it.
    func thaw() {
        // SIGTERM would not suffice, because a child process of the tests may block it.
        kill(process.processIdentifier, SIGKILL)
    }

    /// True if this host permits stopping a thread of a child process.
    static let isAvailable: Bool = {
        let sleeper = Process()
        sleeper.executableURL = URL(fileURLWithPath: "/bin/cat")
        sleeper.standardInput = Pipe()
        sleeper.standardOutput = FileHandle.nullDevice
        guard (try? sleeper.run()) != nil else { return false }
        defer { kill(sleeper.processIdentifier, SIGKILL) }
        guard let freezer = try? ThreadFreezer(thread: "cat", of: sleeper.processIdentifier) else { return false }
        freezer.thaw()
        return true
    }()

    private static let script = """
        import ctypes, os, sys
        SEIZE, INTERRUPT = 0x4206, 0x4207
        process, name = sys.argv[1], sys.argv[2]
        ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        ptrace.argtypes = [ctypes.c_long] * 4
        ptrace.restype = ctypes.c_long
        threads = [int(each) for each in os.listdir(f"/proc/{process}/task")
                   if open(f"/proc/{process}/task/{each}/comm").read().startswith(name)]
        for thread in threads:
            if ptrace(SEIZE, thread, 0, 0) or ptrace(INTERRUPT, thread, 0, 0):
                sys.exit("ptrace: " + os.strerror(ctypes.get_errno()))
            os.waitpid(thread, 0x40000000)
        if threads:
            os.write(1, b"stopped\\n")
            sys.stdin.read()
        """
}
