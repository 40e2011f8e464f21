internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Files of keys: created exclusively, with exact permission bits; no copy of a secret stays in memory.
enum SecretFile {
    /// Reads a file that holds a secret. The caller wipes the bytes.
    ///
    /// A file that holds a public key may have any permission bits, so that the caller can say what it is.
    ///
    /// - Throws: `Failure`: 77 if there is no such file, it cannot be read, or others than its owner may read it; 65 if
    ///   it is not an ordinary file, or too long for a key.
    static func load(_ path: String, missingHint: String) throws -> [UInt8] {
        let file = try open(path, missingHint: missingHint)
        guard let status = try? file.status(), status.kind == .file else { throw notAFile(path) }
        var buffer = [UInt8](repeating: 0, count: maximumSize)
        defer { Sodium.wipe(&buffer) }
        guard let count = try? file.readBytes(into: &buffer) else { throw cannotRead(path, chmod: "600") }
        var content = Array(buffer.prefix(count))
        guard status.mode & 0o077 == 0 || KeyStore.isPublic(content) else {
            Sodium.wipe(&content)
            throw Failure(
                .noPermission, "\(path) can be read by others than its owner", hint: "chmod 600 \(path)")
        }
        guard count < maximumSize else {
            Sodium.wipe(&content)
            throw Failure(.data, "\(path): too long for a key", hint: "give the file that 'p2p keygen' made")
        }
        return content
    }

    private static func open(_ path: String, missingHint: String) throws -> OpenFile {
        do throws(SystemError) {
            // O_NONBLOCK: a FIFO without a writer must not block the command.
            return try OpenFile(path, O_RDONLY | O_NONBLOCK)
        } catch {
            guard error.isMissing else { throw cannotRead(path, chmod: "600") }
            throw Failure(.noPermission, "no key at \(path)", hint: missingHint)
        }
    }

    /// Returns the failure for a file that exists and cannot be read.
    ///
    /// - Parameter mode: the argument of `chmod` for the hint, if the user owns the file.
    static func cannotRead(_ path: String, chmod mode: String) -> Failure {
        let status = try? FileSystem.status(of: path)
        if let status, status.kind != .file { return notAFile(path) }
        return Failure(
            .noPermission, "\(path) cannot be read",
            hint: status?.belongsToUser == true
                ? "chmod \(mode) \(path)" : "run p2p as the user who owns \(path) and its folder")
    }

    private static func notAFile(_ path: String) -> Failure {
        Failure(
            .data, "\(path): not a file, but a folder, a pipe or a device", hint: "give an ordinary file")
    }

    /// Creates a file and never overwrites one. After a failure there is no new file.
    static func create(_ path: String, _ content: [UInt8], mode: mode_t) throws {
        do throws(SystemError) {
            let file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            do throws(SystemError) {
                try file.setMode(mode)
                try file.writeAll(content)
                try file.synchronize()
            } catch {
                FileSystem.remove(path)
                throw error
            }
        } catch {
            throw cannotCreate(path, error)
        }
    }

    /// Appends to a file, which is created if there is none.
    static func append(_ path: String, _ content: [UInt8]) throws {
        do throws(SystemError) {
            let file = try OpenFile(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
            try file.writeAll(content)
            try file.synchronize()
        } catch {
            throw cannotCreate(path, error)
        }
    }

    /// Makes the folder, for its owner only, unless there is one.
    static func createFolder(_ path: String) throws {
        do throws(SystemError) {
            try FileSystem.makeFolder(path, mode: 0o700)
        } catch {
            throw cannotCreate(path, error)
        }
    }

    static func remove(_ path: String) {
        FileSystem.remove(path)
    }

    private static func cannotCreate(_ path: String, _ error: SystemError) -> Failure {
        Failure(.cannotCreate, "\(path) cannot be made: \(error.text)", hint: "choose another folder with --keys")
    }

    private static let maximumSize = 4_096
}
