//! From a request to its handler: path, identity, permission, node, schema, in the order the real server has.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::Machine;
use super::api::{Api, Route};
use super::auth::Caller;
use super::form::{Raw, decode, decode_body, unescape_segment};
use super::request::{Answer, Fault, Reply, Request};
use super::schema::{Parameters, check};
use super::state::GuestType;
use super::{
    access, acme, bulk, cluster, crud, definitions, firewall, guest_routes, ha, hardware, index, jobs, multipart,
    network, node_settings, nodes, notifications, prune, realms, sdn, sdn_fabrics, tokens, uploads,
};

/// What a handler gets.
pub(super) struct Context {
    pub(super) caller: Caller,
    pub(super) parameters: Parameters,
    pub(super) template: &'static str,
    /// The file that an upload sent.
    pub(super) upload: Option<Vec<u8>>,
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
    Api::get().find(method, &segments_of(path)).is_some_and(|(route, _)| route.is_protected)
}

/// Splits a path after decoding it: an encoded slash parts segments like any other.
fn segments_of(path: &str) -> Vec<String> {
    unescape_segment(path).split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Answers one call.
pub(super) type Handler = fn(&mut Machine, &Context) -> Answer;
/// Method and path of a call, and who answers it.
pub(super) type Entry = (&'static str, &'static str, Handler);
type Routes = HashMap<(&'static str, &'static str), Handler>;

/// Returns the routes that areas list as tables.
fn listed() -> &'static Routes {
    static ROUTES: OnceLock<Routes> = OnceLock::new();
    ROUTES.get_or_init(|| {
        let tables = [
            acme::ROUTES,
            bulk::ROUTES,
            cluster::ROUTES,
            definitions::ROUTES,
            ha::ROUTES,
            hardware::ROUTES,
            jobs::ROUTES,
            network::ROUTES,
            node_settings::ROUTES,
            nodes::ROUTES,
            notifications::ROUTES,
            prune::ROUTES,
            realms::ROUTES,
            sdn::ROUTES,
            sdn_fabrics::ROUTES,
            uploads::ROUTES,
        ];
        // Areas come first: a file of its own may answer single calls of an area otherwise.
        let all = index::routes().chain(crud::routes()).chain(tables.into_iter().flatten().copied());
        all.map(|(method, template, handler)| ((method, template), handler)).collect()
    })
}

impl Machine {
    pub(super) fn route(&mut self, request: &Request) -> Reply {
        if !request.body.is_empty() && !matches!(request.method.as_str(), "POST" | "PUT") {
            return Reply::plain(501, format!("Unexpected content for method '{}'", request.method));
        }
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
        let segments = segments_of(path);
        let shown = format!("/{}", segments.join("/"));
        let found = Api::get().find(method, &segments);
        let is_public = found.as_ref().is_some_and(|(route, _)| !route.needs_login);
        let caller = match self.authenticate(request) {
            Ok(caller) => caller,
            Err(_) if is_public => Caller { user: String::new(), token: None },
            Err(fault) => return Err(fault),
        };
        let found = found.filter(|(route, _)| self.knows_path(route.template));
        let (route, values) = found.ok_or_else(|| Fault::not_implemented(method, &shown))?;
        if caller.token.is_some() && !route.allows_token {
            return Err(Fault::new(403, "Permission check failed"));
        }
        let (raw, upload) = collect(request, &values)?;
        self.dispatch(route, caller, &raw, upload, &shown)
    }

    fn dispatch(
        &mut self,
        route: &'static Route,
        caller: Caller,
        raw: &super::form::RawParameters,
        upload: Option<Vec<u8>>,
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
        if let Some(name) = self.unknown_parameter(route.template, raw) {
            let text = "property is not defined in schema and the schema does not allow additional properties";
            return Err(Fault::parameter(name, text));
        }
        if let Some((name, key)) = self.unknown_key(route.template, raw) {
            let text = "property is not defined in schema and the schema does not allow additional properties";
            return Err(Fault::parameter(name, format!("invalid format - format error\n{name}.{key}: {text}\n")));
        }
        let parameters = check(&route.parameters, raw)?;
        let mut answer = handler(self, &Context { caller, parameters, template: route.template, upload })?;
        self.without_new_members(&mut answer.data);
        Ok(answer)
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
fn collect(request: &Request, values: &[(&'static str, String)]) -> Result<multipart::Parts, Fault> {
    let content_type = request.content_type.as_deref();
    let (mut raw, upload) = match multipart::parse(content_type, &request.body)? {
        Some(parts) => parts,
        None => (decode_body(content_type, &request.body)?, None),
    };
    raw.extend(decode(&request.query));
    for (name, value) in values {
        let given = raw.insert((*name).to_owned(), Raw::Text(value.clone()));
        if given.is_some_and(|given| given != Raw::Text(value.clone())) {
            let text =
                format!("Parameter verification failed - duplicate parameter (already defined in URI): '{name}'");
            return Err(Fault::new(400, text));
        }
    }
    Ok((raw, upload))
}

fn handler(method: &'static str, template: &'static str) -> Option<Handler> {
    if let Some(handler) = listed().get(&(method, template)) {
        return Some(*handler);
    }
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
    if let Some(rest) = template.strip_prefix("/cluster/sdn/vnets/{vnet}/firewall") {
        return firewall::handler(method, rest);
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
        ("GET", "/qemu") => Machine::list_guests,
        ("POST", "/qemu") => Machine::create_guest,
        ("GET", "/lxc") => Machine::list_containers,
        ("POST", "/lxc") => Machine::create_container,
        ("POST", "/vzdump") => Machine::backup,
        ("GET", "/vzdump/extractconfig") => Machine::extract_config,
        ("GET", "/storage") => Machine::node_storages,
        ("GET", "/storage/{storage}/status") => Machine::storage_status,
        ("GET", "/storage/{storage}/content") => Machine::storage_content,
        ("POST", "/storage/{storage}/content") => Machine::allocate_volume,
        ("GET", "/storage/{storage}/content/{volume}") => Machine::volume_attributes,
        ("PUT", "/storage/{storage}/content/{volume}") => Machine::change_volume,
        ("DELETE", "/storage/{storage}/content/{volume}") => Machine::delete_volume,
        ("GET", "/tasks") => Machine::node_tasks,
        ("GET", "/tasks/{upid}/status") => Machine::task_status,
        ("GET", "/tasks/{upid}/log") => Machine::task_log_lines,
        ("DELETE", "/tasks/{upid}") => Machine::stop_task,
        _ => return None,
    };
    Some(handler)
}
