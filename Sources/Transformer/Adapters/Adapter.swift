/// A low-rank adapter of a model: what is trained in place of the model's own weights, which stay as they are.
///
/// A module `y = x Wᵀ + b` becomes `y = x Wᵀ + s (x Aᵀ) Bᵀ + b`, LoRA, Hu et al. 2021.
package struct Adapter: Sendable, Equatable {
    /// The product that is added to one module.
    package struct LowRank: Sendable, Equatable {
        /// `r`: rows of `A`, columns of `B`.
        package var rank: Int
        /// `s`: `lora_alpha / r`, or `lora_alpha / √r` for a rank-stabilized adapter.
        package var scale: Float

        package init(rank: Int, scale: Float) { (self.rank, self.scale) = (rank, scale) }
    }

    /// The adapted modules, which have matrices.
    package var modules: [Module: LowRank]
    /// Whether the norms of adapted weights' rows are trained vectors, DoRA.
    ///
    /// `y = m / ‖W + s B A‖ ⊙ (x Wᵀ + s (x Aᵀ) Bᵀ) + b`, Liu et al. 2024.
    package var hasMagnitudes: Bool
    /// The modules that are trained as copies of the model's own: embedding or head.
    package var copiedModules: Set<Module>

    package init(modules: [Module: LowRank], hasMagnitudes: Bool = false, copiedModules: Set<Module> = []) {
        (self.modules, self.hasMagnitudes, self.copiedModules) = (modules, hasMagnitudes, copiedModules)
    }
}
