//! Modules from elsewhere on the real binary: a real repository, real archives, a server on loopback; what is fetched, kept and refused.

use crate::client_server::{Reply, Server, response};
use crate::harness::{CommandOutput, World};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Two modules in one folder tree: `site` calls `parts/slots` beside it.
fn files(slots: u32) -> [(&'static str, String); 3] {
    [
        ("site/main.hcl", "module \"slots\" {\n  source = \"../parts/slots\"\n}\n\noutput \"slots\" {\n  value = module.slots.number\n}\n".into()),
        ("parts/slots/main.hcl", format!("output \"number\" {{\n  value = {slots}\n}}\n")),
        ("README.md", "A module.\n".into()),
    ]
}

/// A repository next to the stack.
struct Repository(PathBuf);

impl Repository {
    fn new(world: &World) -> Self {
        let repository = Self(world.folder().with_file_name("repository"));
        std::fs::create_dir(&repository.0).expect("the folder is new");
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Kim", "-c", "user.email=kim@example.org"]).args(arguments).current_dir(&self.0);
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git is installed");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits and returns the id.
    fn commit(&self, slots: u32) -> String {
        for (name, text) in files(slots) {
            let path = self.0.join(name);
            std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
            std::fs::write(path, text).expect("it can be written");
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message=change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn source(&self, rest: &str) -> String {
        format!("git::file://{}{rest}", self.0.display())
    }
}

fn stack(world: &World, source: &str, more: &str) {
    let call = format!("module \"site\" {{\n  source = \"{source}\"\n{more}}}\n");
    world.write("main.hcl", &format!("{call}\noutput \"slots\" {{\n  value = module.site.slots\n}}\n"));
}

fn ok(world: &World, arguments: &[&str]) -> CommandOutput {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(0), "{arguments:?}\n{output}");
    output
}

/// Asserts that a command fails and says `text`.
fn refused(world: &World, arguments: &[&str], text: &str) {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stderr.contains(text), "expected {text:?}: {output}");
}

fn slots(world: &World) -> String {
    ok(world, &["apply", "-auto-approve"]);
    ok(world, &["output", "-raw", "slots"]).stdout
}

fn lock(world: &World) -> String {
    std::fs::read_to_string(world.folder().join("spawnpoint.lock.hcl")).expect("init wrote it")
}

fn forget(world: &World) {
    std::fs::remove_dir_all(world.folder().join(".spawnpoint/modules")).expect("something was fetched");
}

/// The folder of the only fetched module.
fn place(world: &World) -> PathBuf {
    let entries = std::fs::read_dir(world.folder().join(".spawnpoint/modules")).expect("something was fetched");
    let folders: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].clone()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tar_gz(files: &[(&str, String)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, text.as_bytes()).expect("it is in memory");
    }
    builder.into_inner().and_then(GzEncoder::finish).expect("it is in memory")
}

fn zip(files: &[(&str, String)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("it is in memory");
        writer.write_all(text.as_bytes()).expect("it is in memory");
    }
    writer.finish().expect("it is in memory").into_inner()
}

fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("it can be written");
}

#[test]
fn a_repository_is_fetched_once_and_stays_what_it_was() {
    let world = World::new();
    let repository = Repository::new(&world);
    let first = repository.commit(10);
    stack(&world, &repository.source("//site?ref=main"), "");
    refused(&world, &["plan"], "run `spawnpoint init`");
    refused(&world, &["validate"], "is not fetched");

    let init = ok(&world, &["init"]);
    assert!(
        init.stdout.starts_with("Fetched 1 module.\n") && init.stderr.starts_with("Fetching git::file://"),
        "{init}"
    );
    assert_eq!(slots(&world), "10");
    let locked = lock(&world);
    assert!(locked.contains(&format!("  commit = \"{first}\"\n")), "{locked}");
    assert!(!place(&world).join(".git").exists() && place(&world).join("README.md").is_file());
    ok(&world, &["fmt", "-check"]);

    let second = repository.commit(20);
    assert!(!ok(&world, &["init"]).stdout.contains("Fetched"), "there is nothing to do");
    forget(&world);
    refused(&world, &["plan"], "run `spawnpoint init`");
    ok(&world, &["init"]);
    assert_eq!((slots(&world).as_str(), lock(&world)), ("10", locked), "the branch moved, the lock did not");

    std::fs::remove_file(world.folder().join("spawnpoint.lock.hcl")).expect("it is there");
    ok(&world, &["init"]);
    assert_eq!(slots(&world), "20");
    assert!(lock(&world).contains(&second));

    repository.git(&["tag", "--annotate", "--message=one", "v1", &first]);
    for reference in ["v1", &first, &first[..10]] {
        stack(&world, &repository.source(&format!("//site?ref={reference}")), "");
        ok(&world, &["init"]);
        assert_eq!(slots(&world), "10", "{reference}");
    }
    assert_eq!(lock(&world).matches("module \"").count(), 1, "what nobody calls is not locked");
    stack(&world, &repository.source("//site?ref=v9"), "");
    refused(&world, &["init"], "has no `v9`");
}

#[test]
fn what_was_changed_by_hand_is_noticed_and_mended() {
    let world = World::new();
    let repository = Repository::new(&world);
    repository.commit(10);
    stack(&world, &repository.source("//site"), "");
    ok(&world, &["init"]);
    let file = place(&world).join("parts/slots/main.hcl");
    put(&file, b"output \"number\" {\n  value = 11\n}\n");
    refused(&world, &["plan"], "is not what `spawnpoint.lock.hcl` says");
    ok(&world, &["init"]);
    assert_eq!(slots(&world), "10");
    put(&place(&world).join("site/more.hcl"), b"");
    refused(&world, &["plan"], "is not what `spawnpoint.lock.hcl` says");
    ok(&world, &["init"]);

    // The same commit with other files cannot be; another digest in the lock file can.
    let wrong = lock(&world).replace("sha256:", "sha256:0");
    world.write("spawnpoint.lock.hcl", &wrong);
    refused(&world, &["init"], "is not what `spawnpoint.lock.hcl` says");
    world.write("spawnpoint.lock.hcl", "modul {\n");
    refused(&world, &["plan"], "spawnpoint.lock.hcl:");
}

#[test]
fn a_plan_file_holds_the_modules() {
    let world = World::new();
    let repository = Repository::new(&world);
    repository.commit(10);
    stack(&world, &repository.source("//site"), "");
    ok(&world, &["init"]);
    ok(&world, &["plan", "-out=saved.plan"]);
    forget(&world);
    // The stack's own files are read to find the state, so the module must be there; what is applied is from the plan file.
    ok(&world, &["init"]);
    assert_eq!(ok(&world, &["apply", "saved.plan"]).status, Some(0));
    assert_eq!(ok(&world, &["output", "-raw", "slots"]).stdout, "10");
}

#[test]
fn links_and_submodules_of_a_repository_are_refused() {
    let world = World::new();
    let repository = Repository::new(&world);
    repository.commit(10);
    std::os::unix::fs::symlink("/etc/passwd", repository.0.join("link")).expect("links can be made");
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "--quiet", "--message=link"]);
    stack(&world, &repository.source("//site"), "");
    refused(&world, &["init"], "it holds the symbolic link `link`");
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["rm", "--quiet", "link"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},inner")]);
    repository.git(&["commit", "--quiet", "--message=submodule"]);
    refused(&world, &["init"], "it holds the submodule `inner`");
    assert!(!world.folder().join("spawnpoint.lock.hcl").exists(), "nothing is locked");
}

#[test]
fn archives_beside_the_stack_are_unpacked() {
    let world = World::new();
    for (name, bytes) in [("m.tar.gz", tar_gz(&files(30))), ("m.zip", zip(&files(40)))] {
        put(&world.folder().join(name), &bytes);
        stack(&world, &format!("./{name}//site"), "");
        refused(&world, &["init"], "has no `checksum`");
        stack(&world, &format!("./{name}//site"), &format!("  checksum = \"sha256:{}\"\n", "0".repeat(64)));
        refused(&world, &["init"], &format!("has the checksum sha256:{}, expected", sha256(&bytes)));
        stack(&world, &format!("./{name}//site"), &format!("  checksum = \"sha256:{}\"\n", sha256(&bytes)));
        ok(&world, &["init"]);
        assert_eq!(slots(&world), if name == "m.zip" { "40" } else { "30" });
        stack(&world, &format!("./{name}//nowhere"), &format!("  checksum = \"sha256:{}\"\n", sha256(&bytes)));
        refused(&world, &["init"], "`//parts/slots`, `//site`");
        forget(&world);
    }
}

#[tokio::test]
async fn archives_come_over_https_with_their_checksum_or_not_at_all() {
    let bytes = tar_gz(&files(50));
    let served = bytes.clone();
    let server = Server::start(move |_, request| match request.split(' ').nth(1) {
        Some("/m.tar.gz?v=1") => Reply::Close(response("200 OK", "Connection: close\r\n", &served)),
        Some("/moved.tar.gz") => {
            Reply::Close(response("302 Found", "Location: /m.tar.gz?v=1\r\nConnection: close\r\n", b""))
        }
        Some("/plain.tar.gz") => {
            Reply::Close(response("302 Found", "Location: http://127.0.0.1:1/x\r\nConnection: close\r\n", b""))
        }
        Some("/large.tar.gz") => Reply::Close(response("200 OK", "Connection: close\r\n", &vec![0; 17 << 20])),
        _ => Reply::error("404 Not Found"),
    })
    .await;
    let stranger = Server::start(|_, _| Reply::Drop).await;
    let mut world = World::new();
    world.write("authority.pem", &server.authority_pem);
    world.set("SSL_CERT_FILE", "authority.pem");
    let address = format!("https://localhost:{}", server.address.port());
    let checksum = format!("  checksum = \"sha256:{}\"\n", sha256(&bytes));
    tokio::task::spawn_blocking(move || {
        for path in ["m.tar.gz//site?v=1", "moved.tar.gz//site"] {
            stack(&world, &format!("{address}/{path}"), &checksum);
            ok(&world, &["init"]);
            assert_eq!(slots(&world), "50");
        }
        for (path, expected) in [
            ("gone.tar.gz", "is answered 404 Not Found"),
            ("large.tar.gz", "is too large, expected at most 16 MiB"),
            ("plain.tar.gz", "cannot fetch `https://"),
        ] {
            stack(&world, &format!("{address}/{path}"), &checksum);
            refused(&world, &["init"], expected);
        }
        world.write("authority.pem", &stranger.authority_pem);
        stack(&world, &format!("{address}/m.tar.gz?v=1"), &checksum);
        forget(&world);
        refused(&world, &["init"], "cannot fetch `https://");
    })
    .await
    .expect("the assertions hold");
    assert!(server.requests().iter().all(|request| request.starts_with("GET /")), "{:?}", server.requests());
}

#[test]
fn a_fetched_module_may_need_another() {
    let world = World::new();
    let repository = Repository::new(&world);
    repository.commit(10);
    let outer = [(
        "main.hcl",
        format!(
            "module \"inner\" {{\n  source = \"{}\"\n}}\n\noutput \"slots\" {{\n  value = module.inner.slots\n}}\n",
            repository.source("//site")
        ),
    )];
    let bytes = zip(&outer);
    put(&world.folder().join("outer.zip"), &bytes);
    stack(&world, "./outer.zip", &format!("  checksum = \"sha256:{}\"\n", sha256(&bytes)));
    assert!(ok(&world, &["init"]).stdout.starts_with("Fetched 2 modules.\n"));
    assert_eq!(slots(&world), "10");
}
