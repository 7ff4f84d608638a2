/// An event of TensorBoard's event files: `tensorflow.Event` of `event.proto`, with what `SummaryWriter` of torch writes.
package struct TensorBoardEvent {
    /// The numbers of fields, by message, as the `.proto` files have them.
    private enum Number {
        static let (wallTime, step, fileVersion, summary, sessionLog) = (1, 2, 3, 5, 7)
        static let sessionStatus = 1
        static let summaryValue = 1
        static let (tag, simpleValue, tensor, metadata) = (1, 2, 8, 9)
        static let (plugin, pluginName) = (1, 1)
        static let (type, shape, dimension, size, strings) = (1, 2, 2, 1, 8)
    }

    package let message: ProtobufMessage

    private init(_ wallTime: Double, _ fields: [ProtobufMessage.Field]) {
        message = ProtobufMessage([.double(Number.wallTime, wallTime)] + fields)
    }

    /// The first event of a file.
    ///
    /// - Parameter wallTime: Seconds since 1970, as in all events.
    package static func version(wallTime: Double) -> TensorBoardEvent {
        TensorBoardEvent(wallTime, [.text(Number.fileVersion, "brain.Event:2")])
    }

    /// The start of a run at a step: readers drop all events of this step and of later ones that precede a second start.
    package static func start(at step: Int, wallTime: Double) -> TensorBoardEvent {
        // SessionLog.START
        let session = ProtobufMessage([.integer(Number.sessionStatus, 1)])
        return TensorBoardEvent(wallTime, [.integer(Number.step, Int64(step)), .message(Number.sessionLog, session)])
    }

    /// Scalars of a step, in float32, as readers keep them.
    package static func scalars(
        _ values: [(tag: String, value: Double)],
        step: Int,
        wallTime: Double
    ) -> TensorBoardEvent {
        summary(
            values.map { [.text(Number.tag, $0.tag), .float(Number.simpleValue, Float($0.value))] },
            step: step,
            wallTime: wallTime
        )
    }

    /// A text in Markdown.
    package static func text(_ text: String, tag: String, step: Int, wallTime: Double) -> TensorBoardEvent {
        let plugin = ProtobufMessage([.text(Number.pluginName, "text")])
        let shape = ProtobufMessage([.message(Number.dimension, ProtobufMessage([.integer(Number.size, 1)]))])
        // DT_STRING
        let tensor = ProtobufMessage([
            .integer(Number.type, 7), .message(Number.shape, shape), .text(Number.strings, text),
        ])
        let value: [ProtobufMessage.Field] = [
            .text(Number.tag, "\(tag)/text_summary"),
            .message(Number.tensor, tensor),
            .message(Number.metadata, ProtobufMessage([.message(Number.plugin, plugin)])),
        ]
        return summary([value], step: step, wallTime: wallTime)
    }

    private static func summary(
        _ values: [[ProtobufMessage.Field]],
        step: Int,
        wallTime: Double
    ) -> TensorBoardEvent {
        let summary = ProtobufMessage(values.map { .message(Number.summaryValue, ProtobufMessage($0)) })
        return TensorBoardEvent(wallTime, [.integer(Number.step, Int64(step)), .message(Number.summary, summary)])
    }

    /// The event as a record of a TFRecord file: length, checksum of the length, message, checksum of the message.
    package var record: [UInt8] {
        var length: [UInt8] = []
        length.append(littleEndian: UInt64(message.bytes.count))
        var record = length
        record.append(littleEndian: CRC32C.masked(length))
        record += message.bytes
        record.append(littleEndian: CRC32C.masked(message.bytes))
        return record
    }
}
