internal import ArgumentParser
internal import MeshSimulator

/// Functions that parse the arguments of `p2p simulate`.
extension Parse {
    /// Parses a share such as `5%` or `0.5%`.
    ///
    /// - Returns: The share in millionths.
    static func share(_ text: String) throws -> Int {
        guard text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) else {
            throw ValidationError("a share is like 5% or 0.5%")
        }
        return Int((percent * 10_000).rounded())
    }

    /// Parses an interval or zero.
    static func time(_ text: String) throws -> Duration {
        ["0", "0ms", "0s", "0m", "0h"].contains(text) ? .zero : try interval(text)
    }

    /// Parses a time such as `60s`, or a span of time such as `60s..90s`.
    static func span(_ text: String) throws -> (from: Duration, to: Duration?) {
        let ends = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = ends.first else { throw ValidationError("a time is like 60s or 60s..90s") }
        let from = try time(String(first))
        guard ends.count == 2 else { return (from, nil) }
        let to = try time(String(ends[1]))
        guard to > from else { throw ValidationError("a span ends after it begins, as in 60s..90s") }
        return (from, to)
    }

    /// Parses a partition, `TIME..TIME:SHARE`, as in `60s..90s:40%`.
    static func partition(_ text: String) throws -> FaultOption {
        let (span, target) = try halves(text, like: "60s..90s:40%")
        guard let to = span.to else { throw ValidationError("a partition has an end: 60s..90s:40%") }
        return FaultOption(from: span.from, to: to, target: .share(try positiveShare(target)))
    }

    /// Parses a kill, `TIME:TARGET` or `TIME..TIME:TARGET`. The target is `server`, a count of peers or a share of the
    /// peers.
    static func kill(_ text: String) throws -> FaultOption {
        let (span, target) = try halves(text, like: "60s:10%, 60s..90s:3 or 60s..65s:server")
        if target == "server" { return FaultOption(from: span.from, to: span.to, target: .server) }
        if let count = Int(target), count > 0 {
            return FaultOption(from: span.from, to: span.to, target: .count(count))
        }
        guard target.hasSuffix("%") else {
            throw ValidationError("the target of a kill is server, a count like 3 or a share like 10%")
        }
        return FaultOption(from: span.from, to: span.to, target: .share(try positiveShare(target)))
    }

    private static func positiveShare(_ text: String) throws -> Int {
        let share = try share(text)
        guard share > 0 else { throw ValidationError("\(text) of the peers is less than one peer") }
        return share
    }

    /// Parses an attack, `NAME` or `NAME:TIME..TIME`.
    static func attack(_ text: String) throws -> AttackOption {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard let name = parts.first, let strategy = Strategy(rawValue: name) else {
            throw ValidationError("an attack is one of \(Strategy.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let span = parts.count == 2 ? try span(parts[1]) : (.zero, nil)
        return AttackOption(strategy: strategy, from: span.from, to: span.to)
    }

    /// Parses a range of seeds such as `1..300`. Both ends belong to the range.
    static func seeds(_ text: String) throws -> ClosedRange<UInt64> {
        let ends = text.split(separator: "..", maxSplits: 1).compactMap { UInt64($0) }
        guard ends.count == 2, ends[0] <= ends[1] else { throw ValidationError("seeds are like 1..300") }
        return ends[0]...ends[1]
    }

    /// Parses the sizes of meshes, such as `10,100,1000`.
    static func sizes(_ text: String) throws -> [Int] {
        let sizes = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard sizes.allSatisfy({ (2...10_000).contains($0) }) else {
            throw ValidationError("sizes are 2 to 10000, as in 10,100,1000")
        }
        return sizes
    }

    private static func halves(
        _ text: String, like example: String
    ) throws -> (span: (from: Duration, to: Duration?), target: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw ValidationError("it is written like \(example)") }
        return (try span(parts[0]), parts[1])
    }
}

/// A fault that affects the server or some peers. It lasts for a span of time, or it begins and does not end.
struct FaultOption {
    enum Target {
        case server
        case count(Int)
        /// A share of the peers, in millionths.
        case share(Int)

        /// Returns the number of peers that the fault affects if the mesh has `peers` peers. A share affects at least
        /// one peer.
        func count(of peers: Int) -> Int {
            switch self {
            case .server: 0
            case .count(let count): min(count, peers)
            case .share(let millionths): min(max(peers * millionths / 1_000_000, 1), peers)
            }
        }
    }

    let from: Duration
    /// The end of the span; nil if there is none.
    let to: Duration?
    let target: Target
}

/// An attack that lasts for a span of time or for the whole run.
struct AttackOption {
    let strategy: Strategy
    let from: Duration
    /// The end of the span; nil if the attack lasts until the end of the run.
    let to: Duration?
}

enum CryptoOption: String, ExpressibleByArgument, CaseIterable {
    case real
    case insecureTest = "insecure-test"
}
