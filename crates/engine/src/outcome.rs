//! What was decided of a flow. The same for many flows, so interned.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use offport_fingerprint::{Breach, Proof, Protocol};
use offport_flow::{Interner, Label};
use offport_policy::{Judgement, Seen};

/// A flow's verdict and what led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What identification made of it.
    pub(crate) seen: Seen,
    /// What to make of it.
    pub(crate) judgement: Judgement,
    /// Payload packets that it took.
    pub(crate) decided_after: u8,
    /// Its event was raised, so that its end is one, too.
    pub(crate) announced: bool,
}

impl Outcome {
    /// What it speaks.
    pub(crate) const fn protocol(&self) -> Option<(Protocol, Proof)> {
        match self.seen {
            Seen::Identified(protocol, proof) => Some((protocol, proof)),
            Seen::Broken(..) | Seen::NotRecognised | Seen::TooLittle => None,
        }
    }

    /// The rule that it broke.
    pub(crate) const fn breach(&self) -> Option<Breach> {
        match self.seen {
            Seen::Broken(_, breach) => Some(breach),
            Seen::Identified(..) | Seen::NotRecognised | Seen::TooLittle => None,
        }
    }

    /// Tells most outcomes apart.
    fn near(&self) -> u16 {
        let Judgement { verdict, severity, rule, direction, .. } = self.judgement;
        let parts = [
            self.protocol().map_or(0, |(protocol, _)| protocol.index() as u16 + 1),
            verdict as u16,
            severity as u16,
            rule.map_or(0, |rule| rule.0 + 1),
            direction as u16,
            self.breach().map_or(0, |breach| breach.index() as u16 + 1),
            self.decided_after.into(),
        ];
        parts.into_iter().fold(0, |near: u16, part| near.wrapping_mul(13).wrapping_add(part))
    }
}

/// The outcomes of all flows in the table.
#[derive(Debug)]
pub(crate) struct Outcomes {
    interner: Interner<Outcome>,
    hasher: FixedState,
}

impl Outcomes {
    pub(crate) fn new(capacity: u16, seed: u64) -> Self {
        Self { interner: Interner::new(capacity), hasher: FixedState::with_seed(seed) }
    }

    /// The label to remember an outcome by; `None` when there are too many different ones.
    pub(crate) fn keep(&mut self, outcome: Outcome) -> Option<Label> {
        let Self { interner, hasher } = self;
        let is = |known: &Outcome| *known == outcome;
        interner.acquire(outcome.near(), is, || outcome, |outcome| hash(hasher, outcome)).map(Label)
    }

    pub(crate) fn get(&self, label: Option<Label>) -> Option<&Outcome> {
        self.interner.get(label?.0)
    }

    /// A flow with this label is over.
    pub(crate) fn release(&mut self, label: Option<Label>) {
        if let Some(Label(id)) = label {
            self.interner.release(id);
        }
    }
}

fn hash(hasher: &FixedState, outcome: &Outcome) -> u64 {
    let mut hasher = hasher.build_hasher();
    let Outcome { seen: _, judgement, decided_after, announced } = outcome;
    (outcome.protocol(), outcome.breach(), decided_after, announced).hash(&mut hasher);
    (judgement.verdict, judgement.severity, judgement.rule, judgement.direction).hash(&mut hasher);
    judgement.reasons.iter().for_each(|reason| reason.hash(&mut hasher));
    hasher.finish()
}
