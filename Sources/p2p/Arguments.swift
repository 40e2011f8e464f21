internal import ArgumentParser
internal import SecureMesh

/// From words to values. What does not fit is refused with what would have.
enum Parse {
    static func name(_ text: String) throws -> PeerName {
        guard let name = PeerName(text) else {
            throw ValidationError("a name is 1 to 32 characters of A-Z a-z 0-9 . _ -")
        }
        return name
    }

    /// A numeric address with a port.
    static func socketAddress(_ text: String) throws -> SocketAddress {
        guard let address = SocketAddress(text) else {
            throw ValidationError("an address is like 127.0.0.1:3000 or [::1]:3000")
        }
        return address
    }

    /// An IP address without a port; the port of what it gives is 0.
    static func host(_ text: String) throws -> SocketAddress {
        guard let address = SocketAddress("\(text):0") ?? SocketAddress("[\(text)]:0") else {
            throw ValidationError("an address to bind is like 127.0.0.1 or ::1")
        }
        return address
    }

    static func port(_ text: String) throws -> UInt16 {
        guard let port = UInt16(text), port > 0 else { throw ValidationError("a port is 1 to 65535") }
        return port
    }

    static func interval(_ text: String) throws -> Duration {
        let units: [(suffix: String, unit: Duration)] = [
            ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3_600)),
        ]
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.suffix) }),
            let count = Int32(text.dropLast(suffix.count)), count > 0
        else { throw ValidationError("an interval is like 500ms, 4s or 2m") }
        let interval = unit * Int(count)
        guard interval <= longest else { throw ValidationError("an interval is at most a year, 8760h") }
        return interval
    }

    /// The seed of a run that is given none.
    static let drawnSeed = UInt64.random(in: 0...UInt64(UInt32.max))

    /// Sums of some, in nanoseconds, stay far from the end of 64 bits.
    private static let longest = Duration.seconds(8_760 * 3_600)

    static func optionalInterval(_ text: String) throws -> OptionalInterval {
        text == "off" ? .off : .every(try interval(text))
    }
}

enum OptionalInterval {
    case every(Duration)
    case off
}

/// What every command that reads keys takes.
struct KeyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder of keys. Default: $P2P_KEYS, or else ./keys.", valueName: "folder"))
    var keys: String?

    var store: KeyStore { KeyStore(folder: keys) }
}
