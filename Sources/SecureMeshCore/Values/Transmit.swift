/// Bytes to send, and the socket and address to send them to.
package struct Transmit: Hashable, Sendable {
    package let path: Path
    package let bytes: [UInt8]

    package init(path: Path, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}
