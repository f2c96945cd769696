//! What the ways out have in common.

use tokio::time::Instant;

use super::message::Message;

/// Takes messages to one other side. It runs on the forwarder's thread.
pub(super) trait Courier: Send + 'static {
    /// Messages that it takes at a time.
    const BATCH: usize;

    /// Takes the messages, in order, from the first on until one fails. Without messages: sees to the connection, and to
    /// what is due. Dropping it half-way is as if all that it had taken had failed.
    fn deliver(&mut self, batch: &[Message]) -> impl Future<Output = Delivery>;

    /// When it wants to be called again, messages or not: the same until it has been. `None`: at once.
    fn due(&self) -> Option<Instant>;
}

/// How far a batch came. What is counted here is through, from the batch's front; the rest is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Taken by the other side.
    pub(super) sent: usize,
    /// Too old to be of use.
    pub(super) expired: usize,
    /// Never to be taken.
    pub(super) refused: usize,
    /// Why it did not come to the batch's end.
    pub(super) failure: Option<String>,
}

impl Delivery {
    /// Nothing went out.
    pub(super) fn failed(why: impl ToString) -> Self {
        Self { failure: Some(why.to_string()), ..Self::default() }
    }

    /// Messages that are through.
    pub(super) const fn through(&self) -> usize {
        self.sent + self.expired + self.refused
    }
}
