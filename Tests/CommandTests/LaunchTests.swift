internal import Collectives
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The command that `espalier launch` builds from a cluster file and a host, for a program of Open MPI.
@Suite(.serialized, .enabled(if: MPILibrary.built == .openMPI, "built with MPICH, see HydraLaunchTests"))
struct LaunchTests {
    private static let keepalive =
        "--mca oob_tcp_keepalive_time 8 --mca oob_tcp_keepalive_intvl 3 --mca oob_tcp_keepalive_probes 4"
    private static let tcp = "--mca pml ob1 --mca btl self,vader,tcp"

    // MARK: Ranks and threads

    @Test("each NUMA domain has one rank with a thread per core, hyperthreads counted once")
    func domains() throws {
        try Places.temporary { directory in
            let cluster = try Clusters.file("# all defaults\n", in: directory)
            let found = try Clusters.command(cluster, on: Clusters.host(in: directory))
            let placement = "--host localhost:2 --map-by ppr:1:numa:pe=4 --bind-to core"
            #expect(found == "mpirun \(placement) \(Self.tcp) espalier doctor --threads 4")
        }
    }

    @Test("affinity and control groups of either version limit the cores")
    func limits() throws {
        let group = "sys/fs/cgroup"
        let nested = [
            "proc/self/cgroup": "0::/a/b\n", "\(group)/a/cpu.max": "300000 100000\n",
            "\(group)/a/b/cpu.max": "max 100000\n",
        ]
        let older = [
            "proc/self/cgroup": "4:cpu,cpuacct:/x\n1:name=systemd:/\n",
            "\(group)/cpu,cpuacct/x/cpu.cfs_quota_us": "600000\n",
            "\(group)/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n", "\(group)/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "\(group)/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        ]
        try Places.temporary { directory in
            let byDomain = try Clusters.file("", in: directory)
            let byHost = try Clusters.file("ranks_per: host", in: directory, name: "host.yaml")
            func expect(_ cluster: FilePath, _ machine: String, _ ranks: Int, _ placement: String) throws {
                let found = try Clusters.command(cluster, on: machine)
                #expect(found.hasPrefix("mpirun --host localhost:\(ranks) --map-by ppr:1:\(placement) "), "\(found)")
            }
            // Three cores of the first domain, and none of the second; then one of it.
            try expect(byDomain, Clusters.host(in: directory, allowed: "0-2,8-10"), 1, "numa:pe=3")
            try expect(byDomain, Clusters.host(in: directory, allowed: "0-4,12"), 2, "numa:pe=1")
            try expect(byDomain, Clusters.host(in: directory, files: nested), 2, "numa:pe=1")
            try expect(byHost, Clusters.host(in: directory, files: nested), 1, "node:pe=3")
            try expect(byDomain, Clusters.host(in: directory, files: older), 2, "numa:pe=3")
            // A kernel without NUMA support.
            let uniform = try Clusters.host(in: directory, files: ["sys/devices/system/node/online": ""])
            try expect(byDomain, uniform, 1, "numa:pe=8")
        }
    }

    @Test("the host that launches is not read if the file describes the hosts")
    func described() throws {
        try Places.temporary { directory in
            let text = "numa_domains: 2\ncores_per_domain: 16\nranks: 2\nhosts: [a, b]\nprogram: /opt/espalier\n"
            let found = try Clusters.command(Clusters.file(text, in: directory), on: "/nowhere")
            let placement = "--host a:4,b:4 --map-by ppr:2:numa:pe=8 --bind-to core"
            #expect(found == "mpirun \(placement) \(Self.keepalive) \(Self.tcp) espalier doctor --threads 8")
        }
    }

    // MARK: Words

    @Test("a shell reads each word of the command unchanged")
    func quoting() throws {
        try Places.temporary { directory in
            let text = """
                program: /my dir/espalier
                environment: {B: "x y's", A: $HOME}
                options: [--tag-output]
                mca: {pml_base_verbose: 1}
                bind_to: none
                """
            let words = ["--dry-run", "--", "generate", "--model", "a\"b`c*", "--prompt", ""]
            let cluster = try Clusters.file(text, in: directory)
            let outcome = try Clusters.launch(cluster, on: Clusters.host(in: directory), words)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let read = try Launch.tool("sh", ["-c", "printf '[%s]' " + outcome.output])
            let found = read.output.replacingOccurrences(of: "[--allow-run-as-root]", with: "")
            let placement = "[--host][localhost:2][--map-by][ppr:1:numa][--bind-to][none]"
            let settings = "[--mca][pml][ob1][--mca][btl][self,vader,tcp][--mca][pml_base_verbose][1]"
            let variables = "[-x][A=$HOME][-x][B=x y's][--tag-output]"
            let run = "[/my dir/espalier][generate][--model][a\"b`c*][--prompt][][--threads][4]"
            #expect(found == "[mpirun]\(placement)\(settings)\(variables)\(run)")
        }
    }

    @Test("excluded hosts get no ranks, whether the file lists hosts or names a host file")
    func without() throws {
        try Places.temporary { directory in
            let machine = try Clusters.host(in: directory)
            _ = try Clusters.file("a slots=2\nb slots=2\nc slots=2\n", in: directory, name: "hosts")
            for text in ["hosts: [a, b, c]", "hostfile: hosts"] {
                let cluster = try Clusters.file(text, in: directory)
                let fewer = ["--without", "b"]
                let listed = try Clusters.launch(cluster, on: machine, fewer + ["--list-hosts"])
                #expect(listed.output == "a\nc\n")
                let outcome = try Clusters.launch(cluster, on: machine, fewer + ["--dry-run", "--", "doctor"])
                #expect(outcome.output.contains("--host a:2,c:2 \\\n"), "\(outcome.output)")
                func refusal(_ absent: [String]) throws -> String {
                    let words = absent.flatMap { ["--without", $0] }
                    let outcome = try Clusters.launch(cluster, on: machine, words + ["--list-hosts"])
                    #expect(outcome.status == 64)
                    return outcome.errors.replacingOccurrences(of: cluster.string, with: "FILE")
                }
                #expect(try refusal(["d"]) == "error: FILE: --without: expected one of a, b, c, found d\n")
                let none = "error: FILE: --without: expected a remaining host, found none\n"
                #expect(try refusal(["a", "b", "c"]) == none)
            }
        }
    }

    // MARK: Batch systems

    @Test("hosts of PBS are counted and listed; those of Slurm come from Slurm")
    func batchSystems() throws {
        try Places.temporary { directory in
            let cluster = try Clusters.file("", in: directory)
            let machine = try Clusters.host(in: directory)
            let nodes = try Clusters.file("a\na\nb\nb\n", in: directory, name: "nodes")
            let pbs = ["PBS_NODEFILE": nodes.string]
            let found = try Clusters.command(cluster, on: machine, variables: pbs)
            #expect(found.hasPrefix("mpirun --hostfile \(nodes.string) --map-by ppr:1:numa:pe=4 "), "\(found)")
            let listed = try Clusters.launch(cluster, on: machine, ["--list-hosts"], variables: pbs)
            #expect(listed.output == "a\nb\n")

            let slurm = ["SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "3"]
            let inSlurm = try Clusters.command(cluster, on: machine, variables: slurm)
            #expect(inSlurm.hasPrefix("env SLURM_CPU_BIND=none mpirun --map-by ppr:1:numa:pe=4 "), "\(inSlurm)")

            let text = "launcher: srun\nnetwork: 10.0.0.0/16\nenvironment: {A: 1}\n"
            let other = try Clusters.file(text, in: directory, name: "srun.yaml")
            let bySrun = try Clusters.command(other, on: machine, variables: slurm)
            let settings = "OMPI_MCA_btl_tcp_if_include=10.0.0.0/16 OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp A=1"
            let tasks = "--nodes=3 --ntasks=6 --ntasks-per-node=2 --cpus-per-task=4 --hint=nomultithread"
            #expect(bySrun == "env \(settings) srun --mpi=pmix \(tasks) espalier doctor --threads 4")
        }
    }

    // MARK: The files of cluster-configs

    @Test("each file of cluster-configs gives the right command for its hosts")
    func shippedFiles() throws {
        let network = "--mca oob_tcp_if_include 10.0.0.0/16 --mca btl_tcp_if_include 10.0.0.0/16"
        let ring = "--mca coll_tuned_allreduce_algorithm 4 --mca coll_tuned_use_dynamic_rules 1"
        let placement = "--map-by ppr:1:numa:pe=4 --bind-to core"
        let two = "--host localhost:2"
        let end = "espalier doctor --threads"
        let configurations = Places.repository.appending("cluster-configs")
        let hostfile = Places.repository.appending("launch/hostfile").string
        try Places.temporary { directory in
            let nodes = try Clusters.file("w0 slots=2\nw1 slots=2\n", in: directory, name: "nodes").string
            let list = "--hostfile \(nodes)"
            let byTCP = "\(placement) \(Self.keepalive) \(network) \(Self.tcp) \(ring) \(end) 4"
            let four = "--host node01:2,node02:2,node03:2,node04:2"
            let ucx = "\(Self.keepalive) --mca oob_tcp_if_include 10.0.0.0/16 --mca pml ucx -x UCX_NET_DEVICES=mlx5_0:1"
            let loose = "--map-by ppr:1:node --bind-to none"
            let copies = "--mca btl_vader_single_copy_mechanism none"
            var commands: [String: String] = [:]
            commands["laptop.yaml"] = "mpirun \(two) --map-by ppr:2:node --bind-to none \(Self.tcp) \(end) 4"
            commands["numa.yaml"] = "mpirun \(two) \(placement) \(Self.tcp) \(end) 4"
            commands["10gbe.yaml"] = "mpirun --hostfile \(hostfile) \(byTCP)"
            commands["infiniband.yaml"] = "mpirun \(four) \(placement) \(ucx) \(end) 4"
            commands["slurm.yaml"] = "env SLURM_CPU_BIND=none mpirun \(byTCP)"
            commands["pbs.yaml"] = "mpirun \(list) \(byTCP)"
            let byPods = "\(loose) \(Self.keepalive) \(Self.tcp) \(copies) \(ring) \(end) 16"
            commands["kubernetes.yaml"] = "mpirun \(list) \(byPods)"
            let variables = [
                "slurm.yaml": ["SLURM_JOB_ID": "7"], "pbs.yaml": ["PBS_NODEFILE": nodes],
                "kubernetes.yaml": ["OMPI_MCA_orte_default_hostfile": nodes],
            ]
            let names = try FileManager.default.contentsOfDirectory(atPath: configurations.string)
            #expect(Set(names.filter { $0.hasSuffix(".yaml") && $0 != "train.yaml" }) == Set(commands.keys))
            let machine = try Clusters.host(in: directory)
            for (name, expected) in commands {
                let path = configurations.appending(name)
                let found = try Clusters.command(path, on: machine, variables: variables[name] ?? [:])
                #expect(found == expected, "\(name)")
            }
        }
    }

    // MARK: A real start

    @Test(
        "without --dry-run the command is printed and the ranks run",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func start() throws {
        try Places.temporary { directory in
            let text = "{ranks_per: host, ranks: 2, threads: 1, bind_to: none}"
            let outcome = try Clusters.launch(Clusters.file(text, in: directory), on: "/", ["--", "doctor"])
            #expect(outcome.errors.hasPrefix("mpirun "), "\(outcome.errors)")
            #expect(outcome.errors.contains(" doctor --threads 1\n"))
            #expect(outcome.output.hasPrefix("rank"), "\(outcome.output)")
            #expect(outcome.output.contains("\n✓ build "), "two ranks, not one")
        }
    }
}
