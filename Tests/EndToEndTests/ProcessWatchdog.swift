internal import Foundation

/// Kills the remaining processes of a test run that was interrupted, and removes the folder of that run.
///
/// The watchdog is a shell. The test run writes to it the ID of each process that begins or ends. When the shell's
/// input ends, the test run has ended too.
final class ProcessWatchdog: Sendable {
    static let shared = Result { try ProcessWatchdog() }

    /// The parent of the folders that all harnesses use.
    let folder: URL
    private let process = Process()
    private let input = Pipe()

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "securemesh-\(UUID().uuidString)")
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", Self.script, folder.path]
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    static func notify(_ event: String, _ id: pid_t) {
        guard let watchdog = try? shared.get() else { return }
        try? watchdog.input.fileHandleForWriting.write(
            contentsOf: Data("\(event) \(id)\n".utf8))
    }

    private static let script = """
        running=' '
        while read -r event id; do
            case $event in
            began) running="$running$id " ;;
            ended) running="${running%% "$id" *} ${running#* "$id" }" ;;
            esac
        done
        for id in $running; do kill -KILL "$id"; done
        rm -rf "$0"
        """
}
