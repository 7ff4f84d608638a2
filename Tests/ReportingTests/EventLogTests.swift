internal import Foundation
internal import Reporting
internal import SystemPackage
internal import TestSupport
internal import Testing

struct EventLogTests {
    private func record(_ fields: [(String, Double)]) -> MetricsRecord {
        var record = MetricsRecord()
        record.add("step", 7)
        for (key, value) in fields { record.add(key, value) }
        record.add("sharing", "any")
        record.add("sizes", numbers: [1, 2])
        return record
    }

    @Test("each record is in the file at once, under the tags of Hugging Face's Trainer, without step and strings")
    func records() throws {
        try Places.temporary { directory in
            let path = directory.appending("events.out.tfevents.1")
            let log = try EventLog(creating: path, from: 3, now: { 2.5 })
            log.append(text: "a: 1\n\nb: 2", tag: "args", step: 2)
            var expected: [TensorBoardEvent] = [
                .version(wallTime: 2.5), .start(at: 3, wallTime: 2.5),
                .text("    a: 1\n    \n    b: 2", tag: "args", step: 2, wallTime: 2.5),
            ]
            func expectFile() {
                #expect(FileManager.default.contents(atPath: path.string) == Data(expected.flatMap(\.record)))
            }
            expectFile()
            let fields = [
                ("loss", Double.nan), ("rewards/chosen", 0.5), ("eval_rewards/margins", -1), ("test_loss", 2),
            ]
            log.append(record(fields))
            let tags = ["train/loss", "train/rewards/chosen", "eval/rewards/margins", "test/loss"]
            let values = zip(tags, fields).map { (tag: $0, value: $1.1) }
            expected.append(.scalars(values, step: 7, wallTime: 2.5))
            expectFile()
            log.finish()
            expectFile()
        }
    }

    @Test("an existing file is not replaced")
    func existing() throws {
        try Places.temporary { directory in
            let path = directory.appending("events")
            _ = try EventLog(creating: path, from: 0)
            let error = #expect(throws: (any Error).self) { try EventLog(creating: path, from: 0) }
            #expect(error.map { "\($0)" } == "\(path): cannot be written: File exists")
        }
    }

    @Test("the lines of metrics.jsonl have null where events have NaN")
    func numbers() {
        let line = record([("loss", .nan), ("n", -.infinity)])
        #expect(line.line == #"{"step": 7, "loss": null, "n": null, "sharing": "any", "sizes": [1, 2]}"#)
        #expect(line.numbers.map(\.key) == ["step", "loss", "n"])
        #expect(line.numbers[1].value.isNaN && line.numbers[2].value == -.infinity)
    }
}
