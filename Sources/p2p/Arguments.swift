internal import ArgumentParser
internal import SecureMesh

/// Parses command-line arguments. If an argument is malformed, throws a `ValidationError` that describes the valid
/// form.
enum Parse {
    static func name(_ text: String) throws -> PeerName {
        guard let name = try? PeerName(text) else {
            throw ValidationError("a name is 1 to 32 characters of A-Z a-z 0-9 . _ -")
        }
        return name
    }

    /// Parses a numeric address with a port.
    static func socketAddress(_ text: String) throws -> SocketAddress {
        do throws(SocketAddressError) {
            return try withoutLinkLocal(SocketAddress(text))
        } catch {
            throw ValidationError(error == .zone ? zone : "an address is like 127.0.0.1:3000 or [::1]:3000")
        }
    }

    /// Parses `HOST:PORT`, the address of a server. The host is a numeric address or a host name.
    static func server(_ text: String) throws -> ServerAddress {
        do throws(SocketAddressError) {
            let server = try ServerAddress(text)
            _ = try (try? SocketAddress(text)).map(withoutLinkLocal)
            return server
        } catch {
            throw ValidationError(
                error == .zone
                    ? zone : "a server is HOST:PORT, like 192.0.2.1:3000, [2001:db8::1]:3000 or localhost:3000")
        }
    }

    private static func withoutLinkLocal(_ address: SocketAddress) throws(SocketAddressError) -> SocketAddress {
        guard !(address.isIPv6 && address.isLinkLocal) else { throw .zone }
        return address
    }

    private static let zone =
        "IPv6 link-local addresses (fe80::1, fe80::1%eth0) are not supported: other members could not use them"

    /// Parses an IP address without a port.
    ///
    /// - Returns: The address with port 0.
    static func host(_ text: String) throws -> SocketAddress {
        do throws(SocketAddressError) {
            return try withoutLinkLocal(SocketAddress(text.contains(":") ? "[\(text)]:0" : "\(text):0"))
        } catch {
            throw ValidationError(error == .zone ? zone : "an address to bind is like 127.0.0.1 or ::1")
        }
    }

    static let defaultServer = ServerAddress(SocketAddress(ip: .v4(0x7F00_0001), port: 3_000))

    static func port(_ text: String) throws -> UInt16 {
        guard text.utf8.allSatisfy(isDigit), let port = UInt16(text), port > 0 else {
            throw ValidationError("a port is 1 to 65535")
        }
        return port
    }

    /// Parses a duration from 1 ms to a year.
    static func interval(_ text: String) throws -> Duration {
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.suffix) }),
            case let digits = text.utf8.dropLast(suffix.utf8.count), digits.allSatisfy(isDigit),
            digits.contains(where: { $0 != UInt8(ascii: "0") })
        else { throw ValidationError("an interval is like 500ms, 4s or 2m") }
        guard let count = Int(text.dropLast(suffix.count)), Double(count) <= longestInterval / unit else {
            throw ValidationError("an interval is at most a year, 8760h")
        }
        return unit * count
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Parses the name of a key whose files are NAME.key and NAME.pub.
    static func fileName(_ text: String) throws -> PeerName {
        let name = try name(text)
        guard !text.hasPrefix("."), !text.hasPrefix("-") else {
            throw ValidationError(
                "a name that begins with . or - would make files that are hidden or look like options")
        }
        guard !text.hasSuffix(".key"), !text.hasSuffix(".pub") else {
            throw ValidationError("give the name alone, \(text.dropLast(4)); the files are NAME.key and NAME.pub")
        }
        return name
    }

    /// Parses a date or a time by RFC 3339.
    static func moment(_ text: String) throws -> UnixTime {
        guard let time = UnixTime(text) else {
            throw ValidationError("a time is like 2026-12-31 or 2026-12-31T18:00:00Z")
        }
        return time
    }

    /// Throws a `ValidationError` if the path is empty. An empty path usually comes from a script's variable that is
    /// not set, as in `"$UNSET"`.
    static func checkPath(_ path: String?, _ option: String) throws {
        guard path != "" else { throw ValidationError("the path after \(option) is empty") }
    }

    static func optionalInterval(_ text: String) throws -> OptionalInterval {
        text == "off" ? .off : .every(try interval(text))
    }

    /// The seed of a run if `--seed` is not given.
    static let randomSeed = UInt64.random(in: 0...UInt64(UInt32.max))

    private static let units: [(suffix: String, unit: Duration)] = [
        ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3_600)),
    ]

    /// The longest interval that a user may give: a year. Even the sum of several such intervals in nanoseconds is far
    /// below 2^63.
    private static let longestInterval = Duration.seconds(8_760 * 3_600)
}

enum OptionalInterval {
    case every(Duration)
    case off
}

extension ArgumentHelp {
    /// Makes the help text of an option whose default the parser cannot print. The text ends with the default, in the
    /// form in which the parser prints defaults.
    init(_ abstract: String, valueName: String, default valueDefault: String) {
        self.init("\(abstract) (default: \(valueDefault))", valueName: valueName)
    }
}

/// The options of every command that reads or writes keys.
struct KeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Folder of keys.", valueName: "folder", default: "$P2P_KEYS, or else ./keys"),
        completion: .directory)
    var keys: String?

    // With an empty path, keys would be in the root folder.
    func validate() throws { try Parse.checkPath(keys, "--keys") }

    var store: KeyStore { KeyStore(folder: keys) }
}

/// The options of every command that edits a list of peers.
struct ListOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "File with the keys that may join.", valueName: "file", default: "authorized_peers in the folder of keys"))
    var authorizedPeers: String?

    @OptionGroup var keyOptions: KeyOptions

    func validate() throws { try Parse.checkPath(authorizedPeers, "--authorized-peers") }

    var path: String { authorizedPeers ?? keyOptions.store.rosterPath }
}
