//! Pools and their members.

use serde_json::{Value, json};

use super::Machine;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Guest, Pool};

impl Machine {
    /// Using a pool that is not there is a permission error, not a missing object.
    pub(super) fn check_pool_exists(&self, pool: &str) -> Result<(), Fault> {
        if self.pools.has(pool) {
            return Ok(());
        }
        Err(Fault::new(403, format!("Permission check failed (pool '{pool}' does not exist)")))
    }

    pub(super) fn join_pool(&mut self, name: &str, vmid: u32) {
        if let Some(pool) = self.pools.get_mut(name) {
            pool.guests.insert(vmid);
        }
    }

    pub(super) fn list_pools(&mut self, context: &Context) -> Answer {
        let is_single = context.template.ends_with("{poolid}");
        let Some(name) = context.parameters.get("poolid") else {
            let visible =
                self.pools.iter().filter(|(name, _)| self.has(&context.caller, &format!("/pool/{name}"), "Pool.Audit"));
            return Ok(Value::Array(visible.map(|(name, pool)| pool_head(name, pool)).collect()).into());
        };
        self.require(&context.caller, &format!("/pool/{name}"), "Pool.Audit")?;
        let pool = self.pools.get(name).ok_or_else(|| Fault::text(format!("pool '{name}' does not exist")))?;
        let mut row = pool_head(name, pool);
        row["members"] = Value::Array(self.members(pool, context.parameters.get("type")));
        Ok(if is_single { row } else { json!([row]) }.into())
    }

    fn members(&self, pool: &Pool, wanted: Option<&str>) -> Vec<Value> {
        let mut members = Vec::new();
        let is_wanted = |guest: &Guest| wanted.is_none_or(|kind| kind == guest.kind.as_str());
        let guests = pool.guests.iter().filter(|vmid| self.guests.get(vmid).is_some_and(is_wanted));
        members.extend(guests.map(|vmid| {
            let mut row = self.resource_row(*vmid);
            let members = row.as_object_mut().expect("a resource row is an object");
            members.remove("pool");
            members.remove("tags");
            row
        }));
        if wanted.is_none_or(|kind| kind == "storage") {
            let root = super::auth::Caller::root();
            let rows = self.storage_rows(&root);
            let is_member = |row: &Value| row["storage"].as_str().is_some_and(|name| pool.storages.contains(name));
            members.extend(rows.into_iter().filter(is_member));
        }
        members
    }

    pub(super) fn create_pool(&mut self, context: &Context) -> Answer {
        let name = context.parameters.required("poolid");
        if self.pools.has(name) {
            return Err(Fault::text(format!("create pool failed: pool '{name}' already exists")));
        }
        if let Some((parent, _)) = name.rsplit_once('/').filter(|(parent, _)| !self.pools.has(*parent)) {
            let text = format!("create pool failed: parent '{parent}' of pool '{name}' does not exist");
            return Err(Fault::text(text));
        }
        let comment = context.parameters.get("comment").map(str::to_owned);
        self.pools.insert(name.to_owned(), Pool { comment, ..Pool::default() });
        Ok(().into())
    }

    pub(super) fn update_pool(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let name = parameters.required("poolid").to_owned();
        let failed = |text: String| Fault::text(format!("update pools failed: {text}"));
        let mut pool = self.pools.get(&name).cloned().ok_or_else(|| failed(format!("pool '{name}' does not exist")))?;
        if let Some(comment) = parameters.get("comment") {
            pool.comment = Some(comment.to_owned());
        }
        let removes = parameters.is_set("delete");
        for text in parameters.items("vms") {
            let vmid: u32 = text.parse().map_err(|_| failed(format!("'{text}' is not a VM ID")))?;
            self.check_modify(&context.caller, &format!("/vms/{vmid}"))?;
            if removes {
                if !pool.guests.remove(&vmid) {
                    return Err(failed(format!("VM {vmid} is not a pool member")));
                }
                continue;
            }
            self.check_free(vmid, &name, parameters.is_set("allow-move")).map_err(failed)?;
            pool.guests.insert(vmid);
        }
        for storage in parameters.items("storage") {
            self.check_modify(&context.caller, &format!("/storage/{storage}"))?;
            let is_change =
                if removes { pool.storages.remove(storage) } else { pool.storages.insert(storage.to_owned()) };
            if !is_change {
                let state = if removes { "is not" } else { "is already" };
                return Err(failed(format!("Storage '{storage}' {state} a pool member")));
            }
        }
        for vmid in &pool.guests {
            if let Some(old) = self.pool_of_guest(*vmid).filter(|old| *old != name)
                && let Some(old) = self.pools.get_mut(&old)
            {
                old.guests.remove(vmid);
            }
        }
        self.pools.insert(name, pool);
        Ok(().into())
    }

    fn check_free(&self, vmid: u32, pool: &str, may_move: bool) -> Result<(), String> {
        match self.pool_of_guest(vmid) {
            Some(old) if old == pool => Err(format!("VM {vmid} is already a pool member")),
            Some(old) if !may_move => {
                Err(format!("VM {vmid} belongs already to pool '{old}' and 'allow-move' is not set"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn delete_pool(&mut self, context: &Context) -> Answer {
        let name = context.parameters.required("poolid");
        let failed = |text: String| Fault::text(format!("delete pool failed: {text}"));
        let pool = self.pools.get(name).ok_or_else(|| failed(format!("pool '{name}' does not exist")))?;
        let child = self.pools.keys().find(|other| other.starts_with(&format!("{name}/")));
        let content = child
            .map(|child| format!("pool '{child}'"))
            .or_else(|| pool.guests.first().map(|vmid| format!("VM {vmid}")))
            .or_else(|| pool.storages.first().map(|storage| format!("storage '{storage}'")));
        if let Some(content) = content {
            return Err(failed(format!("pool '{name}' is not empty (contains {content})")));
        }
        self.pools.remove(name);
        let path = format!("/pool/{name}");
        self.access.entries.retain(|entry| entry.path != path);
        Ok(().into())
    }
}

fn pool_head(name: &str, pool: &Pool) -> Value {
    let mut row = json!({ "poolid": name });
    if let Some(comment) = pool.comment.as_ref().filter(|comment| !comment.is_empty()) {
        row["comment"] = json!(comment);
    }
    row
}
