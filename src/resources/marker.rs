//! The owner marker: one machine-readable line in a guest's description, and the tags that help to find it.
//!
//! A VMID or a name alone proves nothing; the marker does. It is given in the clone call itself, so that a copy never carries another's.

use std::collections::BTreeSet;

/// What the marker line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Lineage of the state that owns the object.
    pub stack: String,
    /// Address of the object in that state.
    pub address: String,
    /// Identifies this making of the object.
    pub intent: String,
}

const PREFIX: &str = "spawnpoint:v1 ";

/// Tag of every managed guest.
pub const TAG: &str = "spawnpoint";

impl Marker {
    /// Finds the marker in a description.
    pub fn find(description: &str) -> Option<Self> {
        let line = description.lines().find_map(|line| line.strip_prefix(PREFIX))?;
        // The address may hold spaces inside a key, so it is what stands between the two other fields.
        let (stack, rest) = line.strip_prefix("stack=")?.split_once(" addr=")?;
        let (address, intent) = rest.rsplit_once(" intent=")?;
        Some(Self { stack: stack.to_owned(), address: address.to_owned(), intent: intent.trim().to_owned() })
    }

    /// Returns the line.
    pub fn line(&self) -> String {
        format!("{PREFIX}stack={} addr={} intent={}", self.stack, self.address, self.intent)
    }

    /// Returns the user's text with the marker line under it.
    pub fn with_text(&self, text: &str) -> String {
        if text.is_empty() { self.line() } else { format!("{text}\n\n{}", self.line()) }
    }
}

/// Returns the user's part of a description.
pub fn text_without(description: &str) -> String {
    let lines: Vec<&str> = description.lines().filter(|line| !line.starts_with(PREFIX)).collect();
    lines.join("\n").trim_end().to_owned()
}

/// Returns the tag of a project: lower case, with the characters tags allow.
pub fn project_tag(project: &str) -> String {
    let project: String = project
        .to_lowercase()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || "-_.+".contains(character) { character } else { '-' })
        .collect();
    format!("{TAG}-{project}")
}

/// Returns the user's tags with ours.
pub fn with_tags(tags: impl IntoIterator<Item = String>, project: &str) -> BTreeSet<String> {
    tags.into_iter().chain([TAG.to_owned(), project_tag(project)]).collect()
}

/// Returns the user's part of a guest's tags.
pub fn tags_without(tags: &str, project: &str) -> BTreeSet<String> {
    let ours = project_tag(project);
    tags.split([';', ',', ' '])
        .filter(|tag| !tag.is_empty() && *tag != TAG && *tag != ours)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Marker, text_without};

    #[test]
    fn survives_the_users_text_and_odd_addresses() {
        let marker = Marker {
            stack: "0c1f".to_owned(),
            address: "module.a.vm.mc[\"a b intent=x\"]".to_owned(),
            intent: "77aa".to_owned(),
        };
        for text in ["", "line one\nline two"] {
            let description = marker.with_text(text);
            assert_eq!(Marker::find(&description).as_ref(), Some(&marker));
            assert_eq!(text_without(&description), text);
        }
        assert_eq!(Marker::find("spawnpoint:v1 broken"), None);
    }
}
