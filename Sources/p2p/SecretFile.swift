internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Makes files of keys, exclusively and with exact permission bits.
enum SecretFile {
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

    /// Returns a command as a hint, with the remark that root must give it if the file belongs to another user.
    static func hint(_ command: String, for path: String) -> String {
        (try? FileSystem.status(of: path))?.belongsToUser == false ? "as root: \(command)" : command
    }

    static func notAFile(_ path: String) -> Failure {
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
}
