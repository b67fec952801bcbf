//! Files that come to a storage: uploads and downloads. The simulator reaches no network: a download gets what the lab says is at its
//! address, and nothing where the lab says nothing.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Digest;

use super::Machine;
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::state::{Url, Volume};
use super::task::{Spawn, Step, Work};

pub(super) const ROUTES: &[Entry] = &[
    ("POST", "/nodes/{node}/storage/{storage}/upload", upload),
    ("POST", "/nodes/{node}/storage/{storage}/download-url", download),
    ("GET", "/nodes/{node}/query-url-metadata", metadata),
];

/// How fast files arrive: as on the reference server, where the network is not the limit.
const BYTES_PER_MS: u64 = 100 << 10;

/// A file to fetch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DownloadWork {
    url: String,
    node: String,
    storage: String,
    content: String,
    filename: String,
    checksum: Option<(String, String)>,
}

/// A file that was sent along and is put in its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ImportWork {
    node: String,
    storage: String,
    content: String,
    filename: String,
    size_bytes: u64,
    /// Algorithm, what the caller expects, and what the file has.
    checksum: Option<(String, String, String)>,
}

/// Returns what a file is called in its folder: other characters than these become underscores, and the path goes.
fn normalised(filename: &str) -> String {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_kept = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    name.chars().map(|letter| if is_kept(letter) { letter } else { '_' }).collect()
}

fn check_extension(content: &str, filename: &str) -> Result<(), Fault> {
    let name = filename.to_ascii_lowercase();
    let ends: &[&str] = match content {
        "iso" => &[".iso", ".img"],
        "vztmpl" => &[".tar.gz", ".tar.xz", ".tar.zst", ".tar"],
        _ => &[".ova", ".qcow2", ".raw", ".vmdk"],
    };
    match ends.iter().any(|end| name.ends_with(end)) {
        true => Ok(()),
        false => Err(Fault::parameter("filename", "wrong file extension")),
    }
}

/// Returns how a storage calls the format of a file.
pub(super) fn file_format(content: &str, name: &str) -> String {
    let end = name.rsplit('.').next().unwrap_or_default();
    match (content, end) {
        ("vztmpl", "gz" | "tgz") => "tgz".to_owned(),
        ("vztmpl", "xz") => "txz".to_owned(),
        ("vztmpl", "zst") => "tzst".to_owned(),
        ("iso", _) => "iso".to_owned(),
        ("snippets", _) => "snippet".to_owned(),
        ("backup", _) => name.split_once(".vma").map_or_else(|| end.to_owned(), |(_, rest)| format!("vma{rest}")),
        _ => end.to_owned(),
    }
}

fn folder(content: &str) -> &'static str {
    match content {
        "iso" => "template/iso",
        "vztmpl" => "template/cache",
        "snippets" => "snippets",
        "backup" => "dump",
        _ => "import",
    }
}

impl Machine {
    fn check_takes(&self, context: &Context) -> Result<(String, String, String), Fault> {
        let parameters = &context.parameters;
        let (storage, content) = (parameters.required("storage"), parameters.required("content"));
        let definition = self.storage_on(storage, context.node())?;
        if !definition.is_enabled() {
            return Err(Fault::text(format!("storage '{storage}' is disabled")));
        }
        if !definition.content.contains(content) {
            return Err(Fault::text(format!("storage '{storage}' is not configured for content-type '{content}'")));
        }
        let filename = normalised(parameters.required("filename"));
        check_extension(content, &filename)?;
        Ok((storage.to_owned(), content.to_owned(), filename))
    }

    /// Returns the path of a file on its node.
    fn file_path(&self, storage: &str, content: &str, filename: &str) -> String {
        let root = self.storages.get(storage).map(super::state::Storage::path).unwrap_or_default();
        format!("{root}/{}/{filename}", folder(content))
    }

    fn put_file(
        &mut self,
        node: &str,
        storage: &str,
        content: &str,
        filename: &str,
        size_bytes: u64,
        disk: Option<Url>,
    ) {
        let is_shared = self.storages.get(storage).is_some_and(|storage| storage.is_shared);
        let node = if is_shared { String::new() } else { node.to_owned() };
        let volid = format!("{storage}:{content}/{filename}");
        let volume = Volume {
            storage: storage.to_owned(),
            node: node.clone(),
            volid: volid.clone(),
            content: content.to_owned(),
            format: file_format(content, filename),
            // Of a disk image the size of the disk in it counts.
            size_bytes: disk.as_ref().and_then(|disk| disk.disk_bytes).unwrap_or(size_bytes),
            used_bytes: size_bytes,
            vmid: None,
            parent: None,
            image: disk.and_then(|disk| disk.image),
            created_s: self.clock.now_ms / 1000,
            notes: None,
            is_protected: false,
            archive: None,
        };
        self.volumes.insert(format!("{node}|{volid}"), volume);
    }

    pub(super) fn run_import(&mut self, seq: u64, stage: u32, work: &ImportWork) -> Step {
        let path = self.file_path(&work.storage, &work.content, &work.filename);
        if stage == 0 {
            self.task_log(seq, "starting file import from: /var/tmp/pveupload-00000000000000000000000000000000");
            self.task_log(seq, format!("target node: {}", work.node));
            self.task_log(seq, format!("target file: {path}"));
            self.task_log(seq, format!("file size is: {}", work.size_bytes));
            if let Some((algorithm, expected, found)) = &work.checksum {
                self.task_log(seq, format!("calculating checksum ({algorithm})..."));
                if expected != found {
                    return Step::failed(format!("checksum mismatch: got '{found}' != expect '{expected}'"));
                }
            }
            return Step::After(30 + work.size_bytes / BYTES_PER_MS);
        }
        if self.available_bytes(&work.storage, &work.node) < work.size_bytes {
            return Step::failed("import failed: No space left on device");
        }
        // A file that is there already is replaced without a word.
        self.put_file(&work.node, &work.storage, &work.content, &work.filename, work.size_bytes, None);
        self.task_log(seq, "finished file import successfully");
        Step::DONE
    }

    /// Writes what the program that fetches files would say.
    fn log_transfer(&mut self, seq: u64, url: &str, path: &str, file: &Url) {
        let Url { size_bytes, mimetype, .. } = file;
        let time = jiff::Timestamp::from_second(self.now_s()).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S");
        let host = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
        let temporary = format!("{path}.tmp_dwnl.{}", self.tasks.get(&seq).map_or(0, |task| task.pid));
        let size = match size_bytes {
            0..1024 => size_bytes.to_string(),
            1024..1_048_576 => format!("{size_bytes} ({}K)", size_bytes >> 10),
            1_048_576..1_073_741_824 => format!("{size_bytes} ({}M)", size_bytes >> 20),
            _ => format!("{size_bytes} ({}G)", size_bytes >> 30),
        };
        let lines = [
            format!("--{time}--  {url}"),
            format!("Connecting to {host}... connected."),
            "HTTP request sent, awaiting response... 200 OK".to_owned(),
            format!("Length: {size} [{}]", mimetype.as_deref().unwrap_or("application/octet-stream")),
            format!("Saving to: '{temporary}'"),
            format!("{:>7}{:>39}% 1.00G=0s", "0K", 100),
            format!("{time} (1.00 GB/s) - '{temporary}' saved [{size_bytes}/{size_bytes}]"),
        ];
        for line in lines {
            self.task_log(seq, line);
        }
    }

    pub(super) fn run_download(&mut self, seq: u64, stage: u32, work: &DownloadWork) -> Step {
        let path = self.file_path(&work.storage, &work.content, &work.filename);
        let volid = format!("{}:{}/{}", work.storage, work.content, work.filename);
        if stage == 0 {
            self.task_log(seq, format!("downloading {} to {path}", work.url));
            if self.volume(&work.node, &volid).is_some() {
                return Step::failed(format!("refusing to override existing file '{path}'"));
            }
            let Some(file) = self.urls.get(&work.url).cloned() else {
                self.task_log(seq, "ERROR 404: Not Found.");
                self.task_log(
                    seq,
                    "the simulator reaches no network; a `url` block of the lab file says what is at an address",
                );
                return Step::failed(format!(
                    "download failed: command '/usr/bin/wget --progress=dot:giga -O {path}' failed: exit code 8"
                ));
            };
            self.log_transfer(seq, &work.url, &path, &file);
            return Step::After(100 + file.size_bytes / BYTES_PER_MS);
        }
        let Some(file) = self.urls.get(&work.url).cloned() else {
            return Step::failed("download failed");
        };
        if let Some((algorithm, expected)) = &work.checksum {
            self.task_log(seq, "calculating checksum...");
            match file.checksums.get(algorithm) {
                Some(found) if found != expected => {
                    return Step::failed(format!("checksum mismatch: got '{found}' != expect '{expected}'"));
                }
                // What the lab does not say of a file is taken to be right.
                _ => self.task_log(seq, "OK, checksum verified"),
            }
        }
        if self.available_bytes(&work.storage, &work.node) < file.size_bytes {
            return Step::failed("download failed: No space left on device");
        }
        self.put_file(&work.node, &work.storage, &work.content, &work.filename, file.size_bytes, Some(file));
        self.task_log(seq, format!("download of '{}' to '{path}' finished", work.url));
        Step::DONE
    }
}

fn upload(machine: &mut Machine, context: &Context) -> Answer {
    let (storage, content, filename) = machine.check_takes(context)?;
    let Some(file) = &context.upload else {
        return Err(Fault::parameter("tmpfilename", "property is missing and it is not optional"));
    };
    let parameters = &context.parameters;
    let checksum = match (parameters.get("checksum-algorithm"), parameters.get("checksum")) {
        (Some(algorithm), Some(expected)) => {
            Some((algorithm.to_owned(), expected.to_ascii_lowercase(), digest(algorithm, file)))
        }
        _ => None,
    };
    let node = context.node().to_owned();
    let size_bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
    let work = Work::Import(ImportWork { node: node.clone(), storage, content, filename, size_bytes, checksum });
    let spawn = Spawn { node: &node, kind: "imgcopy", id: String::new(), locks: Vec::new(), wait_ms: 0, work };
    Ok(json!(machine.spawn(&context.caller, spawn)).into())
}

fn digest(algorithm: &str, bytes: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match algorithm {
        "md5" => hex(&md5::Md5::digest(bytes)),
        "sha1" => super::config::sha1_hex(bytes),
        "sha224" => hex(&sha2::Sha224::digest(bytes)),
        "sha256" => hex(&sha2::Sha256::digest(bytes)),
        "sha384" => hex(&sha2::Sha384::digest(bytes)),
        _ => hex(&sha2::Sha512::digest(bytes)),
    }
}

fn download(machine: &mut Machine, context: &Context) -> Answer {
    let (storage, content, filename) = machine.check_takes(context)?;
    let parameters = &context.parameters;
    let checksum = parameters.get("checksum-algorithm").zip(parameters.get("checksum"));
    let node = context.node().to_owned();
    let work = Work::Download(DownloadWork {
        url: parameters.required("url").to_owned(),
        node: node.clone(),
        storage,
        content,
        filename: filename.clone(),
        checksum: checksum.map(|(algorithm, expected)| (algorithm.to_owned(), expected.to_ascii_lowercase())),
    });
    let spawn = Spawn { node: &node, kind: "download", id: filename, locks: Vec::new(), wait_ms: 0, work };
    Ok(json!(machine.spawn(&context.caller, spawn)).into())
}

fn metadata(machine: &mut Machine, context: &Context) -> Answer {
    let url = context.parameters.required("url");
    let Some(Url { size_bytes, mimetype, .. }) = machine.urls.get(url) else {
        return Err(Fault::text("invalid server response: '404 Not Found'"));
    };
    let filename = url.rsplit('/').next().unwrap_or_default();
    Ok(json!({ "filename": filename, "mimetype": mimetype.as_deref().unwrap_or("application/octet-stream"), "size": size_bytes }).into())
}
