internal import HeapModule
package import SecureMeshCore

/// A host whose cores all processes of a mesh share.
///
/// A core runs the process that has used the least CPU time, until the process sleeps or has used `slice` nanoseconds
/// more than a waiting process. When a process wakes up, its CPU time is raised to the level of the other processes, so
/// that a process cannot save up CPU time by sleeping. An urgent process gets a core as soon as another process has
/// ended a piece of work.
package final class Host {
    private struct Waiting: Comparable {
        let process: any HostedProcess
        let isUrgent: Bool
        let fairTime: Int64
        let sequence: UInt64

        static func == (left: Waiting, right: Waiting) -> Bool { left.sequence == right.sequence }

        static func < (left: Waiting, right: Waiting) -> Bool {
            guard left.isUrgent == right.isUrgent else { return left.isUrgent }
            return left.fairTime == right.fairTime ? left.sequence < right.sequence : left.fairTime < right.fairTime
        }
    }

    let costs: Costs
    let meter: MeteredPrimitives
    private var running: [(any HostedProcess)?]
    private var isIdle: [Bool]
    private var waiting = Heap<Waiting>()
    private var sequence: UInt64 = 0
    /// The greatest `Workload.fairTime` with which a process has begun to run. Urgent processes do not count.
    private var floor: Int64 = 0
    /// True while a process does a piece of work. The cost of a call is then part of that work.
    var isInWork = false
    private(set) var usage: Recording.ProcessorUsage

    /// - Parameter primitives: The primitives of all machines, whose calls are metered.
    package init(_ processors: Processors, primitives: any Primitives) {
        costs = processors.costs
        meter = MeteredPrimitives(primitives, costs: processors.costs)
        usage = Recording.ProcessorUsage(cores: processors.cores)
        running = Array(repeating: nil, count: processors.cores)
        isIdle = Array(repeating: true, count: processors.cores)
    }

    /// Queues a process that has something to do. Returns an idle core, on which the caller must then call `compute`;
    /// nil if no core is idle.
    func wake(_ process: any HostedProcess) -> Int? {
        process.workload?.status = .queued
        process.workload?.debt += costs.wakeUp
        process.workload?.fairTime = max(process.workload?.fairTime ?? 0, floor)
        enqueue(process)
        guard let core = isIdle.firstIndex(of: true) else { return nil }
        isIdle[core] = false
        return core
    }

    /// Returns the process that a core runs next; nil if no process has anything to do, so that the core is idle.
    func next(on core: Int) -> (any HostedProcess)? {
        if let current = running[core] {
            guard let first = waiting.min, let workload = current.workload, !workload.isUrgent,
                first.isUrgent || workload.fairTime > first.fairTime + Self.slice
            else { return current }
            current.workload?.status = .queued
            enqueue(current)
        }
        guard let next = waiting.popMin()?.process else {
            running[core] = nil
            isIdle[core] = true
            return nil
        }
        if next.workload?.isUrgent == false { floor = max(floor, next.workload?.fairTime ?? 0) }
        next.workload?.status = .running
        running[core] = next
        return next
    }

    /// Takes the process that runs on a core off the core, because the process sleeps.
    func sleep(on core: Int) {
        running[core]?.workload?.status = .asleep
        running[core] = nil
    }

    /// Notes the CPU time that a process uses, in nanoseconds.
    func charge(_ cost: Int64, to process: any HostedProcess) {
        process.workload?.fairTime += cost - (process.workload?.elsewhere ?? 0)
        process.workload?.elsewhere = 0
        usage.all += .nanoseconds(cost)
        if process.workload?.owner == .server { usage.server += .nanoseconds(cost) }
    }

    private func enqueue(_ process: any HostedProcess) {
        sequence += 1
        waiting.insert(
            Waiting(
                process: process, isUrgent: process.workload?.isUrgent ?? false,
                fairTime: process.workload?.fairTime ?? 0, sequence: sequence))
    }

    private static let slice: Int64 = 3_000_000
}

/// The processors of a host that all processes of a mesh share.
package struct Processors: Hashable, Sendable {
    package var cores: Int
    package var costs = Costs.measured

    package init(cores: Int) {
        self.cores = cores
    }
}
