internal import Reporting
internal import Testing

struct ProgressLineTests {
    private func line(_ fraction: Double, width: Int, secondsLeft: Double = 125) -> String {
        ProgressLine.line(
            title: "train",
            fraction: fraction,
            details: "step 3/10",
            secondsLeft: secondsLeft,
            width: width
        )
    }

    @Test("the bar takes the space that is left, up to 24 columns")
    func bar() {
        let empty = String(repeating: "╌", count: 24)
        #expect(line(0, width: 200) == "train \(empty)  step 3/10  2m05s left")
        let half = String(repeating: "━", count: 12) + String(repeating: "╌", count: 12)
        #expect(line(0.5, width: 80) == "train \(half)  step 3/10  2m05s left")
        #expect(line(1, width: 80) == "train \(String(repeating: "━", count: 24))  step 3/10  2m05s left")
        #expect(line(0.5, width: 40) == "train ━━━━╌╌╌╌╌  step 3/10  2m05s left")
    }

    @Test("the time left is that of the work of this process, not of the one that it resumes")
    func secondsLeft() {
        #expect(ProgressLine.secondsLeft(elapsed: 30, from: 0, to: 0.25) == 90)
        #expect(ProgressLine.secondsLeft(elapsed: 30, from: 0.5, to: 0.75) == 30)
        #expect(ProgressLine.secondsLeft(elapsed: 30, from: 0.5, to: 0.5) == .infinity)
        #expect(ProgressLine.secondsLeft(elapsed: 30, from: 0, to: 1) == 0)
    }

    @Test("in a narrow terminal the bar is dropped first, then the end of the text")
    func narrow() {
        #expect(line(0.5, width: 35) == "train ━━╌╌  step 3/10  2m05s left")
        #expect(line(0.5, width: 34) == "train step 3/10  2m05s left")
        #expect(line(0.5, width: 20) == "train step 3/10  2m")
        #expect(line(0.5, width: 1) == "" && line(0.5, width: 0) == "")
    }

    @Test("a line never reaches the last column, and the bar shows the fraction", arguments: 0...120)
    func width(width: Int) {
        for percent in stride(from: 0, through: 100, by: 5) {
            let line = line(Double(percent) / 100, width: width, secondsLeft: .infinity)
            #expect(line.count <= max(width - 1, 0))
            let (filled, empty) = (line.count { $0 == "━" }, line.count { $0 == "╌" })
            #expect(filled + empty == 0 || (4...24).contains(filled + empty))
            #expect(filled == (filled + empty) * percent / 100)
        }
    }

    @Test("details are left out before the time left")
    func details() {
        func line(_ width: Int) -> String {
            let details = "step 3/10  loss 0.5  accuracy 1.00  9.81 pairs/s"
            return ProgressLine.line(title: "train", fraction: 0.5, details: details, secondsLeft: 125, width: width)
        }
        #expect(line(67) == "train step 3/10  loss 0.5  accuracy 1.00  9.81 pairs/s  2m05s left")
        #expect(line(60) == "train step 3/10  loss 0.5  accuracy 1.00  2m05s left")
        #expect(line(40) == "train step 3/10  loss 0.5  2m05s left")
        #expect(line(30) == "train step 3/10  2m05s left")
    }

    @Test("a time left that is unknown is left out")
    func unknownTime() {
        #expect(line(0, width: 80, secondsLeft: .infinity) == "train \(String(repeating: "╌", count: 24))  step 3/10")
        #expect(line(0, width: 12, secondsLeft: .infinity) == "train step ")
    }

    @Test("a fraction above 1 fills the bar")
    func beyond() {
        #expect(line(1.2, width: 80) == line(1, width: 80))
    }

    @Test(
        "durations are readable",
        arguments: [
            (0, "0s"), (0.4, "0s"), (42, "42s"), (59.4, "59s"), (59.5, "1m00s"), (60, "1m00s"), (185, "3m05s"),
            (3599.4, "59m59s"), (3599.5, "1h00m"), (7800, "2h10m"), (86_400, "24h00m"), (360_000, "100h00m"),
            (.infinity, "?"), (.nan, "?"),
        ] as [(Double, String)]
    )
    func durations(seconds: Double, expected: String) {
        #expect(ProgressLine.duration(seconds) == expected)
    }
}
