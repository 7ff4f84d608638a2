internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

struct DigestTests {
    @Test(
        "digests equal the published ones of SHA-256",
        arguments: [
            // FIPS 180-4, examples of the secure hash standard.
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ]
    )
    func published(text: String, expected: String) throws {
        var whole = Digest()
        whole.update(text)
        #expect(whole.hexadecimal == expected)
        var pieces = Digest()
        for character in text { pieces.update(String(character)) }
        #expect(pieces.hexadecimal == expected)
        try Places.temporary { directory in
            let path = directory.appending("file")
            try write(text, to: path)
            #expect(try Digest.sha256(ofFile: path) == expected)
        }
    }

    @Test("numbers are hashed in memory order")
    func numbers() {
        var numbers = Digest()
        numbers.update([0x6362_6100] as [UInt32])
        var bytes = Digest()
        bytes.update("\0abc")
        #expect(numbers.hexadecimal == bytes.hexadecimal)
    }

    @Test("reading a digest does not finalize it")
    func goesOn() {
        var digest = Digest()
        digest.update("a")
        _ = digest.hexadecimal
        digest.update("bc")
        #expect(digest.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
