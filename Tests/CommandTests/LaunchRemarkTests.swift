internal import SystemPackage
internal import TestSupport
internal import Testing

/// What `espalier launch` reports about processors and variables before it starts the ranks.
@Suite(.serialized)
struct LaunchRemarkTests {
    /// The lines of standard error for a cluster file on a host with one domain of `cores` cores.
    private func remarks(
        _ text: String,
        cores: Int,
        allowed: String? = nil,
        files: [String: String] = [:],
        variables: [String: String] = [:]
    ) throws -> String {
        try Places.temporary { directory in
            let cluster = try Clusters.file(text, in: directory)
            let allowed = allowed ?? "0-\(2 * cores - 1)"
            let host = try Clusters.host(in: directory, domains: 1, cores: cores, allowed: allowed, files: files)
            let outcome = try Clusters.launch(cluster, on: host, variables: variables)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.errors
        }
    }

    @Test("ranks that leave a core idle are reported, threads of the file and even divisions are not")
    func idle() throws {
        let found = try remarks("{ranks_per: host, ranks: 2}", cores: 3)
        let expected = "launch: warning: 2 threads of 2 ranks on 3 processors: 1 processor idle; "
        #expect(found == expected + "change ranks or ranks_per, so that ranks divide the cores\n")
        #expect(try remarks("{ranks_per: host, ranks: 2}", cores: 4).isEmpty)
        #expect(try remarks("{ranks_per: host, ranks: 2, threads: 1}", cores: 4).isEmpty)
        // A quota of 1.5 processors.
        let quota = ["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"]
        #expect(try remarks("{ranks_per: host, ranks: 1}", cores: 2, files: quota).isEmpty)
        try Places.temporary { directory in
            let cluster = try Clusters.file("{ranks_per: host, ranks: 2}", in: directory)
            let host = try Clusters.host(in: directory, files: quota)
            let refused = try Clusters.launch(cluster, on: host)
            let reason = "the number of its cores, limited by /sys/fs/cgroup/cpu.max, found 2 × 1\n"
            #expect(refused.status == 64 && refused.errors.hasSuffix(reason), "\(refused.errors)")
        }
    }

    @Test("in a Slurm job, ranks, threads and the processors granted and used are reported")
    func slurm() throws {
        let job = ["SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_CPUS_PER_NODE": "8(x2)"]
        let source = "processors granted by Slurm (SLURM_JOB_CPUS_PER_NODE=8(x2))"
        let cluster = "{ranks_per: host, ranks: 2}"
        let full = try remarks(cluster, cores: 8, variables: job)
        #expect(full == "launch: 2 ranks use 8 of 8 \(source), 4 threads each\n")
        // With hyperthreads, a thread for each core is enough.
        let cores = try remarks(cluster, cores: 4, variables: job)
        #expect(cores == "launch: 2 ranks use 4 of 8 \(source), 2 threads each\n")
        // A step with one processor of eight.
        let step = job.merging(["SLURM_STEP_NUM_TASKS": "1", "SLURM_CPUS_ON_NODE": "1"]) { $1 }
        let part = try remarks("{ranks_per: host, ranks: 1}", cores: 8, allowed: "0", variables: step)
        #expect(
            part.hasPrefix("launch: warning: 1 rank uses 1 of 8 \(source); this process may use 1 core: "),
            "\(part)"
        )
        #expect(part.hasSuffix("or by srun --cpus-per-task=8 or --cpu-bind=none\n"), "\(part)")
        let more = try remarks("{ranks_per: host, ranks: 2, threads: 16}", cores: 8, variables: job)
        #expect(more.hasPrefix("launch: warning: 2 ranks use 32 of 8 \(source); other jobs of the host"), "\(more)")
    }

    @Test("a selection of OpenBLAS's kernels that other hosts do not get is reported")
    func kernels() throws {
        let variables = ["OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "1"]
        let found = try remarks("{hosts: [a, b]}", cores: 4, variables: variables)
        #expect(
            found == "launch: warning: OPENBLAS_CORETYPE=Haswell selects the kernels of this host only; "
                + "set it under environment in the cluster file, or unset it\n"
        )
        let whole = "{hosts: [a, b], environment: {OPENBLAS_CORETYPE: Haswell}}"
        #expect(try remarks(whole, cores: 4, variables: variables).isEmpty)
        #expect(try remarks("{}", cores: 4, variables: variables).isEmpty)
    }
}
