internal import MeshControl
internal import Metrics

extension PrometheusRegistry {
    /// Sets the metrics about the process itself: its CPU time, memory, start time and version.
    func setProcessFigures() {
        set("process_cpu_seconds_total", .counter, FileSystem.processorTime / .seconds(1))
        set("process_start_time_seconds", .gauge, Double(Program.identity.startedAt.milliseconds) / 1_000)
        if let memory = FileSystem.residentMemory { set("process_resident_memory_bytes", .gauge, Double(memory)) }
        set("p2p_build_info", .gauge, 1, [("version", Program.version)])
    }
}
