//! Promotion of a replica on its node by its kind's script; then those that follow it are set up to copy from it.
//!
//! What is set up is noted as soon as it is so: a promotion that was interrupted is observed as far as it got, and can be repeated.

use super::{
    act::{self, Says},
    core::Core,
    live::Live,
    notes,
};
use crate::{
    model::{ServiceRef, ServiceSpec},
    plan::Promotion,
    provider::{Done, ProviderError, Retry},
    provision::service,
};
use std::sync::Arc;

/// Promotes a replica. A follower that cannot be changed is reported and does not undo the promotion.
pub(super) async fn promote(core: Arc<Core>, live: Arc<dyn Live>, promotion: Promotion, says: Says) -> Result<Done, ProviderError> {
    let at = &promotion.at;
    let template = core.recipes.get(&promotion.spec.kind).and_then(|folder| folder.recipe.scripts.promote.clone());
    let Some(template) = template else {
        return Err(ProviderError {
            what: format!("promote {at}"),
            node: Some(at.node.clone()),
            why: format!("the recipe of {} has no script that promotes a replica", promotion.spec.kind),
            next: "Change its role in the layout and deploy.".into(),
            retry: Retry::Useless,
        });
    };
    let _lost = says.try_send(format!("promoting {at}"));
    let done = set_up(&core, at, &promotion.spec, &says, |setup| service::promote(setup, &template)).await?;
    live.touched(&at.node);
    for (follower, spec) in &promotion.followers {
        let _lost = says.try_send(format!("{follower} copies from {at} from now on"));
        if let Err(error) = set_up(&core, follower, spec, &says, service::reconfigure).await {
            let _lost = says.try_send(format!("{follower} is stale: {error}. {}", error.next));
        }
        live.touched(&follower.node);
    }
    Ok(done)
}

async fn set_up(
    core: &Arc<Core>,
    at: &ServiceRef,
    spec: &ServiceSpec,
    says: &Says,
    script: impl FnOnce(&crate::provision::scene::Setup<'_>) -> Result<crate::provision::Script, crate::provision::ProvisionError>,
) -> Result<Done, ProviderError> {
    let done = act::on_service(core, &at.node, &at.service, spec, says, script).await?;
    core.machines.note(&at.node, &notes::service(&at.service, Some(spec))).await?;
    core.changed_below();
    Ok(done)
}
