extension Profile {
    /// Writes the spans in Chrome's Trace Event Format, which Perfetto opens.
    ///
    /// - Parameters:
    ///   - profiles: Each appears as a process with this name; all share one clock.
    ///   - write: Receives the text in pieces.
    package static func writeTrace(
        of profiles: [(name: String, profile: Profile)],
        to write: (String) throws -> Void
    ) rethrows {
        let origin = profiles.map(\.profile.origin).min() ?? 0
        try write(traceStart)
        for (process, (name, profile)) in profiles.enumerated() {
            try profile.writeEvents(name: name, process: process, origin: origin) { event in
                try write(process == 0 && event.isFirst ? event.text : ",\n" + event.text)
            }
        }
        try write(traceEnd)
    }

    /// The start of a trace; events follow, separated by commas.
    package static let traceStart = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n"
    /// The end of a trace.
    package static let traceEnd = "\n]}\n"

    /// All events as part of a trace, with times since the start of the profile.
    package func events(name: String, process: Int) -> String {
        var text = ""
        writeEvents(name: name, process: process, origin: origin) { text += $0.isFirst ? $0.text : ",\n" + $0.text }
        return text
    }

    private func writeEvents(
        name: String,
        process: Int,
        origin: UInt64,
        to write: ((text: String, isFirst: Bool)) throws -> Void
    ) rethrows {
        // Names are our own literals and file names; characters that JSON would escape are dropped.
        let name = name.filter { $0 != "\"" && $0 != "\\" && !($0.asciiValue.map { $0 < 32 } ?? $0.isNewline) }
        let meta = "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": \(process), "
        try write((meta + "\"args\": {\"name\": \"\(name)\"}}", true))
        for (thread, lane) in lanes.enumerated() {
            for span in lane.spans {
                try write((event(span, process: process, thread: thread, origin: origin), false))
            }
        }
        for note in notes {
            let kind = "{\"name\": \"\(note.name)\", \"cat\": \"communication\", \"ph\": \"X\", "
            let lane = "\"pid\": \(process), \"tid\": \(lanes.count)"
            let times = Self.times(note.start, note.end, origin: origin)
            try write((kind + lane + times + ", \"args\": {\"bytes\": \(note.bytes)}}", false))
        }
    }

    private static func times(_ start: UInt64, _ end: UInt64, origin: UInt64) -> String {
        func microseconds(_ nanoseconds: UInt64) -> String {
            "\(nanoseconds / 1000).\(String(nanoseconds % 1000 + 1000).dropFirst())"
        }
        return ", \"ts\": \(microseconds(start - origin)), \"dur\": \(microseconds(end - start))"
    }

    private func event(_ span: Span, process: Int, thread: Int, origin: UInt64) -> String {
        let phase = name(of: span.phase)
        let title = span.kind.map { "\($0)" } ?? phase
        var text = "{\"name\": \"\(title)\", \"cat\": \"\(phase)\", \"ph\": \"X\", \"pid\": \(process)"
        text += ", \"tid\": \(thread)" + Self.times(span.start, span.end, origin: origin)
        if span.kind != nil { text += ", \"args\": {\"flops\": \(span.flops), \"bytes\": \(span.bytes)}" }
        return text + "}"
    }
}
