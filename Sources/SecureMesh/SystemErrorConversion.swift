internal import NIOCore

extension SystemError {
    /// Makes the error of the system call that failed, if `error` is an `IOError` of SwiftNIO or a `SystemError`.
    /// Returns nil for all other errors.
    package init?(_ error: any Error) {
        switch error {
        case let error as SystemError: self = error
        case let error as IOError: self.init(error.errnoCode)
        default: return nil
        }
    }
}
