// A handler of messages, and a test of it that needs no network.
// snippet.show
import SecureMesh

/// Counts the words that each member has sent. The counter needs only events, and no peer.
struct WordCount {
    private(set) var words: [PublicKey: Int] = [:]

    mutating func handle(_ event: PeerEvent) {
        switch event {
        case .message(let message):
            words[message.sender.publicKey, default: 0] += message.text?.split(separator: " ").count ?? 0
        case .memberLeft(let member, _):
            words[member.publicKey] = nil
        default:
            break
        }
    }
}

/// Tests the handler with events that the test makes. A program calls `handle` in `for await event in peer.events`.
func testWordCount() throws {
    let alice = Member(
        name: try PeerName("alice"), publicKey: SigningKey().publicKey,
        address: try SocketAddress("192.0.2.7:3001"))
    var count = WordCount()
    count.handle(.memberJoined(alice))
    count.handle(
        .message(ReceivedMessage(sender: alice, number: 1, isBroadcast: true, body: Array("two words".utf8))))
    precondition(count.words == [alice.publicKey: 2])
    count.handle(.memberLeft(alice, reason: nil))
    precondition(count.words.isEmpty)
}
// snippet.hide

try testWordCount()
