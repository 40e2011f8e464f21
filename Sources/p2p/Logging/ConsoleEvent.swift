/// The event names of the lines on stderr that are not log lines of the library. docs/log.md lists them.
enum ConsoleEvent: String, CaseIterable {
    case note
    case warning
    case error
    case progress
    case linesLost = "lines-lost"
    case peerTurnedAway = "peer-turned-away"
    case membersSilent = "members-silent"
    case silenceEnded = "silence-ended"
    case eventsMissing = "events-missing"
    case listReloaded = "list-reloaded"
    case listKept = "list-kept"
    case connectionLost = "connection-lost"
    case connectionRecovered = "connection-recovered"
    case dismissed
    case joinRefused = "join-refused"
    case noAnswer = "no-answer"
    case slowRoundTrip = "slow-round-trip"
    case lookupFailed = "lookup-failed"
    case serverLocated = "server-located"
    case nameMoved = "name-moved"
    case unreachable
    case directoryStalled = "directory-stalled"
    case trustEnded = "trust-ended"
    case trustRestored = "trust-restored"
    case sessionEnded = "session-ended"
    case left
    case controlSocketRestored = "control-socket-restored"
    case controlSocketLost = "control-socket-lost"
}
