//! Reads a `multipart/form-data` body, as uploads send it: fields, and one file whose content stays out of the parameters.

use super::form::{Raw, RawParameters};
use super::request::Fault;

/// What an upload sent: its fields, with the name of the file among them, and the file.
pub(super) type Parts = (RawParameters, Option<Vec<u8>>);

/// Returns the parts of a body, or nothing when its type is another.
pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Option<Parts>, Fault> {
    let Some(rest) = content_type.and_then(|kind| kind.strip_prefix("multipart/form-data")) else {
        return Ok(None);
    };
    let boundary = rest.split(';').find_map(|part| part.trim().strip_prefix("boundary="));
    let boundary = boundary.map(|text| text.trim_matches('"')).filter(|text| !text.is_empty());
    let boundary = boundary.ok_or_else(|| Fault::new(501, "wrong content-type, no boundary found"))?;
    let mut parameters = RawParameters::new();
    let mut file = None;
    for part in split(body, format!("--{boundary}").as_bytes()) {
        let Some(end) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let (head, content) = (String::from_utf8_lossy(&part[..end]).into_owned(), &part[end + 4..]);
        let content = content.strip_suffix(b"\r\n").unwrap_or(content);
        let Some(name) = quoted(&head, " name=") else {
            continue;
        };
        match quoted(&head, " filename=") {
            Some(filename) => {
                parameters.insert("filename".to_owned(), Raw::Text(filename));
                file = Some(content.to_vec());
            }
            None => drop(parameters.insert(name, Raw::Text(String::from_utf8_lossy(content).into_owned()))),
        }
    }
    Ok(Some((parameters, file)))
}

fn quoted(head: &str, key: &str) -> Option<String> {
    let rest = &head[head.find(key)? + key.len()..];
    let rest = rest.strip_prefix('"')?;
    rest.split('"').next().map(str::to_owned)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn split<'a>(mut body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(start) = find(body, boundary) {
        let rest = &body[start + boundary.len()..];
        match find(rest, boundary) {
            Some(end) => parts.push(&rest[..end]),
            None => break,
        }
        body = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_the_file_are_told_apart() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n--x\r\nContent-Disposition: form-data; \
                     name=\"filename\"; filename=\"a.iso\"\r\nContent-Type: application/octet-stream\r\n\r\n\x00\r\n\x01\r\n--x--\r\n";
        let parts = parse(Some("multipart/form-data; boundary=x"), body).expect("the body is whole");
        let (parameters, file) = parts.expect("the type is that of an upload");
        assert_eq!(parameters["content"], Raw::Text("iso".to_owned()));
        assert_eq!(parameters["filename"], Raw::Text("a.iso".to_owned()));
        assert_eq!(file.as_deref(), Some(&b"\x00\r\n\x01"[..]));
        assert_eq!(parse(Some("application/json"), body), Ok(None));
    }
}
