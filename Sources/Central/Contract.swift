import COpenAPI

/// The text of openapi.yaml, linked into the program.
enum Contract {
    static let text = [UInt8](
        UnsafeBufferPointer(start: copenapi_bytes(), count: Int(copenapi_byte_count()))
    )
}
