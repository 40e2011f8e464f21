/// The reason why a request was refused.
///
/// A command whose request is refused exits with `exitCode`, one of the codes of sysexits.h.
package struct ControlError: Error, Hashable, Sendable {
    package enum Code: String, Codable, CaseIterable, Sendable {
        /// The request is not valid HTTP or JSON, or a value in it is out of range.
        case badRequest
        case notFound
        case methodNotAllowed
        case tooLarge
        /// This kind of process does not support the request: a server sends no messages, and a peer has no list of
        /// authorized peers.
        case wrongRole
        /// The peer is not a member, or may not send messages at the moment.
        case notJoined
        /// No member has the name that the request gives, or the member's binding is invalid.
        case unknownMember
        /// The message is larger than the largest message that this peer sends.
        case messageTooLarge
        /// Too many messages wait to be sent.
        case busy
        case noAnswer
        /// The list of authorized peers cannot be used. The previous list stays in force.
        case listRefused
        /// The process is ending.
        case notRunning
    }

    package let code: Code
    package let message: String
    package let hint: String?
    package let exitCode: Int32

    package init(_ code: Code, _ message: String, hint: String? = nil, exitCode: Int32? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.exitCode = exitCode ?? code.exitCode
    }
}

extension ControlError.Code {
    /// The status of the HTTP answer with this error.
    package var status: Int {
        switch self {
        case .badRequest: 400
        case .notFound, .unknownMember: 404
        case .methodNotAllowed: 405
        case .tooLarge, .messageTooLarge: 413
        case .wrongRole: 409
        case .listRefused: 422
        case .notJoined, .busy, .notRunning: 503
        case .noAnswer: 504
        }
    }

    /// The exit code, from sysexits.h, of a command whose request is refused with this error.
    package var exitCode: Int32 {
        switch self {
        case .badRequest, .notFound, .methodNotAllowed, .wrongRole: 64
        case .tooLarge, .messageTooLarge, .listRefused: 65
        case .unknownMember, .notRunning: 69
        case .notJoined, .busy, .noAnswer: 75
        }
    }
}

/// The body of an answer that refuses a request.
package struct ErrorReport: Codable, Sendable {
    package struct Reason: Codable, Sendable {
        package var code: String
        package var message: String
        @OrNull package var hint: String?
        package var exitCode: Int32
    }

    package var schema = ControlLimits.schema
    package var error: Reason

    package init(_ error: ControlError) {
        self.error = Reason(
            code: error.code.rawValue, message: error.message, hint: error.hint, exitCode: error.exitCode)
    }
}
