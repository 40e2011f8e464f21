#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension SendRefusal {
    /// Classifies the system's error for an attempt to send.
    init(_ error: SystemError) {
        self =
            switch error.code {
            case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EAFNOSUPPORT, EADDRNOTAVAIL: .noRoute
            case EPERM, EACCES: .forbidden
            case EMSGSIZE: .tooLarge
            default: .other
            }
    }
}
