//! What the driver needs of whatever brings the inside of a guest to its desired state. The real one is in `provision`.

use crate::config::Address;
use crate::plan::ProvisionTask;
use crate::proxmox::Client;

/// Runs one [`ProvisionTask`].
#[async_trait::async_trait]
pub trait Provisioner: Send + Sync {
    /// Brings the guest to what `task` says and returns when its server answers. `progress` takes lines without secrets.
    ///
    /// # Errors
    /// [`ProvisionError`]; the guest stays as it is, and the next apply tries again.
    async fn provision(
        &self,
        task: &ProvisionTask,
        context: ProvisionContext<'_>,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Provisioned, ProvisionError>;
}

/// Where a task runs.
#[derive(Clone, Copy, Debug)]
pub struct ProvisionContext<'a> {
    /// The object it is done for.
    pub address: &'a Address,
    /// Cluster of its guest.
    pub cluster: &'a str,
    /// Client of that cluster, for the guest agent and to know a simulator.
    pub client: &'a Client,
}

/// A guest is as desired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provisioned {
    /// What the user should look at.
    pub warnings: Vec<String>,
    /// What is worth knowing: `simulated guest`.
    pub notes: Vec<String>,
}

/// A guest is not as desired.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct ProvisionError {
    /// What happened.
    pub error: String,
    /// What the user can do next.
    pub hints: Vec<String>,
}
