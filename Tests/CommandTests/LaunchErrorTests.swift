internal import Collectives
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What `espalier launch` refuses, and its messages.
@Suite(.serialized, .enabled(if: MPILibrary.built == .openMPI, "built with MPICH, see HydraLaunchTests"))
struct LaunchErrorTests {
    @Test(
        "an invalid key or value ends in one line that names it",
        arguments: [
            ("rank: 2", "line 1: unknown key rank; did you mean ranks?"),
            ("launcher: mpiexec", "launcher: expected one of mpirun, srun, found mpiexec"),
            ("ranks: 0", "ranks: expected from 1 to 1024, found 0"),
            ("ranks: two", "ranks: expected a whole number, found two"),
            ("ranks: 9", "ranks: expected at most 4 threads per domain, the number of its cores, found 9 × 1"),
            (
                "{numa_domains: 1, cores_per_domain: 8, threads: 16}",
                "ranks: expected at most 8 threads per domain, the number of its cores, found 1 × 16"
            ),
            (
                "numa_domains: 2",
                "cores_per_domain: expected both numa_domains and cores_per_domain, or neither, found one of them"
            ),
            ("hosts: node01", "hosts: expected a list, found node01"),
            ("hosts: ['a:2']", "hosts: expected host names without slots, which follow from ranks, found a:2"),
            ("hosts: [a, b, a]", "hosts: expected each host once, found a twice"),
            ("{hosts: [a], hostfile: b}", "hostfile: expected no host file in addition to hosts, found b"),
            (
                "{hosts: [a], launcher: srun}",
                "hosts: expected none with srun, which uses the hosts of the Slurm job, found a"
            ),
            (
                "launcher: srun",
                "launcher: expected a Slurm allocation for srun, found none; run it in a job of sbatch or salloc"
            ),
            (
                "network: 10.0.0.0 /16",
                "network: expected addresses or interfaces, as in 10.0.0.0/16 or ib0, found 10.0.0.0 /16"
            ),
            ("mca: [pml]", "mca: expected a mapping, found a list"),
            ("mca: {pml: ucx}", "mca: expected no pml, which transport sets, found ucx"),
            ("environment: {1X: a}", "environment: expected names of letters, digits and _, found 1X"),
            (
                "environment: {OMPI_MCA_pml: ucx}",
                "environment: expected Open MPI's settings under mca, without OMPI_MCA_, found OMPI_MCA_pml"
            ),
        ]
    )
    func badFile(text: String, message: String) throws {
        try Places.temporary { directory in
            let cluster = try Clusters.file(text, in: directory)
            let outcome = try Clusters.launch(cluster, on: Clusters.host(in: directory))
            #expect(outcome.status == 64)
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors == "error: \(cluster.string): \(message)\n")
        }
    }

    @Test("a host file that is missing or has too few slots is reported before mpirun starts")
    func badHostFile() throws {
        try Places.temporary { directory in
            let cluster = try Clusters.file("hostfile: hosts", in: directory)
            let machine = try Clusters.host(in: directory)
            func expect(_ message: String) throws {
                let outcome = try Clusters.launch(cluster, on: machine)
                #expect(outcome.status == 64)
                #expect(outcome.errors == "error: \(directory.string)/hosts: \(message)\n")
            }
            try expect("cannot be opened: No such file or directory")
            for (text, message) in [
                ("a slots=2\nb slots=1 # small\n", "b: expected at least slots=2, the ranks of a host, found slots=1"),
                ("a slots=2\nb slots=two\n", "line 2: expected slots=N, found slots=two"),
                ("a slots=9223372036854775807\n", "line 1: expected slots=N, found slots=9223372036854775807"),
                ("-oProxyCommand=true\n", "line 1: expected a host name, found -oProxyCommand=true"),
                ("\u{1B}[2J\n", "line 1: expected a host name, found \\u{1b}[2J"),
                ("# a\n\n", "expected one host per line, found none"),
            ] {
                _ = try Clusters.file(text, in: directory, name: "hosts")
                try expect(message)
            }
            _ = try Clusters.file("a slots=2\r\nb\n", in: directory, name: "hosts")
            let found = try Clusters.command(cluster, on: machine)
            #expect(found.hasPrefix("mpirun --hostfile \(directory.string)/hosts "), "\(found)")
        }
    }

    @Test("the arguments after -- start with a subcommand and do not set threads")
    func badWords() throws {
        try Places.temporary { directory in
            let cluster = try Clusters.file("", in: directory)
            let machine = try Clusters.host(in: directory)
            func errors(_ words: [String]) throws -> String {
                let outcome = try Clusters.launch(cluster, on: machine, ["--dry-run"] + words)
                #expect(outcome.status == 64 && outcome.output.isEmpty)
                return outcome.errors
            }
            let nothing = try errors([])
            #expect(nothing.hasPrefix("error: the argument after -- must be one of train, evaluate, "), "\(nothing)")
            #expect(nothing.hasSuffix(", found nothing\n"))
            #expect(try errors(["--", "trian"]).hasSuffix(", found trian; did you mean train?\n"))
            for other in ["launch", "scaling", "report", "translate"] {
                #expect(try errors(["--", other]).contains(", found \(other)"))
            }
            let threads = "must be omitted, since \(cluster.string) sets it, found --threads after --"
            #expect(try errors(["--", "train", "--threads", "2"]) == "error: --threads \(threads)\n")
        }
    }

    @Test("options and settings of the subcommand are checked before ranks are started")
    func badSettings() throws {
        try Places.temporary { directory in
            let (cluster, machine) = (try Clusters.file("", in: directory), try Clusters.host(in: directory))
            func launch(_ words: [String]) throws -> Outcome {
                let paths = ["--model", "m", "--data", "d", "--output", "o"]
                let all = ["--dry-run", "--", words[0]] + paths + words.dropFirst()
                return try Clusters.launch(cluster, on: machine, all)
            }
            let path = directory.appending("train.yaml").string
            for (settings, message) in [
                ("precision: fp16", "\(path): precision: expected one of float32, bfloat16, auto, found fp16"),
                ("sharing: all", "\(path): sharing: expected one of none, prompt, prefix, any, found all"),
                ("row_tokens: 0", "row_tokens must be from 1 to 2^24, found 0"),
                ("precisio: auto", "\(path): line 1: unknown key precisio; did you mean precision?"),
            ] {
                _ = try Clusters.file(settings, in: directory, name: "train.yaml")
                for command in ["train", "logps"] {
                    let outcome = try launch([command, "--config", path])
                    #expect(outcome.status == 64 && outcome.output.isEmpty)
                    #expect(outcome.errors == "error: \(message)\n")
                }
            }
            let option = try launch(["train", "--precisio", "auto"])
            let unknown = "error: Unknown option '--precisio'"
            #expect(option.status == 64 && option.errors.hasPrefix(unknown), "\(option.errors)")
            _ = try Clusters.file("precision: auto\n", in: directory, name: "train.yaml")
            for words in [["train", "--config", path], ["train", "--config", "elsewhere"], ["train", "--help"]] {
                #expect(try launch(words).status == 0)
            }
        }
    }

    @Test("a run started by the launcher of another MPI is refused before anything is written")
    func foreignLauncher() throws {
        try Places.temporary { directory in
            let output = directory.appending("tuned")
            let arguments = [
                "train", "--model", Golden.tied.directory.string, "--data", Golden.tied.file.string, "--output",
                output.string, "--max-steps", "1", "--threads", "1",
            ]
            func run(_ variables: [String: String]) throws -> Outcome {
                try Launch.run("espalier", arguments, solo: true, variables: variables)
            }
            for rank in 0..<2 {
                let outcome = try run(["PMI_RANK": "\(rank)", "PMI_SIZE": "2"])
                #expect(outcome.status == 64 && outcome.errors.contains("PMI_SIZE=2"), "\(outcome.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: output.string))
            #expect(try run(["PMI_RANK": "0", "PMI_SIZE": "1"]).status == 0)
        }
    }
}
