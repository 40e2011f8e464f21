internal import Foundation
internal import Testing

/// A mounted folder whose file system can stop answering, like a disk that fails or a network file system whose server
/// is gone. Meanwhile, each access to a file of the folder blocks.
final class StoppedDisk {
    private let mount: String
    private let fileSystem = Process()

    /// Mounts the folder `folder` of the harness over itself, and waits until it is mounted.
    init(at folder: String, in harness: ProcessHarness) async throws {
        mount = harness.path(folder)
        fileSystem.executableURL = URL(filePath: try #require(KeyAccessTests.bindfs))
        fileSystem.arguments = ["-f", "-o", "nonempty", mount, mount]
        // bindfs must not keep the output of the test run open.
        (fileSystem.standardOutput, fileSystem.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try fileSystem.run()
        while try !String(contentsOfFile: "/proc/mounts", encoding: .utf8).contains(mount) {
            try #require(fileSystem.isRunning)
            await Task.yield()
        }
    }

    func stop() { kill(fileSystem.processIdentifier, SIGSTOP) }

    /// Ends the file system. Each access that it blocked then fails.
    func end() {
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
