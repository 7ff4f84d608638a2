internal import Collectives
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The command that `espalier launch` builds for a program of MPICH.
@Suite(.serialized)
struct HydraLaunchTests {
    /// The command, with one name for hydra's mpiexec, which Debian calls mpiexec.mpich.
    private func command(
        _ text: String,
        in directory: FilePath,
        variables: [String: String] = [:]
    ) throws -> String {
        let cluster = try Clusters.file("mpi: mpich\n" + text, in: directory)
        let found = try Clusters.command(cluster, on: Clusters.host(in: directory), variables: variables)
        return found.replacingOccurrences(of: "mpiexec.mpich ", with: "mpiexec ")
    }

    @Test("hosts, ranks and binding are hydra's, and hosts of a file are listed, since hydra reads no slots=N")
    func hosts() throws {
        try Places.temporary { directory in
            let here = try command("", in: directory)
            #expect(here == "mpiexec -hosts localhost -ppn 2 -n 2 -bind-to numa espalier doctor --threads 4")
            let listed = try command("hosts: [a, b]\nranks_per: host\nranks: 3\nthreads: 2", in: directory)
            #expect(listed == "mpiexec -hosts a,b -ppn 3 -n 6 -bind-to core:2 espalier doctor --threads 2")
            _ = try Clusters.file("a slots=4\nb slots=4\n", in: directory, name: "hosts")
            let text = "hostfile: hosts\nranks: 2\nbind_to: none\noptions: [-prepend-rank]"
            let filed = try command(text, in: directory)
            let start = "mpiexec -hosts a,b -ppn 4 -n 8 -bind-to none -prepend-rank"
            #expect(filed == "\(start) espalier doctor --threads 2")
        }
    }

    @Test("the network is hydra's interface and that of the libraries below MPICH, unless the file names their own")
    func network() throws {
        try Places.temporary { directory in
            let plain = try command("network: ib0\nenvironment: {A: 1}", in: directory)
            let both = "-genv FI_TCP_IFACE ib0 -genv UCX_NET_DEVICES ib0"
            #expect(plain.contains(" -iface ib0 -genv A 1 \(both) "), "\(plain)")
            let chosen = try command("network: ib0\nenvironment: {UCX_NET_DEVICES: 'mlx5_0:1'}", in: directory)
            #expect(chosen.contains(" -iface ib0 -genv FI_TCP_IFACE ib0 -genv UCX_NET_DEVICES mlx5_0:1 "), "\(chosen)")
        }
    }

    @Test("nodes of Slurm are its own, and srun speaks MPICH's PMI; hosts of Kubernetes' operator are in its variable")
    func batchSystems() throws {
        try Places.temporary { directory in
            let slurm = ["SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "3"]
            let byHydra = try command("", in: directory, variables: slurm)
            let start = "env SLURM_CPU_BIND=none mpiexec -ppn 2 -n 6 -bind-to numa"
            #expect(byHydra == "\(start) espalier doctor --threads 4")
            let bySrun = try command("launcher: srun\nenvironment: {A: 1}", in: directory, variables: slurm)
            let tasks = "--nodes=3 --ntasks=6 --ntasks-per-node=2 --cpus-per-task=4 --hint=nomultithread"
            #expect(bySrun == "env A=1 srun --mpi=pmi2 \(tasks) espalier doctor --threads 4")
            let nodes = try Clusters.file("w0\nw1\n", in: directory, name: "nodes").string
            let byPods = try command("", in: directory, variables: ["HYDRA_HOST_FILE": nodes])
            #expect(byPods.hasPrefix("mpiexec -hosts w0,w1 -ppn 2 -n 4 "), "\(byPods)")
        }
    }

    @Test(
        "settings that MPICH does not have are refused, with what takes their place",
        arguments: [
            (
                "network: 10.0.0.0/16",
                "network: expected the name of one interface with MPICH, as in ib0, found 10.0.0.0/16"
            ),
            ("network: 10.0.0.1", "network: expected the name of one interface with MPICH, as in ib0, found 10.0.0.1"),
            (
                "transport: ucx",
                "transport: expected none with MPICH, whose UCX_TLS or FI_PROVIDER under environment chooses it, "
                    + "found ucx"
            ),
            (
                "mca: {a: 1}",
                "mca: expected none with MPICH, whose settings (MPIR_CVAR_…) are set under environment, found a"
            ),
        ]
    )
    func refusals(text: String, message: String) throws {
        try Places.temporary { directory in
            let cluster = try Clusters.file("mpi: mpich\n\(text)\n", in: directory)
            let outcome = try Clusters.launch(cluster, on: Clusters.host(in: directory))
            #expect(outcome.status == 64 && outcome.output.isEmpty)
            #expect(outcome.errors == "error: \(cluster.string): \(message)\n")
        }
    }

    @Test(
        "without --dry-run the command is printed and the ranks run",
        .enabled(if: Launch.hasMPI && MPILibrary.built == .mpich, "not built with MPICH")
    )
    func start() throws {
        try Places.temporary { directory in
            let text = "{ranks_per: host, ranks: 2, threads: 1, bind_to: none}"
            let outcome = try Clusters.launch(Clusters.file(text, in: directory), on: "/", ["--", "doctor"])
            #expect(outcome.errors.hasPrefix("mpiexec"), "\(outcome.errors)")
            #expect(outcome.output.contains("2 ranks of the mpiexec of MPICH or Intel MPI, "), "\(outcome.output)")
        }
    }

    @Test("a library is chosen by name")
    func library() throws {
        try Places.temporary { directory in
            let cluster = try Clusters.file("mpi: lam", in: directory)
            let outcome = try Clusters.launch(cluster, on: Clusters.host(in: directory))
            let message = "mpi: expected one of openmpi, mpich, found lam"
            #expect(outcome.errors == "error: \(cluster.string): \(message)\n")
        }
    }
}
