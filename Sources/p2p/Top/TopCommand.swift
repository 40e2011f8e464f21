internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// `p2p top`: shows the members of a mesh in a table that is kept up to date.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Show the members in a live table.",
        usage: "p2p top [<options>]",
        discussion: """
              p2p top
              p2p top --control /run/p2p/server-3000.sock

            Asks a running server or peer every second. The key q quits. If the server or peer ends, the table stays, \
            and the command tries again. Where TERM is dumb it prints the table every 2 seconds, and in a pipe once.
            """)

    @Flag(help: "Print one JSON object per second.")
    var json = false

    @OptionGroup var controlOptions: ControlOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    private enum Event: Sendable {
        case status(MeshStatus)
        case failure(Failure)
        case key(UInt8)
        case signal(Signal)
        case tick
    }

    func run() async throws {
        let client = try controlOptions.client()
        if json { return try await printObjects(client) }
        guard FileSystem.isTerminal(FileSystem.standardOutput) else {
            var table = TopTable()
            table.update(try await StatusCommand.ask(client).value)
            for line in table.lines { Console.result(line) }
            return Console.note("in a pipe, 'p2p status --watch' shows the members again and again")
        }
        guard !Terminal.isDumb else { return await printRepeatedly(client) }
        Console.startQueue()
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        let signals = try SignalTrap.trap(endsWithTerminal: true)
        let tasks = [
            Task { for await signal in signals.stops { sink.yield(.signal(signal)) } },
            Task { for await key in TerminalKeys.stream() { sink.yield(.key(key)) } },
            Task { await Self.repeatedly(every: Self.tick) { sink.yield(.tick) } },
            Task {
                await Self.repeatedly(every: .seconds(1)) {
                    do {
                        sink.yield(.status(try await StatusCommand.ask(client).value))
                    } catch let failure as Failure {
                        sink.yield(.failure(failure))
                    } catch {}
                }
            },
        ]
        let mode = TerminalMode.readKeys(from: FileSystem.standardInput)
        Console.frame(Self.begin)
        defer {
            for task in tasks { task.cancel() }
            Console.frame(Self.end, isOptional: false)
            mode?.restore()
        }
        try await show(events)
    }

    private func show(_ events: AsyncStream<Event>) async throws {
        var table = TopTable()
        var shown: Terminal.Size?
        for await event in events {
            let size = Terminal.size(of: FileSystem.standardOutput) ?? Terminal.Size(columns: 80, rows: 24)
            switch event {
            case .status(let status): table.update(status)
            case .failure(let failure): table.update(failure)
            case .key(UInt8(ascii: "q")), .key(UInt8(ascii: "Q")): return
            case .key: continue
            case .signal(let signal): throw ExitCode(signal.exitCode)
            case .tick: guard size != shown else { continue }
            }
            shown = size
            let lines = table.lines(in: size)
            Console.frame("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[K\u{1B}[J")
        }
    }

    private func printRepeatedly(_ client: ControlClient) async {
        var table = TopTable()
        await Self.repeatedly(every: .seconds(2)) {
            do {
                table.update(try await StatusCommand.ask(client).value)
            } catch let failure as Failure {
                table.update(failure)
            } catch {}
            for line in table.lines + [""] { Console.result(line) }
        }
    }

    private func printObjects(_ client: ControlClient) async throws {
        repeat {
            Console.result(json: try await StatusCommand.ask(client).bytes)
            guard !Console.isReaderGone else { return }
        } while (try? await Task.sleep(for: .seconds(1))) != nil
    }

    private static func repeatedly(every pause: Duration, _ body: () async -> Void) async {
        repeat { await body() } while (try? await Task.sleep(for: pause)) != nil
    }

    /// The escape sequence that switches to the terminal's alternate screen and hides the cursor.
    private static let begin = "\u{1B}[?1049h\u{1B}[?25l"
    private static let end = "\u{1B}[?25h\u{1B}[?1049l"
    /// The time between two checks of the window's size.
    private static let tick = Duration.milliseconds(200)
}
