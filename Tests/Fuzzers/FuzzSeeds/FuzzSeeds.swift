import Foundation
import FuzzKit

/// Writes the seeds of every target into FOLDER/<target>/, one file per seed. Usage: `FuzzSeeds FOLDER`.
@main
enum FuzzSeeds {
    static func main() throws {
        guard let folder = CommandLine.arguments.dropFirst().first else {
            print("usage: FuzzSeeds FOLDER")
            exit(64)
        }
        for target in FuzzTarget.allCases {
            let home = URL(fileURLWithPath: folder).appendingPathComponent(target.rawValue)
            try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
            for seed in target.seeds {
                try Data(seed.input).write(to: home.appendingPathComponent("seed-\(seed.name)"))
            }
            print("\(target): \(target.seeds.count) seeds")
        }
    }
}
