#if canImport(CXattr)
    internal import CXattr
#endif

/// The extended attribute in which Linux keeps the ACL of a file.
enum ExtendedAttribute {
    #if !canImport(CXattr)
        // The ACLs of macOS do not change the meaning of the mode bits.
        static func accessList(of path: String) -> [UInt8]? { nil }
        static func accessList(of descriptor: CInt) -> [UInt8]? { nil }
        static func setAccessList(_ acl: [UInt8], of descriptor: CInt) -> CInt { 0 }
    #else
        private static let name = "system.posix_acl_access"
        /// The largest size of an extended attribute on Linux, in bytes.
        private static let largest = 65_536

        static func accessList(of path: String) -> [UInt8]? {
            var value = [UInt8](repeating: 0, count: largest)
            let count = unsafe getxattr(path, name, &value, largest)
            return count >= 0 ? Array(value.prefix(count)) : nil
        }

        static func accessList(of descriptor: CInt) -> [UInt8]? {
            var value = [UInt8](repeating: 0, count: largest)
            let count = unsafe fgetxattr(descriptor, name, &value, largest)
            return count >= 0 ? Array(value.prefix(count)) : nil
        }

        static func setAccessList(_ acl: [UInt8], of descriptor: CInt) -> CInt {
            unsafe fsetxattr(descriptor, name, acl, acl.count, 0)
        }
    #endif
}
