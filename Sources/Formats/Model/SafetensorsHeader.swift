internal import SystemPackage

/// The header of a safetensors file: its length in eight bytes, then JSON.
///
/// Any inconsistency is refused, so that a truncated or malicious file is never read in part.
struct SafetensorsHeader {
    static let maximumByteCount = StrictJSON.maximumByteCount

    let metadata: [String: String]
    let tensors: [String: TensorInfo]

    init(_ file: MappedFile, _ content: SafetensorsContent = .tensors) throws {
        let path = file.path
        if let kind = FileKind(file) {
            let remedy = content.conversion(of: kind, at: path.string)
            throw FormatError(path, "expected \(content.description), found \(kind.rawValue); \(remedy)")
        }
        guard file.count >= 8 else {
            let found = "only \(file.count) bytes"
            throw FormatError(path, "expected \(content.description), found \(found); \(content.remedy)")
        }
        let length = file.withBytes(0..<8) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= Self.maximumByteCount else {
            let found = "a file of another format"
            let remedy = content.conversion(of: nil, at: path.string)
            throw FormatError(path, "expected \(content.description), found \(found); \(remedy)")
        }
        let start = 8 + Int(length)
        guard start <= file.count else {
            throw FormatError(
                path,
                "truncated: \(start - file.count) of at least \(start) bytes are missing; \(content.remedy)"
            )
        }
        let entries = try file.withBytes(8..<start) { try Self.entries($0, path, content) }
        metadata = try Self.metadata(entries["__metadata__"], path)
        var tensors: [String: TensorInfo] = [:]
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) where name != "__metadata__" {
            tensors[name] = try Self.tensor(name, entry, dataStart: start, path, content)
        }
        try Self.checkCoverage(tensors.values, dataStart: start, fileCount: file.count, path, content)
        self.tensors = tensors
    }

    private static func entries(
        _ json: UnsafeRawBufferPointer,
        _ path: FilePath,
        _ content: SafetensorsContent
    ) throws -> [String: JSONValue] {
        do {
            guard let object = try StrictJSON.value(of: json).object else {
                throw FormatError(path, "the header is not a JSON object; \(content.remedy)")
            }
            return object
        } catch let fault as JSONFault {
            throw FormatError(path, "the header is not valid JSON: \(fault); \(content.remedy)")
        }
    }

    private static func metadata(_ value: JSONValue?, _ path: FilePath) throws -> [String: String] {
        guard let value else { return [:] }
        guard let metadata = value.strings else {
            throw FormatError(path, "__metadata__ must map strings to strings")
        }
        return metadata
    }

    private static func tensor(
        _ name: String,
        _ entry: JSONValue,
        dataStart: Int,
        _ path: FilePath,
        _ content: SafetensorsContent
    ) throws -> TensorInfo {
        guard let entry = entry.object, let dtype = entry["dtype"]?.string,
            let shape = integers(entry["shape"]), let offsets = integers(entry["data_offsets"]), offsets.count == 2
        else {
            throw FormatError(
                path,
                "tensor \(name): expected dtype, shape and two data_offsets of non-negative integers"
            )
        }
        guard let type = ElementType(rawValue: dtype) else {
            let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
            let found = "element type \(dtype) is not supported, only \(known)"
            throw FormatError(path, "tensor \(name): \(found)\(content.typeRemedy)")
        }
        var bytes = type.byteCount
        for dimension in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw FormatError(path, "tensor \(name): shape \(shape) is too large") }
            bytes = product
        }
        guard offsets[0] <= offsets[1], offsets[1] <= Int.max - dataStart, offsets[1] - offsets[0] == bytes else {
            throw FormatError(
                path,
                "tensor \(name): \(dtype) \(shape) takes \(bytes) bytes, data_offsets are \(offsets)"
            )
        }
        return TensorInfo(
            name: name,
            elementType: type,
            shape: shape,
            byteRange: dataStart + offsets[0]..<dataStart + offsets[1]
        )
    }

    /// Non-negative integers.
    private static func integers(_ value: JSONValue?) -> [Int]? {
        guard let values = value?.array else { return nil }
        let integers = values.compactMap(\.wholeNumber)
        return integers.count == values.count ? integers : nil
    }

    /// Checks that tensors are consecutive without gap or overlap and end at the end of the file.
    private static func checkCoverage(
        _ tensors: some Sequence<TensorInfo>,
        dataStart: Int,
        fileCount: Int,
        _ path: FilePath,
        _ content: SafetensorsContent
    ) throws {
        var end = dataStart
        // Sorted by name too, so that the error for two tensors at the same offset is deterministic.
        for tensor in tensors.sorted(by: {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound, $0.name)
                < ($1.byteRange.lowerBound, $1.byteRange.upperBound, $1.name)
        }) {
            guard tensor.byteRange.lowerBound == end else {
                let fault = tensor.byteRange.lowerBound > end ? "leaves a gap before" : "overlaps the tensor before"
                throw FormatError(path, "tensor \(tensor.name) \(fault) byte \(tensor.byteRange.lowerBound)")
            }
            end = tensor.byteRange.upperBound
        }
        guard end <= fileCount else {
            throw FormatError(
                path,
                "truncated: \(end - fileCount) of \(end) bytes are missing; \(content.remedy)"
            )
        }
        guard end == fileCount else { throw FormatError(path, "\(fileCount - end) bytes follow the last tensor") }
    }
}
