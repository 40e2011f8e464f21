internal import SecureMesh

/// Makes the failures of reading and writing files, with hints that say how to repair the cause.
enum FileFailure {
    /// Returns the failure for a file that exists and cannot be read.
    ///
    /// - Parameter mode: The mode that the hint passes to `chmod`, if the user owns the file.
    static func cannotRead(_ path: String, chmod mode: String) -> Failure {
        let folder = KeyFile.folder(of: path)
        let hint: String
        do throws(SystemError) {
            let status = try FileSystem.status(of: path)
            guard status.kind == .file else { return notAFile(path) }
            hint =
                status.belongsToUser
                ? "chmod \(mode) \(Shell.quoted(path))" : "run p2p as the user who owns \(path) and its folder"
        } catch {
            guard error.isDenied else {
                return Failure(
                    .noPermission, "\(path) cannot be read: \(error.text)", hint: "give the path of an ordinary file")
            }
            hint =
                (try? FileSystem.status(of: folder))?.belongsToUser == true
                ? "chmod u+x \(Shell.quoted(folder))" : "run p2p as the user who owns \(path) and its folder"
        }
        return Failure(.noPermission, "\(path) cannot be read", hint: hint)
    }

    static func notAFile(_ path: String) -> Failure {
        Failure(
            .data, "\(path): not a file, but a folder, a pipe or a device", hint: "give an ordinary file")
    }

    /// Returns a hint to run `command`, a call of `chmod`. If the file belongs to another user, the hint says to run it
    /// as root. If the file system may not store access modes, the hint suggests another file system.
    static func hint(_ command: String, for path: String) -> String {
        let user = (try? FileSystem.status(of: path))?.belongsToUser == false ? "as root: " : ""
        let other =
            FileSystem.mayLackAccessModes(path)
            ? "; if that has no effect, choose a file system that keeps access modes" : ""
        return user + command + other
    }

    /// Returns the hint for a file or a folder of another user.
    ///
    /// - Parameter command: A command that is also needed if the owner is changed.
    static func ownerHint(for path: String, then command: String? = nil) -> String {
        let commands = ["chown \(FileSystem.user) \(Shell.quoted(path))", command].compactMap { $0 }
        let change = commands.joined(separator: " && ")
        // The file may belong to the user of a running server, which could not read it any more.
        return FileSystem.user == "0"
            ? "run this command as the user who owns \(path), or: \(change)" : "as root: \(change)"
    }

    static func cannotCreate(_ path: String, _ error: SystemError) -> Failure {
        Failure(
            .cannotCreate, "\(path) cannot be made: \(error.text)",
            hint: (error.isFull ? "make room, or " : "") + "choose another folder with --keys")
    }

    static func cannotReplace(_ path: String, _ error: SystemError) -> Failure {
        let owner = (try? FileSystem.status(of: path))?.belongsToUser == true
        let hint =
            if error.isLoop {
                "give the path of the file that the link leads to"
            } else if error.isFull {
                "nothing has changed; make room and try again"
            } else if error.isMountPoint {
                "nothing has changed; the file is mounted by itself: mount its folder instead, or edit it there"
            } else if error.isReadOnly {
                "nothing has changed; edit the list where it can be written"
            } else if error.isForbidden, owner {
                "nothing has changed; 'lsattr \(Shell.quoted(path))' shows whether it is immutable"
            } else {
                "nothing has changed; run p2p as the user who owns \(path) and its folder"
            }
        return Failure(
            .cannotCreate, error.isLoop ? "\(path) is a symbolic link" : "\(path) cannot be written: \(error.text)",
            hint: hint)
    }
}
