import Southbound
import Wire

@testable import Datapath

extension Admission: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        if !context.port.isEnabled { return .drop(.portDisabled) }
        if frame.bytes.count < 14 { return .drop(.malformedFrame) }
        if frame.isTagged, !frame.isPriorityTagged, !context.datapath.vlanPassthru { return .drop(.vlanTagged) }
        if frame.source.isMulticast { return .drop(.multicastSource) }
        if frame.isMalformed { return .drop(.malformedFrame) }
        return .next
    }
}
