//! Questions to the store, away from the thread that answers requests, and not too many at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use crate::desk::place::Place;

/// Questions at once; each reads with as many threads as there are cores.
const QUESTIONS: usize = 2;
/// Downloads at once, beside them.
const DOWNLOADS: usize = 2;
/// So many may wait.
const WAITING: usize = 16;
/// For so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The store, and who may ask it.
#[derive(Clone)]
pub(super) struct Desk {
    place: Arc<Place>,
    queue: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place: Arc::new(place),
            queue: Arc::new(Semaphore::new(QUESTIONS + WAITING)),
            questions: Arc::new(Semaphore::new(QUESTIONS)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
        }
    }

    /// The answer to a question.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Place) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let Ok(_waiting) = Arc::clone(&self.queue).try_acquire_owned() else { return Err(Problem::Busy) };
        let permit = turn(&self.questions, PATIENCE).await?;
        let place = Arc::clone(&self.place);
        // The permit goes with the question: who asked may have gone before it is answered.
        let answer = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            place.check()?;
            question(&place)
        });
        match answer.await {
            Ok(answer) => Ok(answer?),
            Err(error) => Err(Problem::Store(format!("the question was not answered: {error}"))),
        }
    }

    /// The right to download, until it is dropped.
    pub(super) async fn download(&self) -> Result<OwnedSemaphorePermit, Problem> {
        turn(&self.downloads, Duration::from_secs(2)).await
    }
}

async fn turn(of: &Arc<Semaphore>, patience: Duration) -> Result<OwnedSemaphorePermit, Problem> {
    match tokio::time::timeout(patience, Arc::clone(of).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(Problem::Busy),
    }
}
