/// An attacker that sends the server more datagrams than the server can handle.
protocol FloodingAdversary: Adversary {}

extension FloodingAdversary {
    /// Returns an empty record with the two goals of a flood.
    static func floodRecord(of strategy: Strategy) -> Recording.Attack {
        Recording.Attack(strategy, goals: "a live member is removed", "the server sends more than it receives")
    }

    /// Records that the attacker sends one datagram, which counts as an attempt at both goals.
    func noteAttempt() {
        record.tried(0)
        record.tried(1)
    }

    func witness(_ fact: Fact) {
        switch fact {
        case .handled(let handling): record.got(1, if: handling.answered > handling.flight.bytes.count)
        case .left(let parting): record.got(0, if: parting.isWrong)
        case .joined, .trustsTooLong: break
        }
    }
}
