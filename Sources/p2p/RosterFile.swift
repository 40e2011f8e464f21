internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Edits a list of peers. Only one process edits the list at a time. An edit is written completely or not at all.
enum RosterFile {
    /// Reads the list of peers, and lets `body` edit its text. If the text has changed, replaces the file. If there is
    /// no file, the text is empty at first.
    ///
    /// - Throws: `Failure`, or the error of `body`. In both cases, the file has not changed.
    static func edit<Result>(_ path: String, _ body: (inout RosterText) throws -> Result) throws -> Result {
        if let status = try? FileSystem.status(of: path), status.kind != .file { throw FileFailure.notAFile(path) }
        let folder = try lockedFolder(of: path)
        defer { withExtendedLifetime(folder) {} }
        var text = try read(path)
        let result = try body(&text)
        if text.hasChanged {
            do throws(SystemError) {
                try FileWriter.replace(path, text.bytes, mode: 0o644)
            } catch {
                throw FileFailure.cannotReplace(path, error)
            }
        }
        return result
    }

    private static func lockedFolder(of path: String) throws -> FolderLock {
        let folder = KeyFile.folder(of: path)
        do throws(SystemError) {
            if let lock = try FolderLock(folder) { return lock }
        } catch {
            throw FileFailure.cannotReplace(path, error)
        }
        throw Failure(
            .tryAgain, "another process is editing files in \(folder)", hint: "nothing has changed; try again")
    }

    private static func read(_ path: String) throws -> RosterText {
        do throws(KeyFileError) {
            let bytes = FileSystem.exists(path) ? try KeyFile.content(of: path, limit: Limits.rosterFile) : []
            do throws(RosterError) {
                return try RosterText(bytes)
            } catch {
                throw KeyFileError(path: path, reason: .invalidRoster(error))
            }
        } catch {
            throw KeyStore.failure(error, hint: KeyStore.rosterHint)
        }
    }
}

/// The lock of a folder. The process holds the lock as long as this object lives. Readers need no lock, because files
/// are replaced atomically.
private final class FolderLock {
    private let file: OpenFile

    /// Waits for the lock. Returns nil if another process still holds it after five seconds.
    init?(_ folder: String) throws(SystemError) {
        file = try OpenFile(folder, O_RDONLY | O_DIRECTORY)
        guard try FileSystem.lock(file) else { return nil }
    }
}
