import SecureMesh
import Testing

@Suite("Who may use a file") struct FileAccessTests {
    /// Returns an ACL in the binary form of the Linux kernel.
    static func acl(_ entries: [(tag: UInt8, permissions: UInt8, id: UInt32)]) -> [UInt8] {
        [2, 0, 0, 0]
            + entries.flatMap { entry in
                [entry.tag, 0, entry.permissions, 0] + (0..<4).map { UInt8(truncatingIfNeeded: entry.id >> ($0 * 8)) }
            }
    }

    private func access(_ mode: UInt32, _ acl: [UInt8]? = nil) -> FileAccess {
        FileAccess(mode: mode, acl: acl, trusted: [0, 100])
    }

    @Test("without an ACL the mode bits are the permissions")
    func mode() {
        #expect(access(0o600).group.isEmpty && access(0o600).others.isEmpty)
        #expect(access(0o640).group == .read && access(0o640).others.isEmpty)
        #expect(access(0o604).others == .read && !access(0o604).isWritable)
        #expect(access(0o620).isWritable && access(0o602).isWritable)
    }

    @Test("a credential of systemd, whose mode shows 0440, can be read by its service only")
    func credential() {
        let acl = Self.acl([(1, 4, .max), (2, 4, 100), (4, 0, .max), (0x10, 4, .max), (0x20, 0, .max)])
        #expect(access(0o440, acl).group.isEmpty && access(0o440, acl).others.isEmpty)
    }

    @Test("permissions that an ACL gives to another user or a group do not count as the owner's")
    func others() {
        let user = Self.acl([(1, 6, .max), (2, 6, 101), (4, 0, .max), (0x10, 6, .max), (0x20, 0, .max)])
        #expect(access(0o660, user).others == [.read, .write] && access(0o660, user).isWritable)
        let masked = Self.acl([(1, 6, .max), (2, 6, 101), (8, 6, 5), (4, 6, .max), (0x10, 0, .max), (0x20, 0, .max)])
        #expect(access(0o600, masked).others.isEmpty && access(0o600, masked).group.isEmpty)
        let group = Self.acl([(1, 6, .max), (4, 0, .max), (8, 4, 5), (0x10, 4, .max), (0x20, 0, .max)])
        #expect(access(0o640, group).group == .read)
    }

    @Test("an ACL of an unknown form counts as none", arguments: [[], [2, 0, 0], [3, 0, 0, 0], [2, 0, 0, 0, 1, 0]])
    func unknown(acl: [UInt8]) {
        #expect(access(0o640, acl).group == .read)
    }
}
