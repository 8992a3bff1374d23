import API
import CConsole
import Security

/// The files of the folder `console`, linked into the program.
enum ConsoleFiles {
    static let console = Console(files: files, digest: { SHA256.hash($0) })

    private static let files = (0..<cconsole_file_count()).map { index in
        let file = cconsole_file(index)
        return Console.File(
            name: String(cString: file.name),
            bytes: [UInt8](UnsafeBufferPointer(start: file.bytes, count: Int(file.byte_count)))
        )
    }
}
