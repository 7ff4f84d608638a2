/// The publication of a loss, which a model card cites.
struct LossPaper: Equatable {
    /// The name of the method.
    let method: String
    /// The tag of the method on the Hugging Face Hub.
    let tag: String
    let firstAuthor: String
    let title: String
    /// The identifier on arXiv, whose first two digits are the year.
    let arXiv: String

    /// The paper of a loss by TRL's name; nil for `sft`.
    static func of(_ loss: String) -> LossPaper? { all[loss] }

    /// The entry of a bibliography.
    var bibTeX: String {
        """
        @article{\(tag),
          author = {\(firstAuthor) and others},
          title  = {{\(title)}},
          year   = {20\(arXiv.prefix(2))},
          eprint = {\(arXiv)},
          archivePrefix = {arXiv}
        }
        """
    }

    private init(_ method: String, _ tag: String, _ firstAuthor: String, _ arXiv: String, _ title: String) {
        (self.method, self.tag, self.firstAuthor, self.arXiv, self.title) = (method, tag, firstAuthor, arXiv, title)
    }

    private static let dpo =
        "Direct Preference Optimization: Your Language Model is Secretly a Reward Model"
    private static let transport =
        "Distributional Preference Alignment of LLMs via Optimal Transport"
    private static let anchored =
        "Anchored Preference Optimization and Contrastive Revisions: Addressing Underspecification in Alignment"

    private static let all: [String: LossPaper] = [
        "sigmoid": LossPaper("DPO", "dpo", "Rafailov, Rafael", "2305.18290", dpo),
        "hinge": LossPaper(
            "SLiC-HF",
            "slic",
            "Zhao, Yao",
            "2305.10425",
            "SLiC-HF: Sequence Likelihood Calibration with Human Feedback"
        ),
        "ipo": LossPaper(
            "IPO",
            "ipo",
            "Azar, Mohammad Gheshlaghi",
            "2310.12036",
            "A General Theoretical Paradigm to Understand Learning from Human Preferences"
        ),
        "exo_pair": LossPaper(
            "EXO",
            "exo",
            "Ji, Haozhe",
            "2402.00856",
            "Towards Efficient Exact Optimization of Language Model Alignment"
        ),
        "nca_pair": LossPaper(
            "NCA",
            "nca",
            "Chen, Huayu",
            "2402.05369",
            "Noise Contrastive Alignment of Language Models with Explicit Rewards"
        ),
        "robust": LossPaper(
            "robust DPO",
            "robust-dpo",
            "Chowdhury, Sayak Ray",
            "2403.00409",
            "Provably Robust DPO: Aligning Language Models with Noisy Feedback"
        ),
        "bco_pair": LossPaper(
            "BCO",
            "bco",
            "Jung, Seungjae",
            "2404.04656",
            "Binary Classifier Optimization for Large Language Model Alignment"
        ),
        "sppo_hard": LossPaper(
            "SPPO",
            "sppo",
            "Wu, Yue",
            "2405.00675",
            "Self-Play Preference Optimization for Language Model Alignment"
        ),
        "aot": LossPaper("AOT", "aot", "Melnyk, Igor", "2406.05882", transport),
        "aot_unpaired": LossPaper("unpaired AOT", "aot", "Melnyk, Igor", "2406.05882", transport),
        "apo_zero": LossPaper("APO-zero", "apo", "D'Oosterlinck, Karel", "2408.06266", anchored),
        "apo_down": LossPaper("APO-down", "apo", "D'Oosterlinck, Karel", "2408.06266", anchored),
        "discopop": LossPaper(
            "DiscoPOP",
            "discopop",
            "Lu, Chris",
            "2406.08414",
            "Discovering Preference Optimization Algorithms with and for Large Language Models"
        ),
        "sigmoid_norm": LossPaper(
            "length-normalized DPO",
            "dpo",
            "Lambert, Nathan",
            "2411.15124",
            "Tulu 3: Pushing Frontiers in Open Language Model Post-Training"
        ),
        "simpo": LossPaper(
            "SimPO",
            "simpo",
            "Meng, Yu",
            "2405.14734",
            "SimPO: Simple Preference Optimization with a Reference-Free Reward"
        ),
        "cpo": LossPaper(
            "CPO",
            "cpo",
            "Xu, Haoran",
            "2401.08417",
            "Contrastive Preference Optimization: Pushing the Boundaries of LLM Performance in Machine Translation"
        ),
        "orpo": LossPaper(
            "ORPO",
            "orpo",
            "Hong, Jiwoo",
            "2403.07691",
            "ORPO: Monolithic Preference Optimization without Reference Model"
        ),
        "plackett_luce": LossPaper("DPO of rankings", "dpo", "Rafailov, Rafael", "2305.18290", dpo),
    ]
}
