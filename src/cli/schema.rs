//! `spawnpoint schema`

use super::exit::Exit;
use super::shell::{Ended, Shell};
use crate::config::{similar, vocabulary};
use crate::diagnostics::Diagnostic;
use crate::domain;
use crate::lookups;
use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Presence, Schema, Takes};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Shows what may stand in a block
///
/// Without a block, lists all there are. `meta-arguments` are what every object block may have.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The kind of block
    block: Option<String>,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let (mut pages, mut test_pages) = (pages(), test_pages());
    if let Some(name) = &args.block {
        let names = || pages.iter().chain(&test_pages).map(|page| &*page.name);
        if names().all(|known| known != name) {
            let diagnostic = Diagnostic::error(format!("there is no block `{name}`"));
            let near = similar(name, names());
            return Err(match near {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")).into(),
                None => diagnostic.hint("`spawnpoint schema` lists all there are").into(),
            });
        }
        pages.retain(|page| page.name == *name);
        test_pages.retain(|page| page.name == *name);
    }
    match (args.json, &args.block) {
        (true, _) => {
            let document = Document { format_version: "1.0", blocks: &pages, test_blocks: &test_pages };
            shell.terminal.line(&serde_json::to_string_pretty(&document).expect("texts can be written"));
        }
        (false, Some(_)) => {
            shell.terminal.data(&pages.iter().chain(&test_pages).map(Page::text).collect::<String>());
        }
        (false, None) => {
            let width = pages.iter().map(|page| page.name.len()).max().unwrap_or(0);
            let line = |page: &Page| format!("{:width$}  {}\n", page.name, page.documentation);
            shell.terminal.data(&pages.iter().map(line).collect::<String>());
            let lines = test_pages.iter().map(line).collect::<String>();
            shell.terminal.data(&format!("\nIn test files:\n\n{lines}"));
        }
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Document<'a> {
    format_version: &'static str,
    blocks: &'a [Page],
    /// The blocks of test files.
    test_blocks: &'a [Page],
}

/// One kind of block, in whichever table it stands.
#[derive(Serialize)]
struct Page {
    name: Cow<'static, str>,
    /// What its label is.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'static str>,
    /// How often it may stand in the block around it.
    occurs: &'static str,
    documentation: &'static str,
    /// What the `id` of an `import` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    import_id: Option<&'static str>,
    attributes: Vec<Entry>,
    blocks: Vec<Page>,
    #[serde(skip_serializing_if = "str::is_empty")]
    example: &'static str,
}

/// One attribute.
#[derive(Serialize)]
struct Entry {
    name: &'static str,
    #[serde(rename = "type")]
    takes: String,
    presence: &'static str,
    default: Option<&'static str>,
    /// What changing it does to what runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    impact: Option<&'static str>,
    sensitive: bool,
    documentation: Cow<'static, str>,
}

/// Objects first, for they are what people look for.
fn pages() -> Vec<Page> {
    let objects = domain::all().into_iter().map(|block| {
        let (attributes, blocks) = content(block.schema);
        let label = Some("the name others refer to it by");
        Page {
            name: block.name.into(),
            label,
            occurs: MANY,
            documentation: block.summary,
            import_id: match block.role {
                domain::Role::Object(object) => object.import_id.map(|(meaning, _)| meaning),
                domain::Role::Setting | domain::Role::Composite(_) => None,
            },
            attributes,
            blocks,
            example: block.example,
        }
    });
    let others = [&vocabulary::META].into_iter().chain(vocabulary::BLOCKS.iter().copied()).map(declared);
    let lookups = lookups::REGISTRY.iter().map(|lookup| {
        let (attributes, blocks) = content(lookup.schema);
        Page {
            name: format!("data.{}", lookup.name).into(),
            label: Some("the name others refer to it by"),
            occurs: MANY,
            documentation: lookup.summary,
            import_id: None,
            attributes: attributes.into_iter().map(Entry::without_impact).collect(),
            blocks: blocks.into_iter().map(Page::without_impact).collect(),
            example: lookup.example,
        }
    });
    objects.chain(others).chain(lookups).collect()
}

fn test_pages() -> Vec<Page> {
    vocabulary::TEST_BLOCKS.iter().copied().map(declared).collect()
}

const ONCE: &str = "once";
const MANY: &str = "many";
const BY_LABEL: &str = "by label";

fn content(schema: &Schema) -> (Vec<Entry>, Vec<Page>) {
    (schema.attributes.iter().map(entry).collect(), schema.blocks.iter().map(nested).collect())
}

fn nested(nested: &Nested) -> Page {
    let (attributes, blocks) = content(nested.schema);
    let (occurs, label) = match nested.occurs {
        Occurs::Once => (ONCE, None),
        Occurs::Many => (MANY, None),
        Occurs::ByLabel(label) => (BY_LABEL, Some(label)),
    };
    Page {
        name: nested.name.into(),
        label,
        occurs,
        documentation: nested.documentation,
        import_id: None,
        attributes,
        blocks,
        example: "",
    }
}

fn entry(attribute: &Attribute) -> Entry {
    Entry {
        name: attribute.name,
        takes: takes(attribute.takes),
        presence: match attribute.presence {
            Presence::Required => "required",
            Presence::Optional => "optional",
            Presence::Chosen => "chosen",
            Presence::Derived => "derived",
            Presence::Computed => "computed",
        },
        default: attribute.default,
        impact: Some(match attribute.impact {
            Impact::None => "none",
            Impact::Live => "live",
            Impact::Restart => "restart",
            Impact::Reboot => "reboot",
            Impact::Stop => "stop",
            Impact::Recreate => "re-create",
        }),
        sensitive: attribute.is_sensitive,
        documentation: match attribute.since {
            Some(major) => format!("{} Since Proxmox VE {major}.", attribute.documentation).into(),
            None => attribute.documentation.into(),
        },
    }
}

fn takes(of: Takes) -> String {
    match of {
        Takes::Bool => "bool".into(),
        Takes::Integer(i64::MIN, i64::MAX) => "whole number".into(),
        Takes::Integer(first, i64::MAX) => format!("whole number from {first}"),
        Takes::Integer(first, last) => format!("whole number from {first} to {last}"),
        Takes::Number => "number".into(),
        Takes::Text => "string".into(),
        Takes::OneOf(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
        Takes::Size => "size".into(),
        Takes::Duration => "duration".into(),
        Takes::HostName => "host name".into(),
        Takes::Cidr => "network".into(),
        Takes::Address => "IP address".into(),
        Takes::Port => "port or \"auto\"".into(),
        Takes::Reference(kind) => kind.into(),
        Takes::List(of) => format!("list({})", takes(*of)),
        Takes::Set(of) => format!("set({})", takes(*of)),
        Takes::Map(of) => format!("map({})", takes(*of)),
        Takes::Any => "any".into(),
    }
}

fn declared(block: &vocabulary::Block) -> Page {
    let entry = |attribute: &vocabulary::Attribute| Entry {
        name: attribute.name,
        takes: attribute.takes.text().into(),
        presence: if attribute.is_required { "required" } else { "optional" },
        default: attribute.default,
        impact: None,
        sensitive: attribute.is_sensitive,
        documentation: attribute.documentation.into(),
    };
    Page {
        name: block.name.into(),
        label: block.label,
        occurs: if block.is_single { ONCE } else { MANY },
        documentation: block.documentation,
        import_id: None,
        attributes: block.attributes.iter().map(entry).collect(),
        blocks: block.blocks.iter().map(|block| declared(block)).collect(),
        example: block.example,
    }
}

impl Page {
    fn text(&self) -> String {
        let mut text = format!("{}   {}\n\n{}\n", self.header(), self.occurs, self.about());
        self.write_content("", &mut text);
        if !self.example.is_empty() {
            let _ = write!(text, "\nExample:\n\n{}", self.example);
        }
        text
    }

    fn header(&self) -> String {
        match (self.label, self.name.strip_prefix("data.")) {
            (Some(_), Some(kind)) => format!("data \"{kind}\" \"LABEL\" {{ }}"),
            (Some(_), None) => format!("{} \"LABEL\" {{ }}", self.name),
            (None, _) => format!("{} {{ }}", self.name),
        }
    }

    /// A look-up changes nothing.
    fn without_impact(self) -> Self {
        let attributes = self.attributes.into_iter().map(Entry::without_impact).collect();
        Self { attributes, blocks: self.blocks.into_iter().map(Self::without_impact).collect(), ..self }
    }

    fn about(&self) -> String {
        let label = self.label.map_or_else(String::new, |label| format!(" LABEL: {label}."));
        let import = self.import_id.map_or_else(String::new, |id| format!(" The id of an `import` is {id}."));
        format!("{}{label}{import}", self.documentation)
    }

    fn write_content(&self, indent: &str, text: &mut String) {
        for entry in &self.attributes {
            let _ = write!(text, "\n{indent}{}   {}\n{indent}    {}\n", entry.name, entry.facts(), entry.documentation);
        }
        for block in &self.blocks {
            let _ = write!(text, "\n{indent}{}   {}\n", block.header(), block.occurs);
            let _ = writeln!(text, "{indent}    {}", block.about());
            block.write_content(&format!("{indent}    "), text);
        }
    }
}

impl Entry {
    fn without_impact(self) -> Self {
        Self { impact: None, ..self }
    }

    /// What is known about it, in a few words: `size, optional, default "4GiB", change: reboot`.
    fn facts(&self) -> String {
        let mut facts = vec![self.takes.clone(), self.presence.to_owned()];
        facts.extend(self.default.map(|default| format!("default {default:?}")));
        facts.extend(self.impact.map(|impact| format!("change: {impact}")));
        facts.extend(self.sensitive.then(|| "sensitive".to_owned()));
        facts.join(", ")
    }
}
