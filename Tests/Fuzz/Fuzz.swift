internal import CFuzzer
internal import FuzzTargets
internal import Glibc

/// `Fuzz TARGET [libFuzzer's arguments]`: fuzzes one reader, in the current directory.
@main
enum Fuzz {
    // Set once, before the only thread reads it: a C callback cannot capture it.
    nonisolated(unsafe) private static var read: (UnsafeRawBufferPointer) -> Void = { _ in }

    static func main() throws {
        guard CommandLine.argc > 1, let name = CommandLine.unsafeArgv[1].map({ String(cString: $0) }),
            let target = FuzzTarget.all.first(where: { $0.name == name })
        else {
            print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
            exit(1)
        }
        read = try target.start()
        // Removes the first argument, in whose place libFuzzer expects the program's name.
        var count = CommandLine.argc - 1
        var words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
        exit(LLVMFuzzerRunDriver(&count, &words) { Fuzz.run(UnsafeRawBufferPointer(start: $0, count: $1)) })
    }

    private static func run(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        read(bytes)
        return 0
    }
}
