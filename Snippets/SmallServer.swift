// A server that prints who joins and leaves, and reads its roster again every minute.
// snippet.show
import SecureMesh

let server = try MeshServer(
    key: SigningKey(contentsOfFile: "keys/server.key"),
    roster: Roster(contentsOfFile: "keys/authorized_peers"),
    listen: SocketAddress("0.0.0.0:3000"), SocketAddress("[::]:3000"))

await withThrowingTaskGroup { tasks in
    tasks.addTask { try await server.run() }
    tasks.addTask {
        for await event in server.events {
            switch event {
            case .joined(let member): print("+ \(member.name) \(member.address)")
            case .left(let member, let departure): print("- \(member.name) (\(departure))")
            case .turnedAway(let name, let key, let refusal): print("refused \(name) \(key): \(refusal)")
            case .suspected(let count): print("\(count) members went silent at once")
            case .suspicionEnded(let returned, let ended): print("\(returned) came back, \(ended) did not")
            case .directoryStalled(let member, _): print("\(member.name) does not receive large datagrams")
            case .unreachable(let member, let refusal): print("cannot send to \(member.address): \(refusal)")
            case .missed(let count): print("\(count) events are missing here")
            @unknown default: break
            }
        }
    }
    tasks.addTask {
        while true {
            try await Task.sleep(for: .seconds(60))
            do {
                try await server.setRoster(Roster(contentsOfFile: "keys/authorized_peers"))
            } catch let error as KeyFileError {
                // Until somebody mends the file, newly revoked keys can still join.
                print("the old roster stays in force: \(error)")
            }
        }
    }
    // The first task that ends, which is usually the server, ends the others.
    do { try await tasks.next() } catch { print("the server has ended: \(error)") }
    tasks.cancelAll()
}
