internal import Collectives
internal import Testing

/// The processors that a batch system or a launcher grants a job on a host.
struct ProcessorGrantTests {
    private func find(_ variables: [String: String], ranks: Int = 1) -> ProcessorGrant? {
        ProcessorGrant.find(variables: variables, ranks: ranks, root: "/nowhere")
    }

    @Test(
        "Slurm's number for the node of a step is found in each of its variables",
        arguments: [
            (["SLURM_JOB_CPUS_PER_NODE": "8"], 8), (["SLURM_JOB_CPUS_PER_NODE": "16(x2)", "SLURM_NODEID": "1"], 16),
            (["SLURM_JOB_CPUS_PER_NODE": "16(x2),4", "SLURM_NODEID": "2"], 4),
            (["SLURM_JOB_CPUS_PER_NODE": "8", "SLURM_CPUS_ON_NODE": "1", "SLURM_CPUS_PER_TASK": "1"], 8),
            // The node is unknown; the list is invalid; only the number of a task is known.
            (["SLURM_JOB_CPUS_PER_NODE": "16,4", "SLURM_CPUS_ON_NODE": "4"], 4),
            (["SLURM_JOB_CPUS_PER_NODE": "x", "SLURM_CPUS_ON_NODE": "6"], 6), (["SLURM_CPUS_PER_TASK": "3"], 6),
            // A rank of mpirun, whose daemon's step counts nodes differently.
            (
                [
                    "SLURM_JOB_CPUS_PER_NODE": "16,4", "SLURM_NODEID": "0", "SLURM_CPUS_ON_NODE": "4",
                    "OMPI_COMM_WORLD_SIZE": "2",
                ], 4
            ),
        ]
    )
    func slurm(variables: [String: String], processors: Int) throws {
        let grant = try #require(find(variables.merging(["SLURM_JOB_ID": "7"]) { $1 }, ranks: 2))
        #expect(grant.processors == processors && grant.isOfBatchSystem)
        #expect(grant.source.hasPrefix("granted by Slurm (SLURM_"), "\(grant.source)")
        #expect(find(variables) == nil, "outside of a job")
    }

    @Test("the program that starts the ranks is known, mpirun inside of a step included")
    func starters() {
        let job = ["SLURM_JOB_ID": "7", "SLURM_JOB_CPUS_PER_NODE": "8"]
        #expect(find(job)?.starter == ProcessorGrant.Starter.none)
        let step = job.merging(["SLURM_STEP_NUM_TASKS": "2"]) { $1 }
        #expect(find(step)?.starter == .srun)
        #expect(find(step.merging(["OMPI_COMM_WORLD_SIZE": "2"]) { $1 })?.starter == .mpirun)
        #expect(find(step.merging(["PMI_RANK": "1", "MPI_LOCALRANKID": "1"]) { $1 })?.starter == .hydra)
    }

    @Test("without a batch system, mpirun's own processors are granted, and nothing without mpirun")
    func others() throws {
        #expect(find([:]) == nil)
        #expect(find(["OMPI_COMM_WORLD_SIZE": "2"]) == nil, "its process cannot be read")
        let grant = try #require(ProcessorGrant.find(variables: ["OMPI_COMM_WORLD_SIZE": "2"], ranks: 2))
        #expect(grant.processors > 0 && !grant.isOfBatchSystem && grant.starter == .mpirun)
    }
}
