#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension UnixTime {
    /// The time by the clock of this host.
    public static var now: UnixTime { UnixTime(seconds: Int64(time(nil))) }
}
