//! Codes in words.

use offport_fingerprint::Proof;
use offport_policy::{Reason, Seen};

/// A reason in one sentence; `docs/verdicts.md` says it at length.
pub(super) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::PortExpects => "The port is reserved for this protocol.",
        Reason::PortReserved => "The port is reserved for other protocols.",
        Reason::NoKnownProtocol => "No known protocol starts like this payload.",
        Reason::PortUnreserved => "The port is reserved for nothing.",
        Reason::TooLittlePayload => "There is too little payload to say.",
        Reason::Midstream => "The flow's start was not seen: no alarm on a guess.",
        Reason::WeakProof => "The protocol was told by plausible values only.",
        Reason::ClientMayNotSpeak => "The inventory forbids the client to speak this.",
        Reason::ServerMayNotServe => "The inventory forbids the server to serve this.",
        Reason::Allowed => "An entry of the allow-list covers the flow.",
        Reason::LeavesHome => "The flow leaves a home network: raised.",
        Reason::StaysHome => "The flow stays within home networks: lowered.",
        Reason::NotHome => "Neither end is in a home network.",
        Reason::LargeOutput => "A home host sent a lot of data out: raised.",
        Reason::PortOpen => "The port also carries protocols that cannot be named: capped.",
        Reason::PortTolerates => "Not what the port is for, but honest practice there: capped.",
        Reason::BreaksRules => "It starts like a protocol, then breaks its rules.",
        Reason::LooksEncrypted => "Encrypted, or compressed, from its first byte on.",
        Reason::Subflow => "A subflow of Multipath TCP may begin anywhere in its data: no alarm on a guess.",
    }
}

/// How the identification was proven.
pub(super) const fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Attempt => "it begins like nothing else does, and then breaks the rules",
        Proof::Heuristic => "plausible field values; other protocols could look alike",
        Proof::Banner => "a banner, command or magic number that the specification fixes",
        Proof::Structure => "lengths, counts and types that agree with one another",
    }
}

/// What identification came to.
pub(super) fn seen(seen: Seen) -> String {
    match seen {
        Seen::Identified(protocol, strength) => {
            format!("{protocol}, proof: {} ({})", strength.name(), proof(strength))
        }
        Seen::Broken(protocol, breach) => {
            format!("starts like {protocol}, then breaks a rule: {}: {}", breach.name(), breach.text())
        }
        Seen::NotRecognised => "no known protocol starts like this".into(),
        Seen::TooLittle => "the beginning of a known protocol, or nothing: too little to say".into(),
    }
}
