package import Collectives
package import Compute
package import Configuration
internal import Foundation
package import Reporting

/// How products with weights are computed by all ranks, with the measurements that are reported about it.
///
/// A choice between methods that are about equally fast would depend on chance, and with it the last bits of a run. In float32
/// the processor's instructions decide therefore: our kernels where they have vectors of AVX2 or AVX-512, elsewhere the
/// library. A measurement that contradicts is reported, with the remedy.
package struct ProductChoice: Sendable {
    package let products: Products
    /// `float32` or `bfloat16`.
    package let precision: ProductPrecision
    /// The FLOP/s of all ranks together, of each method that was measured.
    package let rates: [(products: Products, rate: Double)]

    /// The environment variable that names a method, for measurements and for tests of kernels.
    package static let variable = "ESPALIER_PRODUCTS"
    /// The speed of the library relative to our kernel that is reported.
    private static let remarkable = 1.25

    /// The speed of the library relative to the chosen products in float32; 1 if these are the library's.
    private let librarySpeed: Double

    private func rate(of products: Products) -> Double? { rates.first { $0.products == products }?.rate }

    /// Measures and checks the methods for a precision, on all ranks at the same time; collective.
    ///
    /// Ranks with different processors compute float32 by their own kernels.
    ///
    /// - Throws: `RankFailure` on every rank if a rank's processor cannot compute in the precision, memory is refused, or the
    ///   environment names a method that is none, that differs from another rank's, or that computes wrongly.
    package static func make(
        _ precision: ProductPrecision,
        team: ThreadTeam,
        communicator: any Communicator
    ) throws -> ProductChoice {
        try communicator.agree { try Products.allocateBuffers(of: team) }
        if let forced = try forced(precision, communicator) {
            let precision: ProductPrecision = forced.roundsOperands ? .bfloat16 : .float32
            return ProductChoice(products: forced, precision: precision, rates: [], librarySpeed: 1)
        }
        let own = ProductKernel.float32 == .portable ? Products(.library) : .float32
        let rounded = precision == .float32 ? [] : ProductKernel.bfloat16.map { Products(.kernel($0)) }
        // The same number on all ranks: the library, a kernel of the rank's own in float32, those in bfloat16.
        let slots = [Products(.library), own] + rounded
        let isTrusted = try trusted(slots, communicator)
        let used = slots.indices.filter { isTrusted[$0] }
        let methods = used.map { slots[$0] }
        let rates = try communicator.agree { try ProductTrial.rates(of: methods, team: team) }
        let single = isTrusted[1] ? 1 : 0
        let sums = try communicator.sum(methods.indices.flatMap { [rates.best($0), rates.ratio($0, over: single)] })
        func speed(_ index: Int) -> Double { sums[2 * index + 1] / Double(communicator.size) }
        let halves = used.indices.filter { used[$0] > 1 }
        let half = halves.max { speed($0) < speed($1) }
        if precision == .bfloat16, half == nil {
            try communicator.agree { throw unavailable(precision) }
        }
        let takesHalf = half.map { precision == .bfloat16 || speed($0) > 1 } ?? false
        let chosen = takesHalf ? methods[half ?? single] : methods[single]
        let isRepeated = own.method == .library
        return ProductChoice(
            products: chosen,
            precision: chosen.roundsOperands ? .bfloat16 : .float32,
            rates: methods.indices.filter { !(isRepeated && used[$0] == 1) }.map { (methods[$0], sums[2 * $0]) },
            librarySpeed: speed(0)
        )
    }

    /// Which of the methods, in the same order on all ranks, are available and trusted on all of them.
    private static func trusted(_ methods: [Products], _ communicator: any Communicator) throws -> [Bool] {
        let rank = communicator.rank
        let own = try communicator.agree { try methods.map { $0.isAvailable ? try isTrusted($0, rank: rank) : false } }
        return try communicator.sum(own.map { $0 ? 1 : 0 }).map { Int($0) == communicator.size }
    }

    /// Whether a method's products equal the library's up to the order of their sums; if not, that is reported.
    private static func isTrusted(_ products: Products, rank: Int) throws -> Bool {
        guard products.method != .library else { return true }
        let difference = try ProductTrial.difference(of: products)
        guard !(difference < 1e-4) else { return true }
        printNotice(
            "warning: rank \(rank): products by \(products.name) differ from OpenBLAS's by \(short(difference)) of their size; "
                + "they are not used"
        )
        return false
    }

    /// The method that the environment names, the same on all ranks; nil without one.
    private static func forced(_ precision: ProductPrecision, _ communicator: any Communicator) throws -> Products? {
        let rank = communicator.rank
        let name = ProcessInfo.processInfo.environment[variable] ?? ""
        let first = try communicator.broadcast(name, root: 0)
        return try communicator.agree {
            func text(_ name: String) -> String { name.isEmpty ? "none" : name }
            guard name == first else {
                let expected = "the same on all ranks, to which \(MPILibrary.built.passing(variable)) passes it"
                let found = "\(text(first)) on rank 0, \(text(name)) on rank \(rank)"
                throw TrainingError.invalid(key: variable, expected: expected, found: found)
            }
            guard !name.isEmpty else { return nil }
            let suitable = Products.names.filter { name in
                guard let products = Products(name: name), products.isAvailable else { return false }
                return precision == .auto || products.roundsOperands == (precision == .bfloat16)
            }
            guard let products = Products(name: name), suitable.contains(name) else {
                let purpose = precision == .auto ? "" : " in \(precision.rawValue)"
                let expected = "one of \(suitable.joined(separator: ", ")), the methods of this processor\(purpose)"
                throw TrainingError.invalid(key: variable, expected: expected, found: "\(name) on rank \(rank)")
            }
            guard try isTrusted(products, rank: rank) else {
                let expected = "a method whose products equal OpenBLAS's"
                throw TrainingError.invalid(key: variable, expected: expected, found: "\(name) on rank \(rank)")
            }
            return products
        }
    }

    private static func unavailable(_ precision: ProductPrecision) -> TrainingError {
        TrainingError.invalid(
            key: TrainingConfiguration.CodingKeys.precision.rawValue,
            expected: "float32 or auto, since the processor of a rank has no instructions for products of bfloat16 "
                + "(AVX512-BF16 or AMX-BF16)",
            found: precision.rawValue
        )
    }
}

extension ProductChoice {
    /// A line about the choice for rank 0 to print; nil if it is what a reader of the settings expects.
    ///
    /// - Parameter requested: The precision that the settings ask for.
    package func remark(requested: ProductPrecision) -> String? {
        let list = rates.map { "\($0.products.name) \(Int(($0.rate / 1e9).rounded()))" }.joined(separator: ", ")
        let measurements = rates.isEmpty ? "set by \(Self.variable)" : "measured GFLOP/s: \(list)"
        if requested == .auto || rates.isEmpty {
            let reason = absence.map { "; \($0)" } ?? ""
            return "note: products in \(precision.rawValue) by \(products.name) (\(measurements)\(reason))"
        }
        let singles = rates.filter { !$0.products.roundsOperands }.map(\.rate).max() ?? 0
        if requested == .bfloat16, let own = rate(of: products), own < singles {
            return
                "warning: products in bfloat16 are slower than in float32 here (\(measurements)); set precision to float32"
        }
        guard requested == .float32, librarySpeed > Self.remarkable else { return nil }
        return "warning: OpenBLAS's products are \(rounded(librarySpeed, 2)) times as fast here (\(measurements)); "
            + "if the machine was not busy, set \(Self.variable)=openblas"
    }

    /// Why products in bfloat16 were not measured, though any precision was allowed; nil if they were.
    package var absence: String? {
        guard !rates.isEmpty, !rates.contains(where: { $0.products.roundsOperands }) else { return nil }
        return "bfloat16 needs AVX512-BF16 or AMX-BF16 on all ranks"
    }

    /// Adds the choice and the measurements to `summary.json`.
    package func addSummary(to record: inout MetricsRecord) {
        record.add("precision", precision.rawValue)
        record.add("products", products.name)
        for entry in rates { record.add("products_gflops/\(entry.products.name)", entry.rate / 1e9) }
    }
}

extension Policy {
    /// Chooses how products are computed in a precision, uses that from now on, and reports it on rank 0; collective.
    package func chooseProducts(_ precision: ProductPrecision, communicator: any Communicator) throws -> ProductChoice {
        let choice = try ProductChoice.make(precision, team: team, communicator: communicator)
        use(choice.products)
        if communicator.rank == 0, let remark = choice.remark(requested: precision) { printNotice(remark) }
        return choice
    }
}
