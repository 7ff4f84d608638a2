internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Cluster files, simulated hosts, and the commands that `espalier launch` builds from them.
enum Clusters {
    /// A host with two hyperthreads per core, as the kernel describes it in files under a directory.
    ///
    /// Processor `p` and processor `p + domains * cores` are one core. `files` replace or extend the others.
    static func host(
        in directory: FilePath,
        domains: Int = 2,
        cores: Int = 4,
        allowed: String = "0-15",
        files: [String: String] = [:]
    ) throws -> String {
        let count = domains * cores
        var texts = [
            "proc/self/status": "Name:\tespalier\nCpus_allowed_list:\t\(allowed)\n",
            "sys/devices/system/node/online": "0-\(domains - 1)\n",
        ]
        for domain in 0..<domains {
            let (first, last) = (domain * cores, (domain + 1) * cores - 1)
            let list = "\(first)-\(last),\(first + count)-\(last + count)\n"
            texts["sys/devices/system/node/node\(domain)/cpulist"] = list
        }
        for processor in 0..<2 * count {
            let core = processor % count
            let list = "\(core),\(core + count)\n"
            texts["sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"] = list
        }
        let root = directory.appending("host-\(UUID().uuidString)")
        for (name, text) in texts.merging(files, uniquingKeysWith: { $1 }) {
            let path = root.appending(name)
            try path.removingLastComponent().makeDirectory()
            try text.write(toFile: path.string, atomically: false, encoding: .utf8)
        }
        return root.string
    }

    /// Runs `espalier launch` as on `host`.
    static func launch(
        _ cluster: FilePath,
        on host: String,
        _ words: [String] = ["--dry-run", "--", "doctor"],
        variables: [String: String] = [:]
    ) throws -> Outcome {
        let options = ["launch", "--cluster", cluster.string, "--system-root", host]
        return try Launch.run("espalier", options + words, solo: true, variables: variables)
    }

    /// The command on one line, without root's option and without the directory of `espalier`.
    static func command(
        _ cluster: FilePath,
        on host: String,
        variables: [String: String] = [:]
    ) throws -> String {
        let outcome = try launch(cluster, on: host, variables: variables)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.output.replacingOccurrences(of: "\\\n", with: "").split { $0 == " " || $0 == "\n" }
            .filter { $0 != "--allow-run-as-root" }
            .map { $0.hasSuffix("/espalier") ? "espalier" : String($0) }
            .joined(separator: " ")
    }

    /// Writes a text file.
    static func file(_ text: String, in directory: FilePath, name: String = "cluster.yaml") throws -> FilePath {
        let path = directory.appending(name)
        try text.write(toFile: path.string, atomically: true, encoding: .utf8)
        return path
    }
}
