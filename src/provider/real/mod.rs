//! Labs on real machines: what is alike for every hypervisor. Steps below the guests go to
//! [`Machines`](super::machines::Machines), steps inside become scripts of [`crate::provision`] that go through the transport.
//!
//! It has a runtime of its own, with threads that have names: callers come and go with theirs, and what watches the nodes lives on.

mod act;
mod clock;
pub mod core;
#[cfg(test)]
pub(crate) mod fakes;
mod inject;
pub mod journal;
pub mod live;
mod load;
mod log;
mod measure;
pub(crate) mod notes;
mod outside;
mod promote;
mod recover;
mod request;
mod secrets;
mod snapshots;
#[cfg(test)]
mod tests;
mod uplink;
pub mod watch;

pub use core::{Core, Hold};
pub use log::LOGS_FOLDER;

use super::{Answer, Done, FaultSelection, InjectOptions, Provider, ProviderError, Retry, Traffic, doctor::Check, preflight::Needs};
use crate::{
    model::{ActiveFault, ClusterName, Fault, Flow, NodeName, Observed, Prediction},
    plan::{Action, Promotion},
    probe::judge_roles,
};
use live::Live;
use std::{sync::Arc, time::Duration};
use tokio::{
    runtime::{Handle, Runtime},
    sync::mpsc,
    task::JoinSet,
};

/// How often it is asked whether the lab has settled.
const SETTLE_EVERY: Duration = Duration::from_millis(250);
/// What a step says and nobody has read yet, in lines.
const SAYS_MAX: usize = 64;
/// How long what is under way may take to end when the provider goes.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// A lab on real machines.
pub struct RealProvider {
    core: Arc<Core>,
    live: Option<Arc<dyn Live>>,
    name: String,
    runtime: Option<Runtime>,
    handle: Handle,
}

impl RealProvider {
    /// A provider on machines, with what looks into the nodes made by `live` on the provider's own runtime.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn new(core: Core, live: impl FnOnce(Arc<Core>) -> Arc<dyn Live>) -> Result<Self, ProviderError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("sandtable-nodes").enable_all().build();
        let runtime = runtime.map_err(|error| ProviderError {
            what: "start the threads that talk to nodes".into(),
            node: None,
            why: error.to_string(),
            next: "End other programs, then try again.".into(),
            retry: Retry::Worth,
        })?;
        let core = Arc::new(core);
        let handle = runtime.handle().clone();
        let entered = handle.enter();
        let live = live(Arc::clone(&core));
        drop(entered);
        Ok(Self { name: core.machines.name().to_owned(), core, live: Some(live), runtime: Some(runtime), handle })
    }

    fn live(&self) -> Result<Arc<dyn Live>, ProviderError> {
        self.live.clone().ok_or_else(ended)
    }

    /// Does something on the provider's own runtime. Dropping the answer stops it.
    async fn on_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(work, &self.handle);
        match tasks.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(ended()),
        }
    }

    /// Likewise, and hands on what it says.
    async fn telling<T: Send + 'static, W: Future<Output = Result<T, ProviderError>> + Send + 'static>(
        &self,
        says: &(dyn Fn(&str) + Send + Sync),
        work: impl FnOnce(act::Says) -> W,
    ) -> Result<T, ProviderError> {
        let (sender, mut said) = mpsc::channel::<String>(SAYS_MAX);
        let work = self.on_runtime(work(sender));
        let listen = async {
            while let Some(text) = said.recv().await {
                says(&text);
            }
        };
        let (done, ()) = tokio::join!(work, listen);
        done
    }
}

impl Drop for RealProvider {
    fn drop(&mut self) {
        self.live = None;
        let Some(runtime) = self.runtime.take() else { return };
        // A runtime may not be waited for on a thread that runs another; and whoever drops this expects that nothing of it is left.
        let ending = std::thread::Builder::new().name("sandtable-nodes-end".into()).spawn(move || runtime.shutdown_timeout(END_TIMEOUT));
        if let Ok(ending) = ending {
            let _panicked = ending.join();
        }
    }
}

fn ended() -> ProviderError {
    ProviderError {
        what: "talk to the nodes".into(),
        node: None,
        why: "what was asked ended without an answer".into(),
        next: "Try again; report it where it comes back.".into(),
        retry: Retry::Worth,
    }
}

async fn provisioned(core: Arc<Core>) -> Result<Done, ProviderError> {
    let closed = uplink::close_all(&core).await?;
    let done = core.machines.provisioned().await?;
    if done == Done::Changed {
        core.changed_below();
    }
    Ok(if closed { Done::Changed } else { done })
}

async fn observe(core: Arc<Core>, live: Arc<dyn Live>) -> Result<Observed, ProviderError> {
    let below = core.below().await?;
    let seen = notes::seen(&below, core.now_ms());
    let mut observed = live.see(below, seen).await?;
    judge_roles(&mut observed, core.catalog);
    Ok(observed)
}

impl Provider for RealProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn observe(&self) -> Answer<'_, Observed> {
        Box::pin(async { self.on_runtime(observe(Arc::clone(&self.core), self.live()?)).await })
    }

    fn act<'a>(&'a self, action: &'a Action, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async move {
            let (core, live) = (Arc::clone(&self.core), self.live()?);
            self.telling(says, |sender| act::act(core, live, action.clone(), sender)).await
        })
    }

    fn shell<'a>(&'a self, node: &'a NodeName, command: &'a [String]) -> Answer<'a, Vec<String>> {
        let (core, node, command) = (Arc::clone(&self.core), node.clone(), command.to_vec());
        Box::pin(self.on_runtime(async move { core.machines.shell(&node, &command).await }))
    }

    fn console<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>> {
        let (core, node) = (Arc::clone(&self.core), node.clone());
        Box::pin(self.on_runtime(async move { core.machines.console(&node).await }))
    }

    fn preflight<'a>(&'a self, needs: &'a Needs) -> Answer<'a, Vec<Check>> {
        let (core, needs) = (Arc::clone(&self.core), needs.clone());
        Box::pin(self.on_runtime(async move { core.machines.preflight(&needs).await }))
    }

    fn provisioned(&self) -> Answer<'_, Done> {
        Box::pin(async { self.on_runtime(provisioned(Arc::clone(&self.core))).await })
    }

    fn watch<'a>(&'a self, flows: &'a [Flow]) -> Answer<'a, ()> {
        let flows = flows.to_vec();
        Box::pin(async move {
            let live = self.live()?;
            self.on_runtime(async move { live.watch(&flows).await }).await
        })
    }

    fn settle<'a>(&'a self, is_settled: &'a (dyn Fn(&Observed) -> bool + Send + Sync), ms_max: u64) -> Answer<'a, Observed> {
        Box::pin(async move {
            let until_ms = (self.core.clock)().saturating_add(ms_max);
            loop {
                let observed = self.observe().await?;
                if is_settled(&observed) || (self.core.clock)() >= until_ms {
                    return Ok(observed);
                }
                tokio::time::sleep(SETTLE_EVERY).await;
            }
        })
    }

    fn inject<'a>(&'a self, fault: &'a Fault, options: InjectOptions) -> Answer<'a, u64> {
        let fault = fault.clone();
        Box::pin(async move {
            let live = self.live()?;
            self.on_runtime(async move { live.inject(&fault, options).await }).await
        })
    }

    fn heal(&self, which: FaultSelection) -> Answer<'_, Vec<ActiveFault>> {
        Box::pin(async move {
            let live = self.live()?;
            self.on_runtime(async move { live.heal(which).await }).await
        })
    }

    fn predict<'a>(&'a self, fault: &'a Fault, lasts_ms: Option<u64>) -> Answer<'a, Option<Prediction>> {
        let fault = fault.clone();
        Box::pin(async move {
            let live = self.live()?;
            self.on_runtime(async move { live.predict(&fault, lasts_ms).await }).await
        })
    }

    fn recover<'a>(&'a self, cluster: &'a ClusterName, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        let cluster = cluster.clone();
        Box::pin(async move {
            let (core, live) = (Arc::clone(&self.core), self.live()?);
            self.telling(says, |sender| recover::recover(core, live, cluster, sender)).await
        })
    }

    fn promote<'a>(&'a self, promotion: &'a Promotion, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        let promotion = promotion.clone();
        Box::pin(async move {
            let (core, live) = (Arc::clone(&self.core), self.live()?);
            self.telling(says, |sender| promote::promote(core, live, promotion, sender)).await
        })
    }

    fn traffic(&self) -> Answer<'_, Traffic> {
        Box::pin(async move {
            let live = self.live()?;
            self.on_runtime(async move { live.traffic().await }).await
        })
    }

    fn set_load(&self, per_sec: u32) -> Answer<'_, ()> {
        Box::pin(async move {
            let live = self.live()?;
            self.on_runtime(async move { live.set_load(per_sec).await }).await
        })
    }
}
