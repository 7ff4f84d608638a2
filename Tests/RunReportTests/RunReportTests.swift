internal import Foundation
#if canImport(FoundationXML)
internal import FoundationXML
#endif
internal import RunReport
internal import Testing

/// Pages of one run and of several ones.
struct RunReportTests {
    private func isXML(_ text: String) -> Bool { XMLParser(data: Data(text.utf8)).parse() }

    private func files(_ settings: String) -> RunFiles {
        var files = RunFiles()
        files.settings = settings
        return files
    }

    @Test("text of files is escaped: settings, totals, names of directories")
    func escaped() throws {
        var files = files("model: <script>alert(1)</script>\n\"<b>\": \"&\\\"\"\n")
        files.summary = #"{"precision": "<img src=x>", "<i>": "</table>", "sharing": "\u0001"}"#
        let page = try RunFiles.page(["<u>&": files])
        #expect(isXML(page) && page.contains("&lt;script&gt;alert(1)") && page.contains("<h1>&lt;u&gt;&amp;</h1>"))
        for tag in ["<script", "<b>", "<img", "</table></td>", "<u>"] { #expect(!page.contains(tag), "\(tag)") }
    }

    @Test("several runs list the settings that differ, and figures say which metrics are not the same quantity")
    func several() throws {
        let base = "data: d\npairs: all\nlearning_rate: 1e-06\noutput: "
        let page = try RunFiles.page([
            "a": files(base + "x\nloss_type: sigmoid\nbeta: 0.1\n"),
            "b": files(base + "y\nloss_type: simpo\nbeta: 2.0\n"),
        ])
        #expect(isXML(page))
        #expect(page.contains("<tr><th scope=\"row\">beta</th><td>0.1</td><td>2.0</td></tr>"))
        #expect(page.contains("<tr><th scope=\"row\">loss_type</th><td>sigmoid</td><td>simpo</td></tr>"))
        let differing = page.components(separatedBy: "<h2>Settings that differ</h2>")[1].components(
            separatedBy: "</table>"
        )[0]
        #expect(!differing.contains("output") && !differing.contains("learning_rate"))
        #expect(page.contains(">Not comparable between these runs: loss_type is sigmoid, simpo; beta is 0.1, 2.0.<"))
        #expect(page.contains(">Not comparable between these runs: a reward is β (log π − log π_ref), β log π / |y|.<"))
    }

    @Test("runs with the same settings have no remark")
    func same() throws {
        let page = try RunFiles.page(["a": RunFiles(), "b": RunFiles()])
        #expect(page.contains("All settings are the same.") && !page.contains("Not comparable"))
    }

    @Test("rewards with another β are not comparable, accuracies are")
    func beta() throws {
        let page = try RunFiles.page(["a": files("beta: 0.1\n"), "b": files("beta: 0.3\n")])
        let figures = page.components(separatedBy: "<figure>")
        func note(_ title: String) -> Bool? {
            figures.first { $0.contains("<figcaption>\(title)</figcaption>") }?.contains("Not comparable")
        }
        #expect(note("Loss") == true && note("Gradient norm") == true && note("Reward accuracy") == false)
    }

    @Test("a run of many steps has a small page, which says what its curves summarize")
    func long() throws {
        var files = RunFiles()
        files.metrics = (1...5000).map { RunFiles.line($0, loss: "\(0.5 + Double($0 * 7919 % 101) / 500)") }.joined()
        let page = try RunFiles.page(["long": files])
        #expect(page.utf8.count < 200_000 && isXML(page))
        #expect(page.contains("A point of a curve is the mean of 25 lines, with minimum and maximum."))
        #expect(page.contains(">60 of 5,000 lines, at equal distances.<"))
        #expect(page.components(separatedBy: "class=\"band c1 d1\"").count > 1)
    }

    @Test("a run of one step is drawn")
    func single() throws {
        var files = RunFiles()
        files.metrics = RunFiles.line(1)
        let page = try RunFiles.page(["one": files])
        #expect(isXML(page) && page.contains("<figcaption>Loss</figcaption>") && !page.contains("nan"))
    }

    @Test("a run whose files claim any numbers is drawn")
    func extremes() throws {
        var files = RunFiles()
        files.metrics = [(1e149, 1e-149), (-1e149, 1e149)].map { loss, norm in
            #"{"step": 9223372036854775807, "epoch": 1e300, "loss": \#(loss), "grad_norm": \#(norm), "#
                + #""step_seconds": 1e149, "tokens_computed": 1e149, "tokens_unshared": 1e-149}"# + "\n"
        }.joined()
        files.metrics += #"{"step": 9223372036854775807, "rollback_from_step": 5, "rollback_loss": 1e300}"# + "\n"
        let keys = ["steps", "pairs", "mfu", "ranks", "threads", "rollbacks", "skipped_steps", "train_seconds"]
        for number in ["1e308", "-1e300", "1e999", "1e-320"] {
            files.summary = "{" + keys.map { "\"\($0)\": \(number)" }.joined(separator: ", ") + "}"
            #expect(try isXML(RunFiles.page(["a": files])))
            #expect(try isXML(RunFiles.page(["a": files, "b": files])))
        }
    }
}
