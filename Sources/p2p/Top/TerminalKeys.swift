internal import Dispatch
internal import SecureMesh

/// Reads the keys that the user types on the terminal at standard input.
enum TerminalKeys {
    /// Starts a thread that reads the keys, if standard input is a terminal.
    ///
    /// - Returns: The bytes of the keys. The sequence ends when the terminal is closed. If standard input is not a
    ///   terminal, the sequence yields nothing.
    static func stream() -> AsyncStream<UInt8> {
        let (keys, sink) = AsyncStream.makeStream(of: UInt8.self)
        guard FileSystem.isTerminal(FileSystem.standardInput) else { return keys }
        DispatchQueue(label: "keys").async {
            while true {
                FileSystem.waitUntilReadable(FileSystem.standardInput)
                guard let bytes = try? FileSystem.readSome(from: FileSystem.standardInput, atMost: 64),
                    !bytes.isEmpty
                else { break }
                for byte in bytes { sink.yield(byte) }
            }
            sink.finish()
        }
        return keys
    }
}
