internal import ArgumentParser
internal import MeshSimulator
internal import SecureMesh

/// From the words of `p2p simulate` to what may befall a mesh.
extension Parse {
    /// `5%` or `0.5%`, in millionths.
    static func share(_ text: String) throws -> Int {
        guard text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) else {
            throw ValidationError("a share is like 5% or 0.5%")
        }
        return Int((percent * 10_000).rounded())
    }

    /// As `interval`, or `0s`: zero is a time, though no interval.
    static func time(_ text: String) throws -> Duration {
        ["0", "0ms", "0s", "0m", "0h"].contains(text) ? .zero : try interval(text)
    }

    /// `60s` or `60s..90s`.
    static func span(_ text: String) throws -> (from: Duration, to: Duration?) {
        let ends = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = ends.first else { throw ValidationError("a time is like 60s or 60s..90s") }
        let from = try time(String(first))
        guard ends.count == 2 else { return (from, nil) }
        let to = try time(String(ends[1]))
        guard to > from else { throw ValidationError("a span ends after it begins, as in 60s..90s") }
        return (from, to)
    }

    /// `TIME..TIME:SHARE`, as in `60s..90s:40%`.
    static func partition(_ text: String) throws -> Trouble {
        let (span, whom) = try halves(text, like: "60s..90s:40%")
        guard let to = span.to else { throw ValidationError("a partition has an end: 60s..90s:40%") }
        return Trouble(from: span.from, to: to, whom: .share(try some(whom)))
    }

    /// `TIME:WHOM` or `TIME..TIME:WHOM`; WHOM is `server`, a count or a share.
    static func kill(_ text: String) throws -> Trouble {
        let (span, whom) = try halves(text, like: "60s:10%, 60s..90s:3 or 60s..65s:server")
        if whom == "server" { return Trouble(from: span.from, to: span.to, whom: .server) }
        if let count = Int(whom), count > 0 { return Trouble(from: span.from, to: span.to, whom: .count(count)) }
        guard whom.hasSuffix("%") else {
            throw ValidationError("who is killed is server, a count like 3 or a share like 10%")
        }
        return Trouble(from: span.from, to: span.to, whom: .share(try some(whom)))
    }

    private static func some(_ text: String) throws -> Int {
        let share = try share(text)
        guard share > 0 else { throw ValidationError("\(text) is nobody") }
        return share
    }

    /// `NAME` or `NAME:TIME..TIME`.
    static func attack(_ text: String) throws -> Attack {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard let name = parts.first, let strategy = Strategy(rawValue: name) else {
            throw ValidationError("an attack is one of \(Strategy.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let span = parts.count == 2 ? try span(parts[1]) : (.zero, nil)
        return Attack(strategy: strategy, from: span.from, to: span.to)
    }

    /// `1..300`: seeds, the last included.
    static func seeds(_ text: String) throws -> ClosedRange<UInt64> {
        let ends = text.split(separator: "..", maxSplits: 1).compactMap { UInt64($0) }
        guard ends.count == 2, ends[0] <= ends[1] else { throw ValidationError("seeds are like 1..300") }
        return ends[0]...ends[1]
    }

    /// `10,100,1000`.
    static func sizes(_ text: String) throws -> [Int] {
        let sizes = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard sizes.allSatisfy({ (2...10_000).contains($0) }) else {
            throw ValidationError("sizes are 2 to 10000, as in 10,100,1000")
        }
        return sizes
    }

    private static func halves(
        _ text: String, like example: String
    ) throws -> (span: (from: Duration, to: Duration?), whom: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw ValidationError("it is written like \(example)") }
        return (try span(parts[0]), parts[1])
    }
}

/// Something that befalls some of a mesh for a while, or for good.
struct Trouble {
    enum Whom {
        case server
        case count(Int)
        case share(Int)

        /// How many of `peers`: of a share at least one.
        func count(of peers: Int) -> Int {
            switch self {
            case .server: 0
            case .count(let count): min(count, peers)
            case .share(let millionths): min(max(peers * millionths / 1_000_000, 1), peers)
            }
        }
    }

    let from: Duration
    let to: Duration?
    let whom: Whom
}

struct Attack {
    let strategy: Strategy
    let from: Duration
    let to: Duration?
}

enum Cryptography: String, ExpressibleByArgument, CaseIterable {
    case real
    case standIn = "stand-in"
}
