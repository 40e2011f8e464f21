internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The pages of this program's code that are in memory.
enum ResidentCode {
    /// Removes the pages of code from this process's resident memory. Does nothing if there is no /proc. If the process
    /// uses a page again, the system maps the page from the page cache.
    ///
    /// Half of these pages are of no use to a peer after its start. They hold code that runs only at the start, or code
    /// that lies near other used code: Linux maps 64 KiB around each page that is used.
    static func release() {
        #if os(Linux)
            guard let file = try? OpenFile("/proc/self/maps", O_RDONLY) else { return }
            var text: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while let count = try? file.readBytes(into: &buffer), count > 0, text.count < 1 << 20 {
                text += buffer[..<count]
            }
            // The first executable mapping is that of the program itself: 55d0a000-55d1b000 r-xp ….
            for line in text.split(separator: UInt8(ascii: "\n")) {
                let fields = String(decoding: line, as: UTF8.self).split(separator: " ")
                guard fields.count > 5, fields[1] == "r-xp" else { continue }
                let bounds = fields[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
                guard bounds.count == 2, bounds[0] < bounds[1] else { return }
                _ = unsafe madvise(
                    UnsafeMutableRawPointer(bitPattern: bounds[0]), Int(bounds[1] - bounds[0]), MADV_DONTNEED)
                return
            }
        #endif
    }
}
