//! The rules, in the order in which they apply: content, hosts, direction, caps, allow-list.
//!
//! `docs/verdicts.md` is their counterpart for analysts.

use offport_fingerprint::{Proof, Protocol, ProtocolSet};

use crate::explain::{Notes, Silent, Topic};
use crate::facts::{Facts, Seen};
use crate::judgement::{Judgement, NetworkDirection, Reason, Reasons, RuleId, Severity, Verdict};
use crate::policy::{Limits, Policy};
use crate::port_table::PortEntry;

impl Policy {
    /// The verdict on one flow. Total, without side effects, allocates nothing. May be asked again when the byte counts
    /// have grown: only [`Reason::LargeOutput`] and an allow-list entry's expiry can then change the answer.
    pub fn judge(&self, facts: &Facts) -> Judgement {
        self.decide(facts, &mut Silent)
    }

    pub(crate) fn decide(&self, facts: &Facts, notes: &mut impl Notes) -> Judgement {
        let entry = self.port(facts.transport, facts.server_port);
        let direction = self.direction(facts.client, facts.server);
        notes.note(Topic::Port, || self.describe_port(facts, entry));
        let mut ruling = content(facts, entry);
        notes.note(Topic::Seen, || describe_seen(facts, ruling.verdict));
        self.hosts(facts, &mut ruling, notes);
        let severity = self.severity(facts, direction, &mut ruling, notes);
        notes.note(Topic::Verdict, || format!("{}, severity {}", ruling.verdict.name(), severity.name()));
        Judgement {
            verdict: ruling.verdict,
            severity,
            reasons: ruling.reasons,
            expected: entry.map_or(ProtocolSet::EMPTY, |entry| entry.expects),
            rule: ruling.rule,
            direction,
        }
    }

    /// Host rules come from the user, for these hosts: they go before what the port says.
    fn hosts(&self, facts: &Facts, ruling: &mut Ruling, notes: &mut impl Notes) {
        let (spoken, weak) = match facts.seen {
            Seen::Identified(protocol, proof) => (Some(protocol), proof.is_weak()),
            Seen::NotRecognised | Seen::Broken(..) if facts.begins_anywhere().is_none() => (None, false),
            Seen::NotRecognised | Seen::Broken(..) | Seen::TooLittle => return,
        };
        let (server, client) = (self.host(facts.server), self.host(facts.client));
        if server.is_none() && client.is_none() {
            return;
        }
        // Either end of a connection may open its subflows.
        if facts.begins_anywhere().is_some() && !self.is_service_port(facts.transport, facts.server_port) {
            notes.note(Topic::Host, || {
                let why = if facts.midstream { "start not seen" } else { "a subflow" };
                format!("{why}: who serves whom is a guess, host rules do not apply")
            });
            return;
        }
        let sides = [
            (client, client.map(|host| host.speak), Reason::ClientMayNotSpeak, "client", "speak"),
            (server, server.map(|host| host.serve), Reason::ServerMayNotServe, "server", "serve"),
        ];
        for (host, limits, reason, side, verb) in sides {
            let (Some(host), Some(limits)) = (host, limits) else { continue };
            let breach = limits.forbid(spoken);
            notes.note(Topic::Host, || {
                let role = if host.role.is_empty() { String::new() } else { format!(" ({})", host.role) };
                let may = if breach { "may not" } else { "may" };
                let what = spoken.map_or("what is not recognised", Protocol::name);
                format!("the {side} is in {}{role}: it {may} {verb} {what}", host.name)
            });
            if breach {
                if ruling.verdict != Verdict::Forbidden {
                    ruling.verdict = Verdict::Forbidden;
                    ruling.cap = Severity::High;
                }
                ruling.rule = Some(host.rule);
                ruling.reasons.insert(reason);
                if weak {
                    ruling.cap_at(Severity::Medium, Reason::WeakProof);
                }
            }
        }
    }

    fn severity(
        &self,
        facts: &Facts,
        direction: NetworkDirection,
        ruling: &mut Ruling,
        notes: &mut impl Notes,
    ) -> Severity {
        let verdict = ruling.verdict;
        let mut severity = self.severity.get(verdict);
        if severity == Severity::None {
            return severity;
        }
        notes.note(Topic::Severity, || format!("{} starts at {}", verdict.name(), severity.name()));
        let sent_out = match direction {
            NetworkDirection::Outbound => {
                severity = severity.raised();
                ruling.reasons.insert(Reason::LeavesHome);
                notes
                    .note(Topic::Direction, || format!("leaves a home network, one up: {}", severity.name()));
                facts.client_payload
            }
            NetworkDirection::Inbound => {
                notes.note(Topic::Direction, || "comes from outside to a home network: no change".into());
                facts.server_payload
            }
            NetworkDirection::Internal if verdict != Verdict::Forbidden => {
                severity = severity.lowered().max(Severity::Info);
                ruling.reasons.insert(Reason::StaysHome);
                notes.note(Topic::Direction, || format!("stays home, one down: {}", severity.name()));
                0
            }
            NetworkDirection::Internal => {
                notes.note(Topic::Direction, || {
                    "stays home, but a host rule holds there too: no change".into()
                });
                0
            }
            NetworkDirection::External => {
                ruling.reasons.insert(Reason::NotHome);
                notes.note(Topic::Direction, || "neither end is home: no change".into());
                0
            }
        };
        if sent_out > self.large_output && (verdict.is_alarm() || verdict == Verdict::Unknown) {
            severity = severity.raised();
            ruling.reasons.insert(Reason::LargeOutput);
            notes.note(Topic::Severity, || {
                format!(
                    "a home host sent out {sent_out} bytes, more than {}, one up: {}",
                    self.large_output,
                    severity.name()
                )
            });
        }
        if severity > ruling.cap {
            severity = ruling.cap;
            notes.note(Topic::Severity, || {
                format!("capped at {}: {}", severity.name(), describe_cap(ruling.reasons))
            });
        }
        let protocol = match facts.seen {
            Seen::Identified(protocol, _) => Some(protocol),
            Seen::Broken(..) | Seen::NotRecognised | Seen::TooLittle => None,
        };
        if let Some(allow) = self.allow.iter().find(|allow| allow.covers(facts, protocol, verdict)) {
            severity = Severity::None;
            ruling.reasons.insert(Reason::Allowed);
            ruling.rule = Some(allow.rule);
            notes.note(Topic::Allow, || format!("covered by \"{}\": none", self.rule_name(allow.rule)));
        }
        severity
    }

    fn describe_port(&self, facts: &Facts, entry: Option<&PortEntry>) -> String {
        let transport = facts.transport.name().unwrap_or("this transport");
        let Some(entry) = entry else {
            return format!("port {}/{transport} is reserved for nothing", facts.server_port);
        };
        let open = if entry.open { "; it also carries what offport cannot name" } else { "" };
        let tolerates: Vec<&str> = entry.tolerates.iter().map(Protocol::name).collect();
        let tolerates = if tolerates.is_empty() {
            String::new()
        } else {
            format!(", tolerates {}", tolerates.join(", "))
        };
        format!("rule \"{}\"{tolerates}{open}", self.rule_name(entry.rule))
    }
}

/// A verdict on its way.
struct Ruling {
    verdict: Verdict,
    reasons: Reasons,
    rule: Option<RuleId>,
    /// Severity goes no higher.
    cap: Severity,
}

impl Ruling {
    fn new(verdict: Verdict, reasons: &[Reason]) -> Self {
        let mut set = Reasons::default();
        for &reason in reasons {
            set.insert(reason);
        }
        Self { verdict, reasons: set, rule: None, cap: Severity::High }
    }

    fn by(mut self, entry: &PortEntry) -> Self {
        self.rule = Some(entry.rule);
        self
    }

    fn cap_at(&mut self, cap: Severity, reason: Reason) {
        self.cap = self.cap.min(cap);
        self.reasons.insert(reason);
    }
}

impl Limits {
    /// Whether a protocol is against the rules. What is not recognised is against a list of what may be.
    fn forbid(&self, spoken: Option<Protocol>) -> bool {
        match spoken {
            Some(protocol) => {
                self.never.contains(protocol) || self.only.is_some_and(|only| !only.contains(protocol))
            }
            None => self.only.is_some(),
        }
    }
}

/// What the payload says, given what the port is for.
fn content(facts: &Facts, entry: Option<&PortEntry>) -> Ruling {
    match (facts.seen, facts.begins_anywhere()) {
        (Seen::Identified(protocol, proof), why) => identified(protocol, proof, why, entry),
        (Seen::TooLittle, _) => Ruling::new(Verdict::Undecided, &[Reason::TooLittlePayload]),
        (Seen::NotRecognised | Seen::Broken(..), Some(why)) => {
            Ruling::new(Verdict::Undecided, &[Reason::NoKnownProtocol, why])
        }
        (Seen::NotRecognised, None) => unrecognised(entry),
        (Seen::Broken(protocol, _), None) => broken(protocol, entry),
    }
}

fn identified(
    protocol: Protocol,
    proof: Proof,
    begins_anywhere: Option<Reason>,
    entry: Option<&PortEntry>,
) -> Ruling {
    let weak = proof.is_weak();
    let mut ruling = match entry {
        Some(entry)
            if entry.expects.contains(protocol) && proof == Proof::Attempt && begins_anywhere.is_none() =>
        {
            let mut ruling = broken(protocol, Some(entry));
            // A client with a fault of its own sends the like.
            ruling.cap_at(Severity::Medium, Reason::WeakProof);
            return ruling;
        }
        None => Ruling::new(Verdict::Displaced, &[Reason::PortUnreserved]),
        Some(entry) if entry.expects.contains(protocol) => {
            // A likeness that anyone can produce must not give a port's content a clean bill.
            let verdict = if weak { Verdict::Undecided } else { Verdict::Expected };
            Ruling::new(verdict, &[Reason::PortExpects]).by(entry)
        }
        Some(_) if weak && begins_anywhere.is_some() => {
            Ruling::new(Verdict::Undecided, begins_anywhere.as_slice())
        }
        // Without the likeness it would be `unknown`; a guess makes nothing worse.
        Some(entry) if weak && entry.open && !entry.tolerates.contains(protocol) => {
            Ruling::new(Verdict::Unknown, &[Reason::PortOpen]).by(entry)
        }
        Some(entry) => {
            let mut ruling = Ruling::new(Verdict::Mismatch, &[Reason::PortReserved]).by(entry);
            if entry.tolerates.contains(protocol) {
                ruling.cap_at(Severity::Low, Reason::PortTolerates);
            }
            if entry.open {
                ruling.cap_at(Severity::Medium, Reason::PortOpen);
            }
            if weak {
                ruling.cap_at(Severity::Medium, Reason::WeakProof);
            }
            ruling
        }
    };
    if weak {
        ruling.reasons.insert(Reason::WeakProof);
    }
    ruling
}

fn unrecognised(entry: Option<&PortEntry>) -> Ruling {
    match entry {
        None => Ruling::new(Verdict::Unknown, &[Reason::NoKnownProtocol, Reason::PortUnreserved]),
        Some(entry) if entry.open => {
            Ruling::new(Verdict::Unknown, &[Reason::NoKnownProtocol, Reason::PortOpen]).by(entry)
        }
        Some(entry) => {
            Ruling::new(Verdict::Unrecognised, &[Reason::NoKnownProtocol, Reason::PortReserved]).by(entry)
        }
    }
}

fn broken(protocol: Protocol, entry: Option<&PortEntry>) -> Ruling {
    let mut ruling = match entry {
        Some(entry) if entry.expects.contains(protocol) || entry.tolerates.contains(protocol) => {
            let mut ruling = Ruling::new(Verdict::Imposter, &[Reason::PortReserved]).by(entry);
            if entry.open {
                ruling.cap_at(Severity::Medium, Reason::PortOpen);
            }
            ruling
        }
        _ => unrecognised(entry),
    };
    ruling.reasons.insert(Reason::BreaksRules);
    ruling
}

fn describe_seen(facts: &Facts, verdict: Verdict) -> String {
    let begins = match (facts.midstream, facts.subflow) {
        (true, _) => ", the start of the flow was not seen",
        (false, true) => ", but a subflow of a Multipath TCP connection may begin anywhere in its data",
        (false, false) => "",
    };
    let seen = match facts.seen {
        Seen::Identified(protocol, proof) => format!("speaks {protocol} (proof: {})", proof.name()),
        Seen::Broken(protocol, breach) => {
            format!("starts like {protocol}, then breaks a rule ({}: {})", breach.name(), breach.text())
        }
        Seen::NotRecognised => "starts like no known protocol".to_owned(),
        Seen::TooLittle => "too little payload to say".to_owned(),
    };
    format!("{seen}{begins}: {}", verdict.name())
}

fn describe_cap(reasons: Reasons) -> &'static str {
    if reasons.contains(Reason::PortTolerates) {
        "common practice on this port"
    } else if reasons.contains(Reason::WeakProof) {
        "the identification is a guess"
    } else {
        "the port also carries what offport cannot name"
    }
}
