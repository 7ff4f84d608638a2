internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What `--resume DIR` and `--reference-cache FILE` report about something else than a checkpoint or a cache.
@Suite(.serialized)
struct NamedCheckpointTests {
    private static let schedule = ["--max-steps", "3", "--save-steps", "1"]

    private func withRuns(_ body: (TinyRuns) throws -> Void) throws {
        try Places.temporary { try body(TinyRuns(output: $0.appending("out"))) }
    }

    @Test("a path that is no checkpoint is refused with what is there, and the newest checkpoint nearby")
    func places() throws {
        try withRuns { runs in
            let nothing = runs.output.removingLastComponent().appending("nothing")
            let start = "; there is none in OUT; start a new run without --resume"
            let expected = "expected the directory of a checkpoint, found "
            let none = try runs.refusal(Self.schedule + ["--resume", nothing.string])
            #expect(none == "error: \(nothing): \(expected)nothing with that name\(start)")
            try runs.finish(Self.schedule)
            let near = "; pass --resume OUT/checkpoint-2, the newest one nearby"
            for (name, found) in [
                ("", "the output directory of a run"), ("checkpoint-9", "nothing with that name"),
                ("model.safetensors", "a file"),
            ] {
                let path = name.isEmpty ? runs.output : runs.output.appending(name)
                let error = try runs.refusal(Self.schedule + ["--resume", path.string])
                let place = path.string.replacingOccurrences(of: runs.output.string, with: "OUT")
                #expect(error == "error: \(place): \(expected)\(found)\(near)")
            }
            let model = try runs.refusal(Self.schedule + ["--resume", Golden.tied.directory.string])
            #expect(model == "error: \(Golden.tied.directory): \(expected)another directory\(near)")
            try runs.remove("checkpoint-2/manifest.json")
            let path = runs.output.appending("checkpoint-2").string
            let cut = try runs.refusal(Self.schedule + ["--resume", path])
            let found = "one without manifest.json, which is incomplete"
            let other = "; pass --resume OUT/checkpoint-1, the newest one nearby"
            #expect(cut == "error: OUT/checkpoint-2: \(expected)\(found)\(other)")
        }
    }

    @Test(
        "an empty value of --resume is refused, not taken as the newest",
        arguments: [["--resume="], ["--resume", ""], ["--resume-from-checkpoint="]]
    )
    func empty(option: [String]) throws {
        try withRuns { runs in
            try runs.finish(Self.schedule)
            let error = try runs.refusal(Self.schedule + option)
            #expect(error == "error: resume_from_checkpoint must be auto or a checkpoint's directory, found nothing")
        }
    }

    @Test("a checkpoint of another version is refused with both forms and a remedy that works")
    func otherVersion() throws {
        try withRuns { runs in
            try runs.finish(Self.schedule)
            let checkpoint = runs.output.appending("checkpoint-2")
            try rewriteCheckpoint(checkpoint, "espalier-state.json") {
                $0.replacingOccurrences(of: "architecture-1:", with: "architecture-0:")
            }
            let error = try runs.refusal(Self.schedule + ["--resume", checkpoint.string])
            let forms = "expected a model digest of the form architecture-1, found architecture-0, of another version"
            let remedy = "resume with that version, or start a new run from the weights with --model OUT/checkpoint-2"
            #expect(error == "error: OUT/checkpoint-2: \(forms) of espalier; \(remedy)")
            let more = TinyRuns(output: runs.output.removingLastComponent().appending("more"))
            try more.finish(Self.schedule + ["--model", checkpoint.string])
            try rewriteCheckpoint(checkpoint, "espalier.yaml") { $0 + "novel_setting: 1\n" }
            let settings = try runs.refusal(Self.schedule + ["--resume", checkpoint.string])
            #expect(settings.contains("unknown key novel_setting"), "\(settings)")
            let end = "or start a new run from its weights with --model OUT/checkpoint-2"
            #expect(settings.hasSuffix(end), "\(settings)")
        }
    }

    @Test("a link with the name of a checkpoint is refused and stays", arguments: [true, false])
    func link(isDangling: Bool) throws {
        try withRuns { runs in
            try runs.finish(Self.schedule)
            let target = runs.output.removingLastComponent().appending("elsewhere")
            if !isDangling {
                let checkpoint = runs.output.appending("checkpoint-2").string
                try FileManager.default.moveItem(atPath: checkpoint, toPath: target.string)
            }
            let link = runs.output.appending("checkpoint-99").string
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target.string)
            for resume in [[], ["--resume"]] {
                let error = try runs.refusal(Self.schedule + resume)
                #expect(error.hasPrefix("error: OUT/checkpoint-99: expected a checkpoint, found a link to \(target), "))
            }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target.string)
            guard !isDangling else { return }
            try FileManager.default.removeItem(atPath: link)
            let resumed = try runs.notices(Self.schedule + ["--resume", target.string])
            #expect(resumed.first == "resuming after step 2 from \(target)")
        }
    }

    @Test("a damaged checkpoint that a run replaces is reported")
    func damaged() throws {
        try withRuns { runs in
            try runs.finish(Self.schedule)
            try runs.remove("checkpoint-1/manifest.json")
            let notices = try runs.notices(Self.schedule)
            #expect(notices.contains("warning: replaced OUT/checkpoint-1, which was damaged"), "\(notices)")
            #expect(notices.contains("warning: replaced OUT/checkpoint-2 of an earlier run"), "\(notices)")
        }
    }

    @Test("the reference cache may be in a new output directory")
    func cacheInOutput() throws {
        try withRuns { runs in
            try runs.finish(Self.schedule + ["--reference-cache", runs.output.appending("ref.safetensors").string])
            #expect(runs.exists("ref.safetensors") && runs.exists("model.safetensors"))
        }
    }

    @Test("an empty, truncated or other file is no reference cache, and the remedy works")
    func damagedCache() throws {
        try withRuns { runs in
            let cache = runs.output.removingLastComponent().appending("ref.safetensors")
            let arguments = Self.schedule + ["--reference-cache", cache.string]
            try runs.finish(arguments)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: cache.string))
            let text = Data("text, no cache".utf8)
            for content in [Data(), bytes.prefix(5), bytes.prefix(bytes.count - 4), bytes.prefix(40), text] {
                try content.write(to: URL(fileURLWithPath: cache.string))
                let error = try runs.refusal(arguments)
                // Text is no damaged cache, and not to be removed.
                let removal = content == text ? "" : "remove the file to recompute it, or "
                #expect(error.hasPrefix("error: \(cache): "), "\(error)")
                #expect(error.hasSuffix("; \(removal)choose another --reference-cache"), "\(error)")
                #expect(error.components(separatedBy: "; ").count == 2, "\(error)")
            }
            try FileManager.default.removeItem(atPath: cache.string)
            try runs.finish(arguments)
        }
    }
}
