internal import Configuration
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The settings of TRL and LLaMA-Factory in the versions of `foreign_settings.json`.
struct TranslationDefaultsTests {
    /// The defaults of the classes that make up a trainer's settings.
    private func defaults(_ classes: String...) throws -> [String: JSONValue] {
        let record = try StrictJSON.object(in: Places.repository.appending("Tests/Goldens/foreign_settings.json"))
        let all = try #require(record["classes"]?.object)
        return try classes.reduce(into: [:]) { found, name in
            found.merge(try #require(all[name]?.object)) { first, _ in first }
        }
    }

    /// The settings that every file here has.
    private static let given: Set = ["model_name_or_path", "output_dir", "stage"]

    /// A file that writes out every default, in the order of names.
    private func file(_ defaults: [String: JSONValue]) -> String {
        let rest = defaults.filter { !Self.given.contains($0.key) && $0.value != .null }
        return rest.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.yaml)" }.joined(separator: "\n")
    }

    /// A file with null for every setting.
    private func nulls(_ defaults: [String: JSONValue]) -> String {
        defaults.keys.filter { !Self.given.contains($0) }.sorted().map { "\($0): null" }.joined(separator: "\n")
    }

    private func expectSame(_ text: String, _ other: String) throws {
        let (long, short) = (try Translations.settings(text), try Translations.settings(other))
        #expect(try long.difference(from: short) == nil)
        #expect(long.saving == short.saving && long.evaluation == short.evaluation)
    }

    @Test("a file with every default of TRL, or null, learns the same as one without them")
    func trl() throws {
        let classes = try defaults("DPOConfig", "ModelConfig", "ScriptArguments", "DatasetMixtureConfig")
        #expect(classes.count > 150)
        try expectSame(file(classes), "")
        try expectSame(nulls(classes), "")
    }

    @Test("a file with every default of TRL's CPO or ORPO learns the same as one without them")
    func cpo() throws {
        let common = try defaults("ModelConfig", "ScriptArguments", "DatasetMixtureConfig")
        try expectSame(file(try defaults("CPOConfig").merging(common) { first, _ in first }), "cpo_alpha: 1")
        try expectSame(file(try defaults("ORPOConfig").merging(common) { first, _ in first }), "")
    }

    @Test("a file with every default of LLaMA-Factory, or null, learns the same as one without them")
    func llamaFactory() throws {
        let classes = try defaults("LLaMA-Factory", "Seq2SeqTrainingArguments")
        #expect(classes.count > 300)
        try expectSame("stage: dpo\n" + file(classes), "stage: dpo")
        try expectSame("stage: dpo\n" + nulls(classes), "stage: dpo")
    }

    @Test("the defaults of a translation are those of the trainer")
    func values() throws {
        let (trl, factory) = (try defaults("DPOConfig"), try defaults("LLaMA-Factory", "Seq2SeqTrainingArguments"))
        var compared = 0
        for (start, defaults) in [("", trl), ("stage: dpo", factory)] {
            for line in try Translations.yaml(start).split(separator: "\n") where line.hasSuffix("'s default") {
                let key = String(line.prefix { $0 != ":" })
                let names = ["beta": "pref_beta", "lora_r": "lora_rank", "lora_target_modules": "lora_target"]
                guard let name = defaults[key] == nil ? names[key] : key, let value = defaults[name], value != .null
                else {
                    continue
                }
                let text = line.dropFirst(key.count + 2).prefix { $0 != " " }
                let isAll = value.string == "all" && text == "all-linear"
                #expect(value.double.map { $0 == Double(text) } ?? (isAll || value.string == String(text)), "\(line)")
                compared += 1
            }
        }
        #expect(compared >= 21)
        #expect(trl["per_device_train_batch_size"]?.wholeNumber == 8 && trl["max_length"]?.wholeNumber == 1024)
        #expect(trl["logging_steps"]?.wholeNumber == 10 && factory["cutoff_len"]?.wholeNumber == 2048)
        #expect(factory["logging_steps"]?.wholeNumber == 500)
    }
}
