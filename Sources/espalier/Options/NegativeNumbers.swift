/// Joins negative numbers to the option in front of them, as in `--beta=-1`.
///
/// The argument parser takes `-1` for an option, and would report that the value is missing; the setting's own check reports
/// its range instead. Arguments after `--` belong to another command and stay unchanged.
func joiningNegativeNumbers(_ arguments: [String]) -> [String] {
    var joined: [String] = []
    // The option that the last values belong to.
    var option: String?
    for (index, argument) in arguments.enumerated() {
        if argument == "--" { return joined + arguments[index...] }
        if argument.hasPrefix("--") {
            option = argument.split(separator: "=", maxSplits: 1).first.map(String.init)
        }
        guard argument.hasPrefix("-"), Double(argument) != nil, let option else {
            joined.append(argument)
            continue
        }
        if joined.last == option {
            joined[joined.count - 1] = "\(option)=\(argument)"
        } else {
            // A value of a list after the first: the option is repeated.
            joined.append(listOptions.contains(option) ? "\(option)=\(argument)" : argument)
        }
    }
    return joined
}

/// The options that take a list of numbers.
private let listOptions: Set<String> = ["--loss-weights", "--responses"]
