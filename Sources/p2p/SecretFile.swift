internal import Foundation
internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Files as the operating system sees them: modes, exclusive creation, no copy of a secret left in memory.
enum SecretFile {
    /// - Throws: `Failure`, 77.
    static func load(_ path: String, missingHint: String) throws -> [UInt8] {
        // A FIFO without a writer must not hold the command up.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR {
                throw Failure(.noPermission, "no key at \(path)", hint: missingHint)
            }
            throw cannotRead(path, chmod: "600")
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw notAFile(path)
        }
        guard status.st_mode & 0o077 == 0 || isPublic(descriptor) else {
            throw Failure(
                .noPermission, "\(path) can be read by others than its owner", hint: "chmod 600 \(path)")
        }
        var bytes = [UInt8](repeating: 0, count: maximumSize)
        defer { Sodium.wipe(&bytes) }
        let count = unsafe read(descriptor, &bytes, maximumSize)
        guard count >= 0 else { throw cannotRead(path, chmod: "600") }
        guard count < maximumSize else {
            throw Failure(.data, "\(path): too long for a key", hint: "give the file that 'p2p keygen' made")
        }
        return Array(bytes.prefix(count))
    }

    /// A public key may be read by all, and is refused for what it is: with another mode it would be no better.
    private static func isPublic(_ descriptor: CInt) -> Bool {
        var bytes = [UInt8](repeating: 0, count: maximumSize)
        defer { Sodium.wipe(&bytes) }
        let count = max(unsafe pread(descriptor, &bytes, maximumSize, 0), 0)
        return KeyStore.isPublic(Array(bytes.prefix(count)))
    }

    /// Why `path`, which is there, gave nothing; the hint fits who asks.
    static func cannotRead(_ path: String, chmod mode: String) -> Failure {
        var status = stat()
        let isFound = unsafe stat(path, &status) == 0
        if isFound, status.st_mode & S_IFMT != S_IFREG {
            return notAFile(path)
        }
        let isOwner = isFound && status.st_uid == geteuid()
        return Failure(
            .noPermission, "\(path) cannot be read",
            hint: isOwner ? "chmod \(mode) \(path)" : "run p2p as the user who owns \(path) and its folder")
    }

    private static func notAFile(_ path: String) -> Failure {
        Failure(
            .data, "\(path): not a file, but a folder, a pipe or a device", hint: "give an ordinary file")
    }

    /// A new file, or none: never overwrites.
    static func create(_ path: String, _ content: [UInt8], mode: mode_t) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw cannotCreate(path) }
        defer { close(descriptor) }
        guard fchmod(descriptor, mode) == 0, writeAll(descriptor, content), fsync(descriptor) == 0 else {
            let failure = cannotCreate(path)
            remove(path)
            throw failure
        }
    }

    static func append(_ path: String, _ content: [UInt8]) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw cannotCreate(path) }
        defer { close(descriptor) }
        guard writeAll(descriptor, content), fsync(descriptor) == 0 else { throw cannotCreate(path) }
    }

    /// Makes the folder, for its owner alone, if it is not there.
    static func createFolder(_ path: String) throws {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw cannotCreate(path) }
    }

    static func remove(_ path: String) {
        _ = unsafe unlink(path)
    }

    private static func writeAll(_ descriptor: CInt, _ content: [UInt8]) -> Bool {
        var rest = content[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { bytes in
                unsafe write(descriptor, bytes.baseAddress, bytes.count)
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func cannotCreate(_ path: String) -> Failure {
        let reason = unsafe String(cString: strerror(errno))
        return Failure(.cannotCreate, "\(path) cannot be made: \(reason)", hint: "choose another folder with --keys")
    }

    private static let maximumSize = 4_096
}
