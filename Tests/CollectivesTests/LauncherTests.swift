internal import Testing
internal import TestSupport

/// The environment variables of launchers: Open MPI's, those of other MPIs, and Slurm's.
@Suite(.enabled(if: Launch.hasMPI, "mpirun is not installed"), .serialized)
struct LauncherTests {
    @Test(
        "a process is refused if its launcher started more processes than MPI connects",
        arguments: [
            ("PMI_SIZE=2", ["PMI_RANK": "1", "PMI_SIZE": "2"]),
            ("PMI_SIZE=2", ["PMI_SIZE": "2"]),
            ("PMI_SIZE=3", ["PMI_RANK": "0", "PMI_SIZE": "3", "SLURM_STEP_NUM_TASKS": "1"]),
            ("MV2_COMM_WORLD_SIZE=2", ["MV2_COMM_WORLD_RANK": "0", "MV2_COMM_WORLD_SIZE": "2"]),
            ("MPI_LOCALNRANKS=2", ["MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "2"]),
            ("SLURM_STEP_NUM_TASKS=2", ["SLURM_STEP_NUM_TASKS": "2"]),
            ("SLURM_STEP_NUM_TASKS=2", ["PMI_RANK": "0", "SLURM_STEP_NUM_TASKS": "2"]),
        ]
    )
    func foreign(setting: String, variables: [String: String]) throws {
        let outcome = try Launch.run("RankProgram", ["reduce"], solo: true, variables: variables)
        #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.output)")
        let words = setting.split(separator: "=")
        let start = "error: expected \(words[1]) ranks (the launcher's \(setting)), found 1 in MPI_COMM_WORLD: "
        #expect(outcome.errors.hasPrefix(start), "\(outcome.errors)")
        let remedy = "; use Open MPI's mpirun or srun --mpi=pmix, or unset \(words[0]) to run a single process\n"
        #expect(outcome.errors.hasSuffix(remedy), "\(outcome.errors)")
        #expect(outcome.errors.count { $0 == "\n" } == 1, "one line")
    }

    @Test(
        "a launcher's only process, and one in the script of a Slurm job, is a job of one rank",
        arguments: [
            ["PMI_RANK": "0", "PMI_SIZE": "1"],
            ["PMI_SIZE": "1", "SLURM_STEP_NUM_TASKS": "2"],
            ["SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_NPROCS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"],
            ["SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"],
            ["PMI_SIZE": "many"],
        ]
    )
    func alone(variables: [String: String]) throws {
        let outcome = try Launch.run("RankProgram", ["reduce"], solo: true, variables: variables)
        #expect(outcome.status == 0 && outcome.output == "ok 1\n", "\(outcome.errors)")
    }

    @Test("ranks of mpirun ignore the variables of the job step of its daemons", arguments: [1, 2])
    func daemons(ranks: Int) throws {
        let inherited = ["SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "0", "PMI_SIZE": "3", "MPI_LOCALNRANKS": "3"]
        let outcome = try Launch.run("RankProgram", ["reduce"], ranks: ranks, variables: inherited)
        #expect(outcome.status == 0 && outcome.output == "ok \(ranks)\n", "\(outcome.errors)")
    }

    @Test("MPICH's launcher is refused for two ranks", .enabled(if: Launch.hasMPICH, "mpirun.mpich is not installed"))
    func mpich() throws {
        let outcome = try Launch.mpich("RankProgram", ["reduce"], ranks: 2)
        #expect(outcome.status == 64 && !outcome.output.contains("ok"), "\(outcome.output)")
        #expect(
            outcome.errors.contains("error: expected 2 ranks (the launcher's PMI_SIZE=2), found 1 in MPI_COMM_WORLD: ")
        )
        #expect(try Launch.mpich("RankProgram", ["reduce"], ranks: 1).output == "ok 1\n")
    }
}
