//! An Incus cluster: a lab's machines stay together on one member, because a managed bridge joins only what is on the same one.

use super::{IncusMachines, answers::Server, error::ApiError, names};
use crate::{model::NodeName, provider::ProviderError};

impl IncusMachines {
    /// The members of the cluster by name; none where the daemon is in no cluster.
    pub(super) async fn members(&self) -> Result<&[String], ApiError> {
        self.members.get_or_try_init(|| self.ask_members()).await.map(Vec::as_slice)
    }

    async fn ask_members(&self) -> Result<Vec<String>, ApiError> {
        let server: Server = self.api.read("/1.0").await?;
        if !server.environment.server_clustered {
            return Ok(Vec::new());
        }
        let paths: Vec<String> = self.api.read("/1.0/cluster/members").await?;
        let mut members: Vec<String> = paths.iter().filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect();
        members.sort_unstable();
        Ok(members)
    }

    /// The member for this lab's machines, always the same one as long as the members are; `None` outside of a cluster.
    pub(super) async fn member_for(&self, what: &str, node: &NodeName) -> Result<Option<String>, ProviderError> {
        let members = self.members().await.map_err(|error| error.explain(what, Some(node)))?;
        Ok(members.iter().min_by_key(|member| names::hash(&[self.lab.as_str(), "member", member.as_str()])).cloned())
    }
}
