internal import Foundation
internal import Reporting
internal import Testing

struct MetricsRecordTests {
    @Test("fields stay in order, on one line or one per line")
    func order() {
        var record = MetricsRecord()
        record.add("step", 3)
        record.add("loss", 0.5)
        record.add("a/b", "x")
        #expect(record.line == #"{"step": 3, "loss": 0.5, "a/b": "x"}"#)
        #expect(record.page == "{\n  \"step\": 3,\n  \"loss\": 0.5,\n  \"a/b\": \"x\"\n}\n")
    }

    @Test("a number that is not finite becomes null", arguments: [Double.nan, .infinity, -.infinity, .signalingNaN])
    func notFinite(value: Double) {
        var record = MetricsRecord()
        record.add("loss", value)
        #expect(record.line == #"{"loss": null}"#)
    }

    @Test(
        "a number is read back with the same bits",
        arguments: [0, -0.0, 0.1, 1e-6, 5e20, 1e300, Double.leastNonzeroMagnitude, 1.0 / 3, 123_456_789.125, -2]
    )
    func numbers(value: Double) throws {
        var record = MetricsRecord()
        record.add("x", value)
        let object = try JSONSerialization.jsonObject(with: Data(record.line.utf8)) as? [String: Any]
        #expect((object?["x"] as? NSNumber)?.doubleValue == value)
    }

    @Test("integers have no decimal point", arguments: [(0, "0"), (-5, "-5"), (.max, "9223372036854775807")])
    func integers(value: Int, expected: String) {
        var record = MetricsRecord()
        record.add("n", value)
        #expect(record.line == "{\"n\": \(expected)}")
    }

    @Test(
        "strings are escaped so that a record stays one line of JSON",
        arguments: ["a\"b", "a\\b", "a\nb\r\t", "\0\u{1}\u{1F}", "ü 語 🌳", "/a/b", "", "\u{2028}", "\u{7F}"]
    )
    func strings(text: String) throws {
        var record = MetricsRecord()
        record.add(text, text)
        let line = record.line
        #expect(!line.contains { $0.isNewline && $0 != "\u{2028}" })
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
        #expect(object == [text: text])
    }

    @Test("slashes are not escaped")
    func slashes() {
        var record = MetricsRecord()
        record.add("rewards/chosen", "a/b")
        #expect(record.line == #"{"rewards/chosen": "a/b"}"#)
    }

    @Test("a list of objects is on one line in a line, and has one line per object on a page")
    func lists() {
        var (first, second, record) = (MetricsRecord(), MetricsRecord(), MetricsRecord())
        first.add("a", 1)
        second.add("a", 2)
        record.add("n", 7 as UInt64)
        record.add("list", [first, second])
        record.add("none", [])
        #expect(record.line == #"{"n": 7, "list": [{"a": 1}, {"a": 2}], "none": []}"#)
        let page = """
            {
              "n": 7,
              "list": [
                {"a": 1},
                {"a": 2}
              ],
              "none": []
            }

            """
        #expect(record.page == page)
    }

    @Test("a list of numbers is on one line, and non-finite ones become null")
    func numberLists() {
        var record = MetricsRecord()
        record.add("ci", numbers: [0.25, .nan])
        #expect(record.line == #"{"ci": [0.25, null]}"#)
        #expect(record.page == "{\n  \"ci\": [0.25, null]\n}\n")
    }

    @Test("an empty record is an object")
    func empty() throws {
        #expect(MetricsRecord().line == "{}")
        let object = try JSONSerialization.jsonObject(with: Data(MetricsRecord().page.utf8)) as? [String: String]
        #expect(object == [:])
    }
}
