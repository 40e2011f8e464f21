package import SecureMeshCore
import Synchronization

/// Forwards and counts all calls of primitives, and checks that no two plaintexts are sealed with the same key and
/// counter (PROTOCOL.md, sections 4.4 and 5.1).
///
/// An instance keeps 56 bytes per key as long as it exists, because no key may ever seal with the same counter again.
package final class WatchedPrimitives: ForwardingPrimitives {
    /// A forbidden call of `seal`: the key must not be used with this counter any more.
    package struct Violation: Hashable, Sendable {
        package enum Fault: Hashable, Sendable {
            /// One key and counter sealed two different plaintexts, or one plaintext under two different headers.
            case counterReused
            case counterWentBack
            /// The key of a HELLO, WELCOME or REJECT sealed a second datagram.
            case handshakeKeyUsedAgain
        }

        package let fault: Fault
        /// The bytes of the datagram before the ciphertext. They begin with the header.
        package let head: [UInt8]
        package let counter: UInt64
        /// The highest counter of an earlier datagram that was sealed with the same key.
        package let highest: UInt64
    }

    /// The counter of a seal, and the digest of the datagram.
    private typealias Seal = (counter: UInt64, content: (UInt64, UInt64))

    private struct State {
        var calls = [Int](repeating: 0, count: PrimitiveCall.allCases.count)
        var newest: [Bytes32: Seal] = [:]
        var violations: [Violation] = []
    }

    package let base: any Primitives
    /// The state, in a lock because `Primitives` must be `Sendable`. A world has one thread, so no call ever waits for
    /// the lock.
    private let state = Mutex(State())

    package init(_ base: any Primitives) {
        self.base = base
    }

    /// The first 100 violations.
    package var violations: [Violation] { state.withLock { $0.violations } }
    /// The number of different keys with which datagrams were sealed.
    package var keyCount: Int { state.withLock { $0.newest.count } }

    package func count(of call: PrimitiveCall) -> Int {
        state.withLock { $0.calls[call.rawValue] }
    }

    // MARK: Primitives

    package func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        let head = datagram
        let key32 = key.exposed
        var digest = Digest(.watch, .zero)
        digest.add(head.span, upTo: head.count)
        digest.add(plaintext.span, upTo: plaintext.count)
        let content = digest.value
        state.withLock { state in
            state.calls[PrimitiveCall.seal.rawValue] += 1
            guard let newest = state.newest[key32] else {
                state.newest[key32] = (counter, content)
                return
            }
            if let fault = Self.fault(newest, counter, content), state.violations.count < Self.mostViolations {
                state.violations.append(
                    Violation(fault: fault, head: head, counter: counter, highest: newest.counter))
            }
            if counter > newest.counter { state.newest[key32] = (counter, content) }
        }
        base.seal(plaintext, onto: &datagram, counter: counter, key: key)
    }

    package func note(_ call: PrimitiveCall, bytes: Int) {
        state.withLock { $0.calls[call.rawValue] += 1 }
    }

    /// Returns the fault in sealing `content` with `counter` after the seal `newest`; nil if there is no fault. Sealing
    /// the same datagram again is not a fault, because it reveals nothing.
    private static func fault(_ newest: Seal, _ counter: UInt64, _ content: (UInt64, UInt64)) -> Violation.Fault? {
        if counter < newest.counter { return .counterWentBack }
        if counter == newest.counter {
            if content == newest.content { return nil }
            return counter == 0 ? .handshakeKeyUsedAgain : .counterReused
        }
        return newest.counter == 0 ? .handshakeKeyUsedAgain : nil
    }

    private static let mostViolations = 100
}
