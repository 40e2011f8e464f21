internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// `p2p ping`: measures the round-trip time from a running peer to another member.
struct PingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping",
        abstract: "Measure the signed round trip to another peer.",
        usage: "p2p ping <name> [<options>]",
        discussion: """
              p2p ping B
              p2p ping B --count 100 --interval 100ms

            The running peer sends a probe, which the other peer acknowledges. No program sees it. A probe that is \
            lost is sent again after 0.25 s. The exit code is 75 if no probe was answered.
            """)

    @Argument(help: "Name of the other peer.", transform: Parse.name)
    var name: PeerName

    @Option(help: ArgumentHelp("Number of probes.", valueName: "number"))
    var count = 4

    @Option(
        help: ArgumentHelp("Time between two probes.", valueName: "interval", default: usualInterval.argument),
        transform: Parse.interval)
    var interval = usualInterval

    @OptionGroup var delivery: DeliveryOptions

    @Flag(help: "Print one JSON object per answer.")
    var json = false

    @OptionGroup var controlOptions: ControlOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    private static let usualInterval = Duration.seconds(1)

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count is at least 1") }
    }

    func run() async throws {
        let client = try controlOptions.client(.peer)
        let request = PingRequest(to: name.description, timeoutMilliseconds: delivery.milliseconds)
        var answers: [Int64] = []
        for number in 1...count {
            do throws(ControlClient.Failure) {
                let answer = try await client.post(
                    "/v1/ping", request, as: PingReport.self, afterWait: delivery.timeout)
                answers.append(answer.value.roundTrip)
                if json {
                    Console.result(json: answer.bytes)
                } else {
                    let trip = StatusTable.milliseconds(answer.value.roundTrip)
                    Console.result("\(name) at \(Console.escaped(answer.value.address)): \(trip) ms")
                }
            } catch .refused(let reason) where reason.code == ControlError.Code.noAnswer.rawValue {
                Console.note("no answer from \(name) within \(delivery.timeout.argument)")
            } catch {
                throw Failure(error)
            }
            if number < count { try? await Task.sleep(for: interval) }
        }
        guard let least = answers.min(), let most = answers.max() else { throw Failure.Code.tryAgain.exitCode }
        guard count > 1, !json else { return }
        let figures = [least, answers.reduce(0, +) / Int64(answers.count), most].map(StatusTable.milliseconds)
        Console.result("\(answers.count) of \(count) answered, \(figures.joined(separator: "/")) ms (least/mean/most)")
    }
}
