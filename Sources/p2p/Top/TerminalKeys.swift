internal import Dispatch
internal import SecureMesh

/// The keys that are typed on the terminal at standard input.
enum TerminalKeys {
    /// Returns the keys, which a thread of its own reads, until the terminal is gone.
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
