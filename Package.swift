// swift-tools-version: 6.2
import Foundation
import PackageDescription

let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

/// The MPI that the program is built with: Open MPI, or MPICH and what has its ABI, such as Intel MPI and Cray MPICH.
let mpi = Context.environment["ESPALIER_MPI"] ?? "openmpi"
guard ["openmpi", "mpich"].contains(mpi) else {
    FileHandle.standardError.write(Data("error: ESPALIER_MPI: expected openmpi or mpich, found \(mpi)\n".utf8))
    exit(64)
}
// `pkg-config` knows where each is, whatever the system's own mpi.h belongs to.
let mpiLibrary: Target =
    mpi == "mpich"
    ? .systemLibrary(name: "CMPICH", pkgConfig: "mpich", providers: [.apt(["libmpich-dev", "mpich"])])
    : .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev", "openmpi-bin"])])

let package = Package(
    name: "espalier",
    products: [
        .executable(name: "espalier", targets: ["espalier"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Layer 0: C behind narrow doors.
        mpiLibrary,
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(
            name: "CMPI",
            dependencies: [.byName(name: mpiLibrary.name)],
            cSettings: mpi == "mpich" ? [.define("ESPALIER_MPICH")] : []
        ),
        // Optimized in debug too: loops without a check, in which its tests would spend most of their time.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),
        .target(name: "CSignals"),
        .target(name: "CCommit"),

        // Layer 1: the machine, the network, the disk; the commit.
        .target(name: "Compute", dependencies: ["COpenBLAS", "CKernels"]),
        .target(name: "Collectives", dependencies: ["CMPI", "CKernels"]),
        .target(
            name: "Formats",
            dependencies: ["COpenSSL", "CKernels", systemPackage, "Yams"]
        ),
        .target(name: "Revision", dependencies: ["CCommit"]),

        // Layer 2: what is learned, and from what; what is printed.
        .target(
            name: "Preferences",
            dependencies: ["Formats", systemPackage]
        ),
        .target(name: "Tokenization", dependencies: ["Formats", systemPackage]),
        .target(name: "Objectives", dependencies: ["Formats"]),
        .target(name: "Reporting", dependencies: ["Objectives", "Compute", "Formats", systemPackage]),

        // Layer 3 and above: pages, what watches a job, the model, the settings, the run, what measures it, the command.
        .target(name: "Charts", dependencies: ["Reporting"]),
        .target(
            name: "RunReport",
            dependencies: ["Charts", "Reporting", "Objectives", "Formats", systemPackage]
        ),
        .target(
            name: "Supervision",
            dependencies: ["Reporting", "Collectives", "Formats", "CSignals", systemPackage]
        ),
        .target(
            name: "Transformer",
            dependencies: ["Compute", "Formats", "Preferences"]
        ),
        .target(name: "Generation", dependencies: ["Transformer", "Compute", "Preferences", "Formats", systemPackage]),
        .target(
            name: "Configuration",
            dependencies: ["Reporting", "Objectives", "Preferences", "Formats", "Collectives", systemPackage]
        ),
        .target(
            name: "Training",
            dependencies: [
                "Configuration", "Supervision", "RunReport", "Reporting", "Transformer", "Objectives", "Preferences",
                "Formats", "Collectives", "Compute", "Revision", systemPackage,
            ]
        ),
        .target(
            name: "Benchmarking",
            dependencies: [
                "Training", "Configuration", "Reporting", "Transformer", "Objectives", "Preferences", "Formats",
                "Collectives", "Compute", systemPackage,
            ]
        ),
        .target(
            name: "ScalingStudy",
            dependencies: ["Reporting", "Preferences", "Formats", "Collectives", systemPackage]
        ),
        .executableTarget(
            name: "espalier",
            dependencies: [
                "ScalingStudy", "Benchmarking", "Training", "RunReport", "Generation", "Charts", "Configuration",
                "Supervision", "Reporting", "Transformer", "Tokenization", "Objectives", "Preferences", "Formats",
                "Collectives", "Compute",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                systemPackage,
            ]
        ),

        // Tests: goldens, real files, real processes.
        .target(
            name: "TestSupport",
            dependencies: ["Collectives", "Compute", "Formats", systemPackage],
            path: "Tests/TestSupport"
        ),
        .executableTarget(name: "RankProgram", dependencies: ["Collectives"], path: "Tests/RankProgram"),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "ScalingStudy", "Training", "RunReport", "Charts", "Configuration", "Reporting", "Transformer",
                "Tokenization", "Preferences", "Formats", systemPackage,
            ],
            path: "Tests/Fuzz/Targets"
        ),
        .testTarget(name: "ComputeTests", dependencies: ["Compute", "CKernels", "Formats", "TestSupport"]),
        .testTarget(
            name: "CollectivesTests",
            dependencies: ["Collectives", "TestSupport", "RankProgram", systemPackage]
        ),
        .testTarget(name: "FormatsTests", dependencies: ["Formats", "TestSupport", systemPackage]),
        .testTarget(name: "PreferencesTests", dependencies: ["Preferences", "Formats", "TestSupport", systemPackage]),
        .testTarget(
            name: "TokenizationTests",
            dependencies: ["Tokenization", "Formats", "TestSupport", systemPackage]
        ),
        .testTarget(name: "ObjectivesTests", dependencies: ["Objectives", "TestSupport", systemPackage]),
        .testTarget(
            name: "TransformerTests",
            dependencies: [
                "Transformer", "Generation", "Compute", "Formats", "Preferences", "TestSupport", systemPackage,
            ]
        ),
        .testTarget(name: "ReportingTests", dependencies: ["Reporting", "Objectives", "TestSupport", systemPackage]),
        .testTarget(name: "ChartsTests", dependencies: ["Charts"]),
        .testTarget(name: "RunReportTests", dependencies: ["RunReport", "TestSupport", systemPackage]),
        .testTarget(
            name: "ConfigurationTests",
            dependencies: [
                "Configuration", "Objectives", "Preferences", "Formats", "Collectives", "TestSupport", systemPackage,
            ]
        ),
        .testTarget(
            name: "SupervisionTests",
            dependencies: ["Supervision", "Collectives", "TestSupport", systemPackage]
        ),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Configuration", "Reporting", "Transformer", "Objectives", "Preferences", "Formats",
                "Collectives", "Compute", "TestSupport", systemPackage,
            ]
        ),
        .testTarget(
            name: "BenchmarkingTests",
            dependencies: ["Benchmarking", "Training", "Transformer", "Formats", "Compute"]
        ),
        .testTarget(
            name: "ScalingStudyTests",
            dependencies: ["ScalingStudy", "Reporting", "Formats", "TestSupport", systemPackage]
        ),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "Transformer", "Formats", "Collectives", "Compute", "TestSupport", "espalier", systemPackage,
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)

// The tests of the other targets do not depend on the MPI library: a second build would only repeat them.
if mpi == "mpich" {
    package.targets.removeAll { $0.type == .test && !["CollectivesTests", "CommandTests"].contains($0.name) }
}

// What launch/fuzz builds, which needs a sanitizer's runtime.
if Context.environment["ESPALIER_FUZZ"] != nil {
    package.targets += [
        .systemLibrary(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .executableTarget(
            name: "Fuzz",
            dependencies: ["CFuzzer", "FuzzTargets"],
            path: "Tests/Fuzz",
            exclude: ["CFuzzer", "Corpus", "Targets", "dictionary"],
            sources: ["Fuzz.swift"]
        ),
    ]
}

/// One standard for all of our code; a C target takes none of these.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
let cTargets = ["CMPI", "CKernels", "CSignals", "CCommit"]
for target in package.targets where target.type != .system && !cTargets.contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + strict
}

/// Modules that loop over settings and processes, not over tokens, weights or files: optimized, they take a fifth of the time
/// of a first build, and are no faster for a user; the tests of commands, which wait for processes, compile twice as long.
let unoptimized = ["Supervision", "Configuration", "Benchmarking", "ScalingStudy", "espalier", "CommandTests"]
for target in package.targets where unoptimized.contains(target.name) {
    target.swiftSettings? += [.unsafeFlags(["-Onone"], .when(configuration: .release))]
}
