//! Waiting until a deployed lab is well, and saying meanwhile what is still missing.
//!
//! It judges nothing itself: `probe` says how well a lab is, the provider has the clock.

use super::{Cancel, Event};
use crate::{
    model::{Health, Lab, Observed},
    probe,
    provider::{Provider, ProviderError},
};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

/// Waits until all of a lab is healthy, so many milliseconds of the provider's clock are over, or it is cancelled, and gives what is
/// there then. Progress on the way is reported.
///
/// # Errors
/// Where the provider cannot look.
pub async fn settle(
    lab: &Lab,
    provider: &Arc<dyn Provider>,
    ms_max: u64,
    cancel: &watch::Receiver<Cancel>,
    events: &mpsc::Sender<Event>,
) -> Result<Observed, ProviderError> {
    let told = Mutex::new(None);
    let is_settled = |seen: &Observed| {
        if *cancel.borrow() != Cancel::No || seen.is_empty() || probe::health(lab, seen) == Health::Healthy {
            return true;
        }
        let now = probe::settling(lab, seen);
        if let Ok(mut told) = told.lock()
            && told.as_ref() != Some(&now)
        {
            // Who does not read in time misses a line; the lab does not wait for that.
            let _lost = events.try_send(Event::Settling(now.clone()));
            *told = Some(now);
        }
        false
    };
    provider.settle(&is_settled, ms_max).await
}
