extension Profile {
    /// Writes spans in Chrome's Trace Event Format, which Perfetto opens.
    ///
    /// - Parameters:
    ///   - profiles: Each shown as a process of this name, its members as threads, all on one clock.
    ///   - write: Receives the text piece by piece.
    package static func writeTrace(
        of profiles: [(name: String, profile: Profile)],
        to write: (String) throws -> Void
    ) rethrows {
        let origin = profiles.map(\.profile.origin).min() ?? 0
        var separator = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n"
        for (process, (name, profile)) in profiles.enumerated() {
            // Names are file names and literals of ours; what JSON would escape is left out.
            let name = name.filter { $0 != "\"" && $0 != "\\" && !($0.asciiValue.map { $0 < 32 } ?? $0.isNewline) }
            let meta = "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": \(process), "
            try write(separator + meta + "\"args\": {\"name\": \"\(name)\"}}")
            separator = ",\n"
            for (member, lane) in profile.lanes.enumerated() {
                for span in lane.spans {
                    try write(separator + profile.event(span, process: process, member: member, origin: origin))
                }
            }
            for note in profile.notes {
                let kind = "{\"name\": \"\(note.name)\", \"cat\": \"communication\", \"ph\": \"X\", "
                let lane = "\"pid\": \(process), \"tid\": \(profile.lanes.count)"
                let times = times(note.start, note.end, origin: origin)
                try write(separator + kind + lane + times + ", \"args\": {\"bytes\": \(note.bytes)}}")
            }
        }
        try write("\n]}\n")
    }

    private static func times(_ start: UInt64, _ end: UInt64, origin: UInt64) -> String {
        func microseconds(_ nanoseconds: UInt64) -> String {
            "\(nanoseconds / 1000).\(String(nanoseconds % 1000 + 1000).dropFirst())"
        }
        return ", \"ts\": \(microseconds(start - origin)), \"dur\": \(microseconds(end - start))"
    }

    private func event(_ span: Span, process: Int, member: Int, origin: UInt64) -> String {
        let phase = name(of: span.phase)
        let title = span.kind.map { "\($0)" } ?? phase
        var text = "{\"name\": \"\(title)\", \"cat\": \"\(phase)\", \"ph\": \"X\", \"pid\": \(process)"
        text += ", \"tid\": \(member)" + Self.times(span.start, span.end, origin: origin)
        if span.kind != nil { text += ", \"args\": {\"flops\": \(span.flops), \"bytes\": \(span.bytes)}" }
        return text + "}"
    }
}
