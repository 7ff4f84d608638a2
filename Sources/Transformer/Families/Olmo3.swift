/// OLMo 3: OLMo 2 with a window on three of four layers; a scaling of the rotary embedding holds in the others only.
package enum Olmo3: Family {
    package static let modelType = "olmo3"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        var rotary = RotaryKeys()
        rotary.theta.value = 500_000
        rotary.sliding = (key: nil, value: 500_000)
        var architecture = try Olmo2.decoder(&reader, rotary: rotary)
        let layers = try reader.slidingLayers(count: architecture.layerCount) { ($0 + 1) % 4 != 0 }
        try architecture.setWindow(try reader.window(default: 4096), layers: layers, reader) { _, isWindowed in
            isWindowed ? .local : .global
        }
        return architecture
    }
}
