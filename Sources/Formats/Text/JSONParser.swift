/// The place of a member of an object in its text, in bytes.
struct JSONMember {
    let name: String
    /// The offset of the quote before the name.
    let start: Int
    /// The range of the value, without the space around it.
    let value: Range<Int>
}

/// A recursive-descent parser of a JSON text, with bounded depth.
struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var depth = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func document() throws -> JSONValue {
        let value = try value()
        try requireEnd()
        return value
    }

    /// Requires that nothing follows but space.
    mutating func requireEnd() throws {
        skipSpace()
        guard position == bytes.count else { throw fault("the end") }
    }

    // MARK: Values

    mutating func value() throws -> JSONValue {
        skipSpace()
        switch next ?? 0 {
        case UInt8(ascii: "{"): return try nested { try $0.object() }
        case UInt8(ascii: "["): return try nested { try $0.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .flag(true))
        case UInt8(ascii: "f"): return try literal("false", .flag(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw fault("a value")
        }
    }

    private mutating func nested(_ body: (inout JSONParser) throws -> JSONValue) throws -> JSONValue {
        guard depth < StrictJSON.maximumDepth else {
            throw fault("at most \(StrictJSON.maximumDepth) levels", "another")
        }
        depth += 1
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func array() throws -> JSONValue {
        var values: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(values) }
        repeat {
            values.append(try value())
            skipSpace()
        } while take(",")
        guard take("]") else { throw fault(", or ]") }
        return .array(values)
    }

    private mutating func object() throws -> JSONValue {
        var members: [String: JSONValue] = [:]
        skipSpace()
        while let (name, start) = try nextName() {
            let value = try value()
            // Parsers differ in which of two duplicates they keep.
            guard members[name] == nil else {
                throw JSONFault("each name once", found: "\(name) twice", offset: start)
            }
            members[name] = value
            try finishMember()
        }
        return .object(members)
    }

    // MARK: Objects, member by member

    /// Whether the next value is an object.
    var isAtObject: Bool { next == UInt8(ascii: "{") }

    /// Reads the start of an object.
    mutating func startObject() throws {
        skipSpace()
        guard take("{") else { throw fault("{") }
        skipSpace()
    }

    /// Reads the name of the next member, up to its value, with the offset of the name; nil, and the object's end, if there is
    /// none.
    mutating func nextName() throws -> (name: String, start: Int)? {
        if take("}") { return nil }
        let start = position
        guard next == UInt8(ascii: "\"") else { throw fault("a name in quotes") }
        let name = try string()
        skipSpace()
        guard take(":") else { throw fault(":") }
        skipSpace()
        return (name, start)
    }

    /// Reads what follows a member's value.
    mutating func finishMember() throws {
        skipSpace()
        guard take(",") else {
            guard next == UInt8(ascii: "}") else { throw fault(", or }") }
            return
        }
        skipSpace()
        guard next == UInt8(ascii: "\"") else { throw fault("a name in quotes") }
    }

    /// The members of a text that is one object, in the order of the text.
    mutating func members() throws -> [(place: JSONMember, value: JSONValue)] {
        try startObject()
        var members: [(place: JSONMember, value: JSONValue)] = []
        while let (name, start) = try nextName() {
            let valueStart = position
            let value = try value()
            members.append((JSONMember(name: name, start: start, value: valueStart..<position), value))
            try finishMember()
        }
        return members
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws -> JSONValue {
        let isPresent = text.withUTF8Buffer { literal in
            bytes.count - position >= literal.count && bytes[position..<position + literal.count].elementsEqual(literal)
        }
        guard isPresent else { throw fault("\(text)") }
        position += text.utf8CodeUnitCount
        return value
    }

    private mutating func number() throws -> String {
        let start = position
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("-") { _ = take("+") }
            try digits()
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func digits() throws {
        let start = position
        while let next, next >= UInt8(ascii: "0"), next <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw fault("a digit") }
    }

    // MARK: Strings

    private mutating func string() throws -> String {
        position += 1
        let start = position
        var text: [UInt8] = []
        while true {
            let plain = position
            while let next, next != UInt8(ascii: "\""), next != UInt8(ascii: "\\"), next >= 0x20 { position += 1 }
            text += bytes[plain..<position]
            if take("\"") { break }
            guard take("\\") else { throw fault("the end of a string") }
            try escape(into: &text)
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw JSONFault("UTF-8", found: "other bytes", offset: start)
        }
        return string
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard let letter = next else { throw fault("an escape") }
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += String(try scalar()).utf8
        default:
            position -= 1
            throw fault("an escape")
        }
    }

    /// The scalar of `\uXXXX`, or of a surrogate pair of two.
    private mutating func scalar() throws -> Unicode.Scalar {
        let start = position - 2
        let unit = try hexadecimal()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, take("\\"), take("u") else {
            throw JSONFault("a character", found: "an unpaired surrogate", offset: start)
        }
        let low = try hexadecimal()
        guard low >= 0xDC00, low < 0xE000, let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else {
            throw JSONFault("a character", found: "an unpaired surrogate", offset: start)
        }
        return scalar
    }

    private mutating func hexadecimal() throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let next, let digit = Character(Unicode.Scalar(next)).hexDigitValue else {
                throw fault("four hexadecimal digits")
            }
            value = value << 4 + UInt32(digit)
            position += 1
        }
        return value
    }

    // MARK: Bytes

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let next, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { position += 1 }
    }

    private func fault(_ expected: String, _ found: String? = nil) -> JSONFault {
        let character = next.map { byte in
            byte > 0x20 && byte < 0x7F ? String(Unicode.Scalar(byte)) : "byte 0x" + String(byte, radix: 16)
        }
        return JSONFault(expected, found: found ?? character ?? "the end", offset: position)
    }
}
