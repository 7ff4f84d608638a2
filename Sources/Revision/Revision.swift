internal import CCommit

/// The commit that the program is built from.
///
/// A module of its own: what imports a C target is compiled again whenever that target is, here after every commit.
package enum Revision {
    /// The 40 digits of the commit that was checked out at the build; nil if it is unknown: outside of a clone, or on a
    /// branch other than main.
    package static var commit: String? {
        let name = String(cString: ccommit_name())
        return name.isEmpty ? nil : name
    }
}
