internal import NIOConcurrencyHelpers
internal import SelfTest
internal import Testing

@testable internal import SecureMesh

@Suite("The address of a server")
struct ServerAddressTests {
    @Test(
        "an address or a name is read and written back",
        arguments: [
            "127.0.0.1:3000", "[2001:db8::2]:3002", "localhost:3000", "mesh.example:1", "mesh.example.:1", "a_b-c:9",
            "xn--bcher-kva.example:3000", "3com.example:80",
        ])
    func roundTrip(text: String) {
        #expect((try? ServerAddress(text))?.description == text)
    }

    @Test(
        "a text that is neither an address nor a name is refused",
        arguments: [
            "", ":3000", "mesh.example", "mesh.example:", "mesh.example:65536", "::1:3000", "1.2.3:4", "256.0.0.1:3000",
            "a b:1", "a..b:1", ".:1", "bücher.example:1", "a/b:1", String(repeating: "a", count: 64) + ":1",
        ])
    func refused(text: String) {
        #expect(throws: SocketAddressError.self) { try ServerAddress(text) }
    }

    @Test(
        "an address with a zone is refused for that reason, wherever an address is read",
        arguments: ["[fe80::1%eth0]:3000", "fe80::1%eth0:3000", "[fe80::1%1]:0"])
    func zone(text: String) {
        #expect(throws: SocketAddressError.zone) { try ServerAddress(text) }
        #expect(throws: SocketAddressError.zone) { try SocketAddress(text) }
    }

    @Test("a hundred lookups of a name that hangs occupy one thread, and those of many names two")
    func hangingNames() async {
        let calls = NIOLockedValueBox<[String]>([])
        let gate = ConditionLock(value: 0)
        let resolver = SystemResolver { host in
            calls.withLockedValue { $0.append(host) }
            gate.lock(whenValue: 1)
            gate.unlock()
            return .failure(.unknownHost)
        }
        await withTaskGroup(of: Result<[SocketAddress.IP], HostLookupError>.self) { tasks in
            for _ in 0..<100 { tasks.addTask { await resolver.addresses(of: "same") } }
            for index in 0..<20 { tasks.addTask { await resolver.addresses(of: "other-\(index)") } }
            // A caller that is canceled does not wait for the name service.
            let impatient = Task { await resolver.addresses(of: "same") }
            impatient.cancel()
            #expect(await impatient.value == .failure(.unavailable(reason: "canceled")))
            #expect(calls.withLockedValue { $0.count } <= Limits.lookupThreads)
            gate.lock()
            gate.unlock(withValue: 1)
            for await answer in tasks { #expect(answer == .failure(.unknownHost)) }
        }
        #expect(calls.withLockedValue { $0.count { $0 == "same" } } <= 2)
    }

    @Test("the system finds this host by its name")
    func localhost() async throws {
        let found = try await SystemResolver.shared.addresses(of: "localhost").get()
        #expect(found.contains(.v4(0x7F00_0001)) || found.contains(.v6(0, 1)))
    }
}
