internal import Collectives
internal import Testing
internal import TestSupport

/// The environment variables of launchers: Open MPI's, those of other MPIs, and Slurm's.
@Suite(.enabled(if: Launch.hasMPI, "mpirun is not installed"), .serialized)
struct LauncherTests {
    private static let slurm = ["SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"]

    @Test(
        "a process is refused if its launcher started more processes than MPI connects, and the launcher is named",
        arguments: [
            ("OMPI_COMM_WORLD_SIZE=2", ["OMPI_COMM_WORLD_SIZE": "2", "PMI_SIZE": "1"], "Open MPI's mpirun"),
            ("PMI_SIZE=2", ["PMI_RANK": "1", "PMI_SIZE": "2"], "the mpiexec of MPICH or Intel MPI"),
            ("PMI_SIZE=2", ["PMI_SIZE": "2"], "the mpiexec of MPICH or Intel MPI"),
            ("PMI_SIZE=3", slurm.merging(["PMI_RANK": "0", "PMI_SIZE": "3"]) { $1 }, "srun --mpi=pmi2"),
            ("PMI_SIZE=2", ["PALS_RANKID": "0", "PMI_SIZE": "2"], "the mpiexec of PALS"),
            ("PALS_LOCAL_SIZE=2", ["PALS_RANKID": "0", "PALS_LOCAL_SIZE": "2"], "the mpiexec of PALS"),
            (
                "MV2_COMM_WORLD_SIZE=2", ["MV2_COMM_WORLD_RANK": "0", "MV2_COMM_WORLD_SIZE": "2"],
                "MVAPICH2's launcher"
            ),
            (
                "MPI_LOCALNRANKS=2", ["MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "2"],
                "the mpiexec of MPICH or Intel MPI"
            ),
            ("SLURM_STEP_NUM_TASKS=2", slurm, "srun without PMI"),
            ("SLURM_STEP_NUM_TASKS=2", slurm.merging(["PMI_CONTROL_PORT": "1"]) { $1 }, "srun without PMI"),
        ]
    )
    func foreign(setting: String, variables: [String: String], starter: String) throws {
        let outcome = try Launch.run("RankProgram", ["reduce"], solo: true, variables: variables)
        #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.output)")
        let words = setting.split(separator: "=")
        let start =
            "error: expected \(words[1]) ranks (the launcher's \(setting)), found 1 in MPI_COMM_WORLD: started by "
            + "\(starter), built with \(World.libraryVersion); start it by \(MPILibrary.built.launchers), "
        #expect(outcome.errors.hasPrefix(start), "\(outcome.errors)")
        let isOpenMPI = starter.hasPrefix("Open MPI")
        let isOther = isOpenMPI == (MPILibrary.built == .mpich) && starter != "srun without PMI"
        let rebuild = "build it with ESPALIER_MPI=\(isOpenMPI ? "openmpi" : "mpich") for the launcher, "
        #expect(outcome.errors.contains(rebuild) == isOther, "\(outcome.errors)")
        #expect(outcome.errors.hasSuffix("or unset \(words[0]) to run a single process\n"), "\(outcome.errors)")
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

    @Test("ranks of a launcher ignore the variables of the job step of its daemons", arguments: [1, 2])
    func daemons(ranks: Int) throws {
        let step = ["SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "0"]
        let others = ["PMI_SIZE": "3", "MPI_LOCALNRANKS": "3"]
        let inherited = MPILibrary.built == .openMPI ? step.merging(others) { $1 } : step
        let outcome = try Launch.run("RankProgram", ["reduce"], ranks: ranks, variables: inherited)
        #expect(outcome.status == 0 && outcome.output == "ok \(ranks)\n", "\(outcome.errors)")
    }

    @Test(
        "the launcher of another MPI is refused for two ranks, and for one it is no launcher",
        .enabled(if: Launch.hasForeignMPI, "no other MPI is installed")
    )
    func otherLibrary() throws {
        let outcome = try Launch.foreign("RankProgram", ["reduce"], ranks: 2)
        #expect(outcome.status == 64 && !outcome.output.contains("ok"), "\(outcome.output)")
        let variable = MPILibrary.built == .openMPI ? "PMI_SIZE" : "OMPI_COMM_WORLD_SIZE"
        let error = "error: expected 2 ranks (the launcher's \(variable)=2), found 1 in MPI_COMM_WORLD: started by "
        #expect(outcome.errors.contains(error), "\(outcome.errors)")
        #expect(try Launch.foreign("RankProgram", ["reduce"], ranks: 1).output == "ok 1\n")
    }

    @Test(
        "a library is named in few words, whatever the form of its version",
        arguments: [
            ("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4", "Open MPI v4.1.4"),
            ("MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7", "MPICH 4.0.2"),
            ("MPI VERSION    : CRAY MPICH version 8.1.25.17 (ANL base)\nMPI BUILD", "MPI VERSION CRAY MPICH version"),
            ("Intel(R) MPI Library 2021.10 for Linux* OS\n", "Intel(R) MPI Library 2021.10"), ("", ""),
        ]
    )
    func versions(text: String, name: String) {
        #expect(MPILibrary.nameAndVersion(in: text).hasPrefix(name))
    }
}
