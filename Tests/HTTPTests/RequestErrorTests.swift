import HTTP
import HTTPTypes
import Testing

@Suite struct RequestErrorTests {
    @Test(
        "Each refusal has a status, a word for programs and a problem document",
        arguments: [
            (RequestError.message(.missingHost), 400, "malformed_request"),
            (.message(.bodyTooLong(maximum: 5)), 413, "body_too_large"),
            (.message(.startLineTooLong), 414, "target_too_long"),
            (.message(.headTooLong), 431, "head_too_large"),
            (.message(.unsupportedVersion), 505, "http_version_not_supported"),
            (.message(.unsupportedMethod), 501, "not_implemented"),
            (.headTimeout, 408, "request_timeout"),
            (.bodyTimeout, 408, "request_timeout"),
            (.unsupportedExpectation, 417, "expectation_failed"),
            (.tooManyConnections, 503, "too_many_connections"),
            (.tooManyConnectionsOfAddress, 429, "too_many_connections"),
            (.unsupportedContentCoding, 415, "unsupported_content_coding"),
            (.corruptContent, 400, "malformed_content"),
            (.contentBomb, 413, "body_too_large"),
            (.noAcceptableCoding, 406, "not_acceptable"),
        ]
    )
    func problems(_ error: RequestError, _ status: Int, _ code: String) {
        let (response, body) = error.problem
        #expect(response.status.code == status)
        #expect(response[.contentType] == "application/problem+json")
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"type":"urn:heddle:problem:\#(code)","title":"\#(response.status.reasonPhrase)","#
                + #""status":\#(status),"code":"\#(code)","detail":"\#(error.detail)"}"#
        )
    }
}
