/// Quotes words for a POSIX shell, in commands that users paste.
enum Shell {
    /// Returns `text` in a form that a shell reads as one word. Single quotes are added if a character may have a
    /// meaning for the shell.
    static func quoted(_ text: String) -> String {
        guard text.isEmpty || !text.utf8.allSatisfy(isPlain) else { return text }
        let parts = text.split(separator: "'", omittingEmptySubsequences: false)
        return "'\(parts.joined(separator: "'\\''"))'"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "%+,-./:=@_".utf8.contains(byte)
        }
    }
}
