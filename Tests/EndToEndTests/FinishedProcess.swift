internal import Testing

/// The exit status and the output of a process that has ended.
struct FinishedProcess {
    let status: Int32
    let output: [String]
    let errors: [String]

    var text: String { (output + errors).joined(separator: "\n") }

    /// Expects that the process failed and printed the reason, and that the output has no secret and no control
    /// character.
    ///
    /// - Parameters:
    ///   - status: The exit status.
    ///   - message: A part of the line `p2p: error: …`.
    ///   - hint: A part of the first line `p2p: hint: …`.
    func expectFailure(
        _ status: Int32, _ message: String? = nil, hint: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(self.status == status, "\(text)", sourceLocation: sourceLocation)
        let error = errors.first { $0.hasPrefix("p2p: error: ") }
        #expect(error != nil, "\(text)", sourceLocation: sourceLocation)
        if let message { #expect(error?.contains(message) == true, "\(text)", sourceLocation: sourceLocation) }
        if let hint {
            let line = errors.first { $0.hasPrefix("p2p: hint: ") }
            #expect(line?.contains(hint) == true, "\(text)", sourceLocation: sourceLocation)
        }
        #expect(!text.contains(/P2PSECRET1_[A-Za-z0-9_-]/), "a secret in the output", sourceLocation: sourceLocation)
        #expect(!text.contains("\u{1B}"), "a control character in the output", sourceLocation: sourceLocation)
    }
}
