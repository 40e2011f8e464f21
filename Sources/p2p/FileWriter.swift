internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Writes whole files. The content goes to a new file in the same folder. The new file is synced, and then gets the
/// name of the old one. So after a crash or with a full disk, the file has either its old content or its new content,
/// but never a part of it.
enum FileWriter {
    /// Creates a file. Never overwrites an existing file.
    ///
    /// - Parameter mode: The permission bits. The umask does not affect them.
    /// - Throws: `EEXIST` if there is a file or a link of that name.
    static func create(_ path: String, _ content: [UInt8], mode: mode_t) throws(SystemError) {
        try write(content, beside: path) { (file) throws(SystemError) in
            try file.setMode(mode)
        } name: { (new) throws(SystemError) in
            // Unlike rename(2), link(2) never replaces a file.
            try FileSystem.link(new, as: path)
            FileSystem.remove(new)
        }
    }

    /// Replaces the content of a file, or creates the file. An existing file keeps its owner, its mode and its ACL,
    /// unless it is secret and its access is too wide.
    ///
    /// A symbolic link is refused, because whoever can change the link could choose the file that is replaced. A
    /// device, a pipe or a folder is refused, because an ordinary file would replace it.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - content: The new content.
    ///   - mode: The permission bits of a file that is created.
    ///   - isSecret: True if the content is secret. The access of an existing file is then too wide if the group may do
    ///     more than read it, or if users outside the group have any access. Such a file gets `mode` and loses its ACL.
    /// - Throws: `ELOOP` if the path is a symbolic link. `EINVAL` if the path is a device, a pipe or a folder.
    static func replace(
        _ path: String, _ content: [UInt8], mode: mode_t, isSecret: Bool = false
    ) throws(SystemError) {
        guard !FileSystem.isLink(path) else { throw SystemError(ELOOP) }
        let old = FileSystem.exists(path) ? try OpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) : nil
        let status = try old?.status()
        guard status == nil || status?.kind == .file else { throw SystemError(EINVAL) }
        let access = isSecret ? status?.access : nil
        let isExposed = access.map { !$0.others.isEmpty || !$0.group.isSubset(of: .read) } ?? false
        let acl = isExposed ? nil : old?.accessList
        try write(content, beside: path) { (file) throws(SystemError) in
            if let status { try file.setOwner(status.owner, status.group) }
            try file.setMode(isExposed ? mode : status?.mode ?? mode)
            if let acl { try file.setAccessList(acl) }
        } name: { (new) throws(SystemError) in
            try FileSystem.rename(new, to: path)
        }
    }

    /// Writes the content to a new file in the folder of `path`, and syncs the file and the folder.
    ///
    /// - Parameters:
    ///   - prepare: Sets the owner and the permissions of the new file. Until then, only the user of this process may
    ///     read it.
    ///   - name: Gives the new file its final name. The argument is its temporary path.
    private static func write(
        _ content: [UInt8], beside path: String, prepare: (borrowing OpenFile) throws(SystemError) -> Void,
        name: (String) throws(SystemError) -> Void
    ) throws(SystemError) {
        let folder = KeyFile.folder(of: path)
        let base = path.split(separator: "/").last ?? ""
        let new = "\(folder)/.\(base).\(String(UInt64.random(in: .min ... .max), radix: 36)).new"
        let file = try OpenFile(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        do throws(SystemError) {
            try prepare(file)
            try file.writeAll(content)
            try file.synchronize()
            try name(new)
        } catch {
            FileSystem.remove(new)
            throw error
        }
        // The new name is on the disk only after the folder has been synced. Some file systems cannot sync a folder, so
        // an error is ignored.
        try? OpenFile(folder, O_RDONLY | O_DIRECTORY).synchronize()
    }
}
