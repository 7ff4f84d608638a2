internal import Formats
package import SystemPackage

/// The tokenizer of a model directory's `tokenizer.json`, as the library `tokenizers` of Hugging Face defines it.
///
/// Text is divided at added tokens, normalized, divided into words, and each word into pieces of the vocabulary by byte pair
/// encoding (Sennrich, Haddow & Birch 2016). All components that models of the supported families use are implemented; a file
/// with others is refused by their name. Strings are compared by bytes, never by canonical equivalence.
package struct Tokenizer: Sendable {
    private let added: AddedTokens
    private let normalizer: Normalizer
    private let preTokenizer: PreTokenizer
    private let model: BytePairModel
    private let template: TokenTemplate
    private let decoder: TokenDecoder

    /// Reads `tokenizer.json` of a model directory.
    ///
    /// - Throws: `FormatError` with the component that is invalid or not supported.
    package init(directory: FilePath) throws {
        let path = directory.appending("tokenizer.json")
        let file = try TokenizerFile(path)
        do {
            added = try AddedTokens(file.parts["added_tokens"])
            normalizer = try Normalizer(file.parts["normalizer"])
            preTokenizer = try PreTokenizer(file.parts["pre_tokenizer"])
            model = try BytePairModel(file.model, vocabulary: file.vocabulary)
            template = try TokenTemplate(file.parts["post_processor"])
            decoder = try TokenDecoder(file.parts["decoder"])
        } catch let fault as TokenizerFault {
            throw FormatError(path, fault.description)
        }
    }

    /// The tokens of a text, with the special tokens that the file puts around it, such as that of the beginning.
    package func encode(_ text: String) -> [Int32] {
        var tokens: [Int32] = []
        var isFirst = true
        for part in added.divide(text, areNormalized: false) {
            switch part {
            case .token(let token): tokens.append(token)
            case .text(let raw):
                for part in added.divide(normalizer.apply(raw), areNormalized: true) {
                    switch part {
                    case .token(let token): tokens.append(token)
                    case .text(let text): tokens += words(text, isFirst: isFirst).flatMap(model.encode)
                    }
                }
            }
            isFirst = false
        }
        return template.around(tokens)
    }

    private func words(_ text: String, isFirst: Bool) -> [String] {
        preTokenizer.words([text], isFirst: isFirst)
    }

    /// The text of tokens, without special ones; bytes that are no UTF-8 become U+FFFD, and unknown tokens nothing.
    package func decode(_ tokens: [Int32]) -> String {
        decoder.text(tokens.compactMap { added.isSpecial($0) ? nil : added.text(of: $0) ?? model.piece(of: $0) })
    }
}

/// A component of `tokenizer.json` is invalid or not supported.
struct TokenizerFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description.printable() }

    /// A component of a type that is not implemented.
    static func unsupported(_ component: String, _ type: String?, _ supported: [String]) -> TokenizerFault {
        TokenizerFault(
            "\(component): expected one of the types \(supported.joined(separator: ", ")), found \(type ?? "none"); tokenize "
                + "with espalier-prepare instead, and use --data"
        )
    }

    /// A key of a component with an invalid value.
    static func invalid(_ component: String, _ key: String, _ expected: String, _ found: JSONValue?) -> TokenizerFault {
        let found = found.map { String($0.line.prefix(60)) } ?? "none"
        return TokenizerFault("\(component): \(key) must be \(expected), found \(found)")
    }
}
