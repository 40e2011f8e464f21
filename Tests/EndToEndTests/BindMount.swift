internal import Foundation
internal import Testing

/// A mounted folder that has the files of a folder. Its file system can stop answering, like a disk that fails or a
/// network file system whose server is gone. Meanwhile, each access to a file of the mounted folder blocks.
final class BindMount {
    /// The path of bindfs; nil if bindfs cannot be used.
    static let bindfs =
        geteuid() == 0 && FileManager.default.fileExists(atPath: "/dev/fuse")
        ? ["/usr/bin/bindfs", "/bin/bindfs"].first(where: FileManager.default.isExecutableFile) : nil

    private let mount: String
    private let fileSystem = Process()

    /// Mounts the folder `source` of the harness at its folder `target`, and waits until it is mounted.
    init(of source: String, at target: String, _ options: [String], in harness: ProcessHarness) async throws {
        mount = harness.path(target)
        fileSystem.executableURL = URL(filePath: try #require(Self.bindfs))
        fileSystem.arguments = ["-f"] + options + [harness.path(source), mount]
        // bindfs must not keep the output of the test run open.
        (fileSystem.standardOutput, fileSystem.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try fileSystem.run()
        do {
            while try !String(contentsOfFile: "/proc/mounts", encoding: .utf8).contains(mount) {
                try #require(fileSystem.isRunning)
                await Task.yield()
            }
        } catch {
            end()
            throw error
        }
    }

    func stop() { kill(fileSystem.processIdentifier, SIGSTOP) }

    /// Ends the file system. Each access that it blocked then fails.
    func end() {
        // The tests block SIGTERM, and the processes that they start inherit this.
        kill(fileSystem.processIdentifier, SIGKILL)
        fileSystem.waitUntilExit()
        _ = unsafe umount2(mount, Int32(MNT_DETACH))
    }

    /// Returns a launcher that appends the standard output and the standard error of the process to the file `name` of
    /// this folder.
    func launcher(for name: String) -> [String] {
        ["/bin/sh", "-c", "exec \"$0\" \"$@\" >>'\(mount)/\(name)' 2>&1"]
    }
}
