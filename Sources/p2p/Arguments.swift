public import ArgumentParser
public import SecureMesh

extension PeerName: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }
}

extension SocketAddress: ExpressibleByArgument {
    /// A numeric address with a port.
    public init?(argument: String) {
        self.init(argument)
    }
}

/// `500ms`, `4s`, `2m`.
struct Interval: ExpressibleByArgument {
    let duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    init?(argument: String) {
        let units: [(suffix: String, unit: Duration)] = [
            ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3_600)),
        ]
        guard let (suffix, unit) = units.first(where: { argument.hasSuffix($0.suffix) }),
            let count = Int32(argument.dropLast(suffix.count)), count > 0
        else { return nil }
        duration = unit * Int(count)
    }
}

/// An interval, or `off`.
enum OptionalInterval: ExpressibleByArgument {
    case every(Duration)
    case off

    init?(argument: String) {
        if argument == "off" {
            self = .off
        } else if let interval = Interval(argument: argument) {
            self = .every(interval.duration)
        } else {
            return nil
        }
    }
}

/// A port of one's own: 1 to 65535.
struct Port: ExpressibleByArgument {
    let number: UInt16

    init?(argument: String) {
        guard let number = UInt16(argument), number > 0 else { return nil }
        self.number = number
    }
}

/// An IP address without a port.
struct HostAddress: ExpressibleByArgument {
    private let ip: SocketAddress.IP

    init?(argument: String) {
        guard let address = SocketAddress("\(argument):0") ?? SocketAddress("[\(argument)]:0") else { return nil }
        ip = address.ip
    }

    func address(port: Port) -> SocketAddress {
        SocketAddress(ip: ip, port: port.number)
    }
}

/// What every command that reads keys takes.
struct KeyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder of keys. Default: $P2P_KEYS, or else ./keys.", valueName: "folder"))
    var keys: String?

    var store: KeyStore { KeyStore(folder: keys) }
}
