internal import ArgumentParser

/// What a person is told when a command cannot go on: an error, a hint, and the exit code (sysexits.h).
struct Failure: Error {
    enum Code: Int32 {
        case usage = 64
        case data = 65
        case noInput = 66
        case unavailable = 69
        case system = 71
        case cannotCreate = 73
        case inputOutput = 74
        case noPermission = 77

        var exitCode: ExitCode { ExitCode(rawValue) }
    }

    let kind: Code
    let message: String
    let hint: String?

    init(_ kind: Code, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
    }

    var code: ExitCode { kind.exitCode }
}
