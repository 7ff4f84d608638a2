internal import Collectives
internal import Formats
internal import SystemPackage

extension ClusterConfiguration {
    /// Settings of Open MPI that a key of the file sets.
    private static let keysOfParameters: [String: CodingKeys] = [
        "pml": .transport, "btl": .transport, "btl_tcp_if_include": .network, "oob_tcp_if_include": .network,
    ]

    /// Reads a file's settings over the defaults and validates them.
    ///
    /// - Throws: `FormatError` for the first invalid key or value.
    init(yaml path: FilePath) throws {
        let known = CodingKeys.allCases.map(\.rawValue)
        self = try StrictYAML.decode(ClusterConfiguration.self, knownKeys: known, from: path)
        try checkRanges(path)
        try checkHosts(path)
        try checkWords(path)
        if mpi == .mpich { try checkMPICH(path) }
        // The meaning of the file does not depend on the working directory.
        hostfile = hostfile.map { path.removingLastComponent().pushing(FilePath($0)).lexicallyNormalized().string }
    }

    private func checkRanges(_ path: FilePath) throws {
        try check(path, .ranks, (1...1024).contains(ranks), "from 1 to 1024", ranks)
        try check(path, .threads, (1...1024).contains(threads ?? 1), "from 1 to 1024", threads ?? 1)
        try check(path, .numaDomains, (1...64).contains(numaDomains ?? 1), "from 1 to 64", numaDomains ?? 1)
        let cores = coresPerDomain ?? 1
        try check(path, .coresPerDomain, (1...1024).contains(cores), "from 1 to 1024", cores)
        let isWhole = (numaDomains == nil) == (coresPerDomain == nil)
        let missing: CodingKeys = numaDomains == nil ? .numaDomains : .coresPerDomain
        try check(path, missing, isWhole, "both numa_domains and cores_per_domain, or neither", "one of them")
    }

    private func checkHosts(_ path: FilePath) throws {
        for (index, host) in hosts.enumerated() {
            let isName = Self.isWord(host, marks: ".-_") && host.first != "-"
            try check(path, .hosts, isName, "host names without slots, which follow from ranks", host)
            try check(path, .hosts, !hosts[..<index].contains(host), "each host once", "\(host) twice")
        }
        let file = hostfile ?? ""
        try check(path, .hostfile, hostfile == nil || !file.isEmpty, "a file", "nothing")
        try check(path, .hostfile, hostfile == nil || hosts.isEmpty, "no host file in addition to hosts", file)
        guard launcher == .srun else { return }
        let key: CodingKeys = hosts.isEmpty ? .hostfile : .hosts
        let found = hosts.joined(separator: ", ") + file
        try check(path, key, found.isEmpty, "none with srun, which uses the hosts of the Slurm job", found)
    }

    private func checkWords(_ path: FilePath) throws {
        let network = network ?? "any"
        let isNetwork = Self.isWord(network, marks: ".:/,_-") && network.first != "-"
        try check(path, .network, isNetwork, "addresses or interfaces, as in 10.0.0.0/16 or ib0", network)
        for (name, value) in mca.sorted(by: { $0.key < $1.key }) {
            try check(path, .mca, Self.isWord(name, marks: "_"), "names of letters, digits and _", name)
            try check(path, .mca, !value.isEmpty, "a value for \(name)", "nothing")
            guard let key = Self.keysOfParameters[name] else { continue }
            throw FormatError(path, "mca: expected no \(name), which \(key.rawValue) sets, found \(value)")
        }
        for name in environment.keys.sorted() {
            let isName = Self.isWord(name, marks: "_") && name.first?.isNumber == false
            try check(path, .environment, isName, "names of letters, digits and _", name)
            let isForeign = !name.hasPrefix("OMPI_MCA_")
            try check(path, .environment, isForeign, "Open MPI's settings under mca, without OMPI_MCA_", name)
        }
        try check(path, .options, !options.contains(""), "words", "an empty one")
        try check(path, .program, program?.isEmpty != true, "the path of espalier", "nothing")
    }

    /// Settings of Open MPI would have no effect.
    private func checkMPICH(_ path: FilePath) throws {
        let interface = network ?? "any"
        let isInterface = Self.isWord(interface, marks: ".:_-") && !interface.allSatisfy { "0123456789.:".contains($0) }
        try check(path, .network, isInterface, "the name of one interface with MPICH, as in ib0", interface)
        let remedy = "none with MPICH, whose UCX_TLS or FI_PROVIDER under environment chooses it"
        try check(path, .transport, transport == nil, remedy, transport?.rawValue ?? "")
        let settings = "none with MPICH, whose settings (MPIR_CVAR_…) are set under environment"
        try check(path, .mca, mca.isEmpty, settings, mca.keys.sorted().joined(separator: ", "))
    }

    private func check(
        _ path: FilePath,
        _ key: CodingKeys,
        _ isValid: Bool,
        _ expected: String,
        _ found: some Any
    ) throws {
        guard isValid else { throw FormatError(path, "\(key.rawValue): expected \(expected), found \(found)") }
    }

    /// Whether a text is not empty and consists of ASCII letters, digits and `marks`.
    private static func isWord(_ text: String, marks: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || marks.contains($0) }
    }
}
