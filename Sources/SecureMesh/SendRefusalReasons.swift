#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension SendRefusal {
    /// Translates the system's error of an attempt to send.
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
