//! The body of a call that takes a file along: its parameters and then the file, each a part. What is around the file is made here; the file
//! itself is read by whoever sends it.
//!
//! Proxmox VE reads the parts in order as they come, so the file is the last, and it wants the length of the whole beforehand.

use super::Call;
use super::call::Upload;

/// What is around the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Value of the header `Content-Type`.
    pub content_type: String,
    /// What comes before the content of the file.
    pub head: String,
    /// What comes after it.
    pub tail: String,
}

impl Frame {
    /// Returns what goes around the file of a call.
    pub fn of(call: &Call, file: &Upload) -> Self {
        // No file holds the digest of itself, so this is nowhere in it.
        let boundary = format!("spawnpoint-{}", file.sha256);
        let field = |name: &str| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        let mut head = String::new();
        for (name, value) in &call.parameters {
            head.push_str(&format!("{}\r\n\r\n{}\r\n", field(name), value.reveal()));
        }
        head.push_str(&format!("{}; filename=\"{}\"\r\n", field("filename"), file.name));
        head.push_str("Content-Type: application/octet-stream\r\n\r\n");
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            head,
            tail: format!("\r\n--{boundary}--\r\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_last() {
        let file = Upload { path: "/x".into(), name: "a.iso".to_owned(), bytes: 3, sha256: "77aa".to_owned() };
        let call = Call::post("/nodes/pve1/storage/local/upload").with("content", "iso").with_file(file.clone());
        let Frame { content_type, head, tail } = Frame::of(&call, &file);
        assert_eq!(content_type, "multipart/form-data; boundary=spawnpoint-77aa");
        assert_eq!(
            head + "..." + &tail,
            "--spawnpoint-77aa\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n\
             --spawnpoint-77aa\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"a.iso\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n...\r\n--spawnpoint-77aa--\r\n"
        );
    }
}
