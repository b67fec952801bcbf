//! From a request to its handler: path, identity, permission, node, schema, in the order the real server has.

use super::Machine;
use super::api::{Api, Route};
use super::auth::Caller;
use super::form::{Raw, decode, decode_body, unescape_segment};
use super::request::{Answer, Fault, Reply, Request};
use super::schema::{Parameters, check};
use super::state::GuestType;
use super::{access, cluster, firewall, guest_routes, tokens};

/// What a handler gets.
pub(super) struct Context {
    pub(super) caller: Caller,
    pub(super) parameters: Parameters,
    pub(super) template: &'static str,
}

impl Context {
    pub(super) fn node(&self) -> &str {
        self.parameters.required("node")
    }

    /// Returns which kind of guest the path is about.
    pub(super) fn guest_type(&self) -> GuestType {
        if self.template.starts_with("/nodes/{node}/lxc") { GuestType::Lxc } else { GuestType::Qemu }
    }
}

/// Returns whether a call runs in the privileged daemon, whose answers carry two `Connection` lines.
pub(in crate::simulator) fn is_protected(method: &str, path: &str) -> bool {
    let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(unescape_segment).collect();
    Api::get().find(method, &segments).is_some_and(|(route, _)| route.is_protected)
}

/// Answers one call.
pub(super) type Handler = fn(&mut Machine, &Context) -> Answer;

impl Machine {
    pub(super) fn route(&mut self, request: &Request) -> Reply {
        if let Some(path) = request.path.strip_prefix("/spawnpoint/") {
            return Reply::from_answer(self.answer_about_simulator(&request.method, path), 0);
        }
        let answer = match request.path.strip_prefix("/api2/json") {
            Some(path) if path.is_empty() || path.starts_with('/') => self.answer(request, path),
            _ => Err(Fault::not_modelled(&request.method, &request.path)),
        };
        Reply::from_answer(answer, 0)
    }

    fn answer(&mut self, request: &Request, path: &str) -> Answer {
        let method = request.method.as_str();
        if !matches!(method, "GET" | "POST" | "PUT" | "DELETE") {
            return Err(Fault { has_body: false, ..Fault::new(501, format!("method '{method}' not available")) });
        }
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(unescape_segment).collect();
        let shown = format!("/{}", segments.join("/"));
        let found = Api::get().find(method, &segments);
        let is_public = found.as_ref().is_some_and(|(route, _)| !route.needs_login);
        let caller = match self.authenticate(request) {
            Ok(caller) => caller,
            Err(_) if is_public => Caller { user: String::new(), token: None },
            Err(fault) => return Err(fault),
        };
        let (route, values) = found.ok_or_else(|| Fault::not_implemented(method, &shown))?;
        if caller.token.is_some() && !route.allows_token {
            return Err(Fault::new(403, "Permission check failed"));
        }
        let raw = collect(request, &values)?;
        self.dispatch(route, caller, &raw, &shown)
    }

    fn dispatch(
        &mut self,
        route: &'static Route,
        caller: Caller,
        raw: &super::form::RawParameters,
        shown: &str,
    ) -> Answer {
        if let Some(rule) = &route.check {
            self.check_rule(&caller, rule, &Parameters::unchecked(raw))?;
        }
        if route.is_node_scoped
            && let Some(Raw::Text(node)) = raw.get("node")
        {
            self.check_node(node)?;
        }
        let Some(handler) = handler(route.method, route.template) else {
            return Err(Fault::not_modelled(route.method, shown));
        };
        let parameters = check(&route.parameters, raw)?;
        handler(self, &Context { caller, parameters, template: route.template })
    }

    /// A call for a node is handed to that node: it must exist and answer.
    fn check_node(&self, name: &str) -> Result<(), Fault> {
        match self.nodes.get(name) {
            Some(node) if node.is_online => Ok(()),
            Some(_) => Err(Fault { has_body: false, ..Fault::new(595, "No route to host") }),
            None => Err(Fault::text(format!(
                "hostname lookup '{name}' failed - failed to get address info for: {name}: Name or service not known"
            ))),
        }
    }
}

/// Merges path, query and body; the query wins over the body, the path must not be contradicted.
fn collect(request: &Request, values: &[(&'static str, String)]) -> Result<super::form::RawParameters, Fault> {
    let mut raw = decode_body(request.content_type.as_deref(), &request.body)?;
    raw.extend(decode(&request.query));
    for (name, value) in values {
        let given = raw.insert((*name).to_owned(), Raw::Text(value.clone()));
        if given.is_some_and(|given| given != Raw::Text(value.clone())) {
            let text =
                format!("Parameter verification failed - duplicate parameter (already defined in URI): '{name}'");
            return Err(Fault::new(400, text));
        }
    }
    Ok(raw)
}

fn handler(method: &str, template: &str) -> Option<Handler> {
    if let Some(rest) = template.strip_prefix("/nodes/{node}") {
        if let Some(rest) = rest.strip_prefix("/qemu/{vmid}") {
            return guest_routes::handler(GuestType::Qemu, method, rest);
        }
        if let Some(rest) = rest.strip_prefix("/lxc/{vmid}") {
            return guest_routes::handler(GuestType::Lxc, method, rest);
        }
        return node_handler(method, rest);
    }
    if template.starts_with("/access") {
        return access::handler(method, template).or_else(|| tokens::handler(method, template));
    }
    if template.starts_with("/cluster/firewall") {
        return firewall::handler(method, template.strip_prefix("/cluster/firewall")?);
    }
    let handler: Handler = match (method, template) {
        ("GET", "/version") => cluster::version,
        ("GET", "/cluster/resources") => Machine::resources,
        ("GET", "/cluster/status") => cluster::status,
        ("GET", "/cluster/nextid") => cluster::next_id,
        ("GET", "/cluster/tasks") => Machine::cluster_tasks,
        ("GET", "/cluster/log") => cluster::log,
        ("GET", "/cluster/options") => cluster::options,
        ("PUT", "/cluster/options") => cluster::set_options,
        ("GET", "/nodes") => Machine::list_nodes,
        ("GET", "/storage") => Machine::list_storage_definitions,
        ("GET", "/storage/{storage}") => Machine::storage_definition,
        ("GET", "/pools" | "/pools/{poolid}") => Machine::list_pools,
        ("POST", "/pools") => Machine::create_pool,
        ("PUT", "/pools" | "/pools/{poolid}") => Machine::update_pool,
        ("DELETE", "/pools" | "/pools/{poolid}") => Machine::delete_pool,
        _ => return None,
    };
    Some(handler)
}

fn node_handler(method: &str, rest: &str) -> Option<Handler> {
    if let Some(rest) = rest.strip_prefix("/firewall") {
        return firewall::handler(method, rest);
    }
    let handler: Handler = match (method, rest) {
        ("GET", "/status") => Machine::node_status,
        ("GET", "/version") => cluster::version,
        ("GET", "/network") => Machine::node_network,
        ("GET", "/qemu") => Machine::list_guests,
        ("POST", "/qemu") => Machine::create_guest,
        ("GET", "/lxc") => Machine::list_containers,
        ("POST", "/lxc") => Machine::create_container,
        ("GET", "/storage") => Machine::node_storages,
        ("GET", "/storage/{storage}/status") => Machine::storage_status,
        ("GET", "/storage/{storage}/content") => Machine::storage_content,
        ("POST", "/storage/{storage}/content") => Machine::allocate_volume,
        ("GET", "/storage/{storage}/content/{volume}") => Machine::volume_attributes,
        ("DELETE", "/storage/{storage}/content/{volume}") => Machine::delete_volume,
        ("GET", "/tasks") => Machine::node_tasks,
        ("GET", "/tasks/{upid}/status") => Machine::task_status,
        ("GET", "/tasks/{upid}/log") => Machine::task_log_lines,
        ("DELETE", "/tasks/{upid}") => Machine::stop_task,
        _ => return None,
    };
    Some(handler)
}
