/// The access that other users have to a file. Other users are all but the owner of the file, root, and this process's
/// user.
///
/// The mode bits of the file alone do not show this access: if the file has a POSIX ACL, the group bits of the mode are
/// the mask of the ACL.
package struct FileAccess: Hashable, Sendable {
    /// Permissions to read, write and execute, with the bits of one octal digit of a file's mode.
    package struct Permissions: OptionSet, Hashable, Sendable {
        package let rawValue: UInt16

        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let read = Permissions(rawValue: 4)
        package static let write = Permissions(rawValue: 2)
        package static let execute = Permissions(rawValue: 1)
    }

    /// The permissions of the file's group, and of the groups in its ACL.
    package private(set) var group: Permissions = []
    /// The permissions that the mode gives to everybody, and those that the ACL gives to single users other than root
    /// and this process's user.
    package private(set) var others: Permissions = []

    /// Computes the permissions from the mode bits and the ACL of a file.
    ///
    /// - Parameters:
    ///   - mode: The mode bits.
    ///   - acl: The ACL, from the extended attribute `system.posix_acl_access` of Linux; nil if the file has no ACL.
    ///   - trusted: The users whose entries in the ACL do not count: root and this process's user.
    package init(mode: UInt32, acl: [UInt8]?, trusted: Set<UInt32>) {
        others = Permissions(rawValue: UInt16(mode & 7))
        guard let entries = acl.flatMap(Self.entries) else {
            group = Permissions(rawValue: UInt16(mode >> 3 & 7))
            return
        }
        let mask = entries.first { $0.tag == Self.mask }?.permissions ?? Permissions(rawValue: 7)
        for entry in entries {
            switch entry.tag {
            case Self.user where !trusted.contains(entry.id): others.formUnion(entry.permissions.intersection(mask))
            case Self.owningGroup, Self.group: group.formUnion(entry.permissions.intersection(mask))
            default: break
            }
        }
    }

    /// True if another user may write to the file. For a folder, this means that another user may add and remove files.
    package var isWritable: Bool { group.union(others).contains(.write) }

    private struct Entry {
        let tag: UInt16
        let permissions: Permissions
        let id: UInt32
    }

    /// Parses an ACL in the kernel's format; returns nil if the bytes have another format. All numbers are
    /// little-endian. The version, which is 2, takes 4 bytes. The entries follow, each with a tag (2 bytes),
    /// permissions (2 bytes) and the id of a user or a group (4 bytes).
    private static func entries(_ acl: [UInt8]) -> [Entry]? {
        guard acl.count >= 4, acl.count % 8 == 4, number(acl[0..<4]) == 2 else { return nil }
        return stride(from: 4, to: acl.count, by: 8).map { start in
            Entry(
                tag: UInt16(number(acl[start..<start + 2])),
                permissions: Permissions(rawValue: UInt16(number(acl[start + 2..<start + 4]) & 7)),
                id: number(acl[start + 4..<start + 8]))
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static let user: UInt16 = 0x02
    private static let owningGroup: UInt16 = 0x04
    private static let group: UInt16 = 0x08
    private static let mask: UInt16 = 0x10
}
