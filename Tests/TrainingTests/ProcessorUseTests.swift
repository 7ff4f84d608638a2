internal import Collectives
internal import Testing
internal import Training

/// What is reported about the threads of a host.
struct ProcessorUseTests {
    private func complaint(_ ranks: Int, _ threads: Int, on processors: Int, isChosen: Bool = false) -> String? {
        ProcessorUse(ranks: ranks, threads: threads, processors: processors, isChosen: isChosen).complaint
            .map { "\($0.found); \($0.remedy)" }
    }

    @Test("ranks that leave a processor idle are reported with the numbers of ranks that do not")
    func idle() {
        #expect(
            complaint(2, 2, on: 3)
                == "2 threads of 2 ranks on 3 processors: 1 processor idle; start 1 or 3 ranks on a host, which divide them"
        )
        #expect(
            complaint(4, 4, on: 6)?.hasSuffix("2 processors idle; start 3 or 6 ranks on a host, which divide them")
                == true
        )
        #expect(complaint(2, 4, on: 4) == nil && complaint(1, 1, on: 1) == nil)
    }

    @Test("more threads than processors are reported with both numbers, whoever chose them")
    func excess() {
        let found = "300 threads of 1 rank on 2 processors: threads that share a processor wait for each other"
        #expect(complaint(1, 300, on: 2, isChosen: true) == "\(found); use --threads 2")
        #expect(complaint(2, 6, on: 4, isChosen: true)?.hasSuffix("; use --threads 2") == true)
        #expect(complaint(4, 4, on: 2)?.hasSuffix("; start at most 2 ranks") == true)
    }

    @Test("a grant is compared in cores, so that a thread per core is enough, and a remedy fits what starts the ranks")
    func grants() {
        func remedy(
            _ threads: Int,
            cores: Int,
            of granted: Int,
            perCore: Int = 1,
            from starter: ProcessorGrant.Starter = .none
        ) -> String? {
            let batch = starter != .mpirun && starter != .hydra
            let grant = ProcessorGrant(processors: granted, source: "", isOfBatchSystem: batch, starter: starter)
            return ProcessorUse(ranks: 1, threads: threads, processors: cores * perCore, isChosen: false)
                .comparison(with: grant, cores: cores, processorsPerCore: perCore).remedy
        }
        #expect(remedy(8, cores: 8, of: 8) == nil && remedy(4, cores: 4, of: 8, perCore: 2) == nil)
        #expect(remedy(1, cores: 1, of: 8)?.hasPrefix("use srun --cpus-per-task=8, ") == true)
        #expect(remedy(2, cores: 2, of: 8, perCore: 2)?.hasPrefix("use srun --cpus-per-task=8, ") == true)
        let slots = "use mpirun --bind-to none, or --map-by slot:PE=8 --bind-to core"
        #expect(remedy(1, cores: 1, of: 8, from: .mpirun) == slots)
        let cores = "use mpiexec -bind-to none, or -bind-to core:8"
        #expect(remedy(1, cores: 1, of: 8, from: .hydra) == cores)
        #expect(remedy(1, cores: 8, of: 8)?.hasPrefix("omit --threads, ") == true)
        // Threads that a user chose on a machine without a batch system.
        #expect(remedy(1, cores: 8, of: 8, from: .mpirun) == nil)
        // A quota, not a binding, of two processors.
        for starter in [ProcessorGrant.Starter.mpirun, .none] {
            let grant = ProcessorGrant(
                processors: 8,
                source: "",
                isOfBatchSystem: starter == .none,
                starter: starter
            )
            let use = ProcessorUse(ranks: 1, threads: 2, processors: 2, allowed: 8, isChosen: false)
            #expect(use.comparison(with: grant, cores: 8, processorsPerCore: 1).remedy == nil)
        }
        #expect(remedy(8, cores: 8, of: 2)?.hasPrefix("other jobs of the host become slower: ") == true)
    }

    @Test("threads that a setting leaves idle are the user's choice")
    func chosen() {
        #expect(complaint(1, 1, on: 8, isChosen: true) == nil)
    }
}
