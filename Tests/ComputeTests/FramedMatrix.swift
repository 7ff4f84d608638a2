internal import Compute
internal import TestSupport
internal import Testing

/// A matrix within a larger one, so that rows are not contiguous and a write beyond them is seen.
struct FramedMatrix: ~Copyable {
    private static let margin = 3

    private let whole: TestMatrix
    private let frame: Double
    let view: Matrix

    /// A matrix whose elements outside the view are `frame`: another number than that of a matrix which is copied.
    init(_ rows: Int, _ columns: Int, frame: Double = -77, _ value: (Int, Int) -> Double = { _, _ in 0 }) throws {
        self.frame = frame
        let margin = Self.margin
        whole = try TestMatrix(rows + 1, columns + 2 * margin) { row, column in
            let inner = column - margin
            return row < rows && inner >= 0 && inner < columns ? value(row, inner) : frame
        }
        view = whole.view.rows(0..<rows).columns(margin..<margin + columns)
    }

    /// The elements in double, row by row.
    var doubles: [Double] { view.elements().map(Double.init) }

    /// Expects that no element outside the view was written; sets those within it to 0.
    func expectFrameUnchanged(sourceLocation: SourceLocation = #_sourceLocation) {
        view.fill(0)
        let written = whole.doubles.filter { $0 != frame }.count
        #expect(written == view.rows * view.columns, "elements outside the view", sourceLocation: sourceLocation)
    }
}

/// The sum of `a[i] * b[i]`: a loss whose gradient by `a` is `b`.
func dot(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
}
