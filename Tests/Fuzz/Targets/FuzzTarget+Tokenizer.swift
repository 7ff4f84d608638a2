internal import Formats
internal import SystemPackage
internal import Tokenization

extension FuzzTarget {
    /// A `tokenizer.json`, and a short text: an expression of the file may take long for a text that was made for it.
    static let tokenizer = FuzzTarget("tokenizer") {
        let directory = FilePath("tokenizer")
        try directory.makeDirectory()
        let file = ScratchFile(directory.appending("tokenizer.json"))
        return { bytes in
            file.write(bytes)
            let tokenizer = try Tokenizer(directory: directory)
            let tokens = tokenizer.encode("It's 1 e\u{301}▁ a\n")
            precondition(tokens.allSatisfy { $0 >= 0 }, "tokens are numbers")
            _ = tokenizer.decode(tokens + [0, .max])
        }
    }
}
