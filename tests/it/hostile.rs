//! Texts that want to break the program: each ends in a clear error or a right answer, inside 500 MB of memory.
//!
//! The processor time of each is printed, not judged: `cargo test --test it hostile -- --nocapture`.

use crate::harness::{World, sized};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};
use wait4::Wait4;

const DEPTH: usize = 100_000;
const VALID: &str = "Success! The configuration is valid.";

const MEMORY_MAX_BYTES: u64 = 500_000_000;

/// Runs `validate` on one file and judges the memory it needs; what it prints must hold `expected`. The address space is bounded too, to
/// protect the machine; it is larger, because the allocator sets aside more of it than it uses.
fn expect(name: &str, text: impl AsRef<[u8]>, expected: &str) {
    let world = World::new();
    fs::write(world.folder().join("main.hcl"), text).expect("the file can be written");
    let mut child = Command::new("sh")
        .args(["-c", r#"ulimit -v 2500000; exec "$0" validate 2>&1"#, env!("CARGO_BIN_EXE_spawnpoint")])
        .current_dir(world.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell runs");
    let mut shown = Vec::new();
    child.stdout.take().expect("it is a pipe").read_to_end(&mut shown).expect("what it prints can be read");
    let used = child.wait4().expect("a child can be waited for");
    let shown = String::from_utf8_lossy(&shown).into_owned();
    let (cpu, memory_bytes) = (used.rusage.utime + used.rusage.stime, used.rusage.maxrss);
    println!("{name}: {} ms of processor time, {} MB", cpu.as_millis(), memory_bytes / 1_000_000);
    let code = i32::from(expected != VALID);
    let head: String = shown.chars().take(2000).collect();
    assert_eq!(used.status.code(), Some(code), "{name}: {head}");
    assert!(memory_bytes <= MEMORY_MAX_BYTES, "{name} takes {memory_bytes} bytes");
    assert!(shown.contains(expected), "{name} should say `{expected}`: {head}");
}

/// A local value from an opening and a closing part, each `DEPTH` times.
fn nested(open: &str, inside: &str, close: &str) -> String {
    format!("locals {{\n  a = {}{inside}{}\n}}\n", open.repeat(DEPTH), close.repeat(DEPTH))
}

#[test]
fn deep_nesting_names_the_limit() {
    let too_deep = "nested too deeply, expected at most 64 levels";
    expect("brackets", nested("[", "", "]"), too_deep);
    expect("unclosed brackets", nested("[", "", ""), too_deep);
    expect("parentheses", nested("(", "1", ")"), too_deep);
    expect("objects", nested("{a=", "1", "}"), too_deep);
    expect("templates", nested("\"${", "1", "}\""), too_deep);
    expect("calls", nested("abs(", "1", ")"), too_deep);
    expect("conditionals", nested("true ? 1 : ", "1", ""), too_deep);
    expect("negations", nested("!", "true", ""), too_deep);
    let directives = format!("\"{}x{}\"", "%{if true}".repeat(DEPTH), "%{endif}".repeat(DEPTH));
    expect("directives", format!("locals {{\n  a = {directives}\n}}\n"), too_deep);
    expect("blocks", "a {\n".repeat(DEPTH) + &"}\n".repeat(DEPTH), too_deep);
    expect("sums", nested("1+", "1", ""), "too many operators in one expression, expected at most 128");
    expect("attributes", format!("locals {{\n  a = local.b{}\n  b = {{}}\n}}\n", ".a".repeat(DEPTH)), "`a`");
}

/// The parser reads each open level twice before it gives up: whoever asked it about sixty of them would wait for ever.
#[test]
fn unfinished_levels_are_told_without_following_them() {
    let parentheses = "(x+\ny+\n".repeat(60);
    let local = |value: String| format!("locals {{\n  a = {value}");
    expect("unfinished parentheses", local(parentheses.clone()), "expected a value, found the end of the text");
    expect("unfinished objects", local("{5-2%".repeat(60)), "a value cannot go on over the end of a line");
    expect(
        "a fault before them",
        local(format!("[1]\n + {parentheses}")),
        "a value cannot go on over the end of a line",
    );
    expect(
        "a string around them",
        local(format!("\"\n # ${{{parentheses}")),
        "this string goes over the end of its line",
    );
    expect("sixty that end", local(format!("{}1{}\n}}\n", "(".repeat(60), ")".repeat(60))), VALID);
}

#[test]
fn large_values_name_the_limit() {
    let line = "x".repeat(99) + "\n";
    let heredoc = format!("locals {{\n  a = <<EOT\n{}EOT\n}}\n", line.repeat(100_000));
    expect("heredoc", heredoc, "`main.hcl` is too large: 9 MiB, expected at most 8 MiB");
    expect("range", "locals {\n  a = range(1e9)\n}\n", "it would give more than 1024 numbers");
    expect("count", "vm \"a\" {\n  count = 1000000000\n}\n", "expected a whole number from 0 to 20000");
    let pairs = "{ for pair in setproduct(range(1000), range(21)) : \"${pair[0]}-${pair[1]}\" => 1 }";
    expect(
        "for_each",
        format!("vm \"a\" {{\n  for_each = {pairs}\n}}\n"),
        "`for_each` has 21000 items, expected at most 20000",
    );
    let many = ["a", "b", "c"].map(|name| format!("vm \"{name}\" {{\n  count = 20000\n}}\n"));
    expect("counts", many.concat(), "make more than 30000 objects");
    let mut laughs = "locals {\n  a0 = range(1000)\n".to_owned();
    for level in 1..6 {
        let _ = writeln!(laughs, "  a{level} = [for item in local.a0 : local.a{}]", level - 1);
    }
    expect("billion laughs", laughs + "}\n", "it consists of more than 5000000 parts");
    let loops =
        "locals {\n  r = range(1000)\n  a = [for a in local.r : [for b in local.r : [for c in local.r : a]]]\n}\n";
    expect("loops", loops, "goes through more than 1000000 items");
    let mut texts = "locals {\n  a0 = \"lollollol\"\n".to_owned();
    for level in 1..12 {
        let ten = format!("${{local.a{}}}", level - 1).repeat(10);
        let _ = writeln!(texts, "  a{level} = \"{ten}\"");
    }
    expect("billion laughs as text", texts + "}\n", "text is longer than 64 MiB");
    let dynamic = "vm \"a\" {\n  for_each = toset([for i in range(1000): tostring(i)])\n  dynamic \"disk\" {\n    for_each = range(1000)\n    labels = [\"scsi${disk.value}\"]\n    content {\n      size = \"1GiB\"\n    }\n  }\n}\n";
    expect("dynamic blocks", dynamic, "unfold to more than 200000 blocks");
    let keys: String = (0..100_000).map(|at| format!("    k{at} = {at}\n")).collect();
    expect(
        "keys",
        format!("locals {{\n  a = {{\n{keys}  }}\n}}\n"),
        "this object has more than 10000 keys written out",
    );
    expect("a power", "locals {\n  a = pow(10, 100000000)\n}\n", "`pow` failed");
    expect("a width", "locals {\n  a = format(\"%999999999d\", 1)\n}\n", "is larger than 100000");
    let pattern = "locals {\n  a = regexall(\"(((a{1,100}){1,100}){1,100})\", \"a\")\n}\n";
    expect("a pattern", pattern, "it is too large");
    let product = "locals {\n  a = range(1000)\n  b = setproduct(local.a, local.a, local.a)\n}\n";
    expect("a product", product, "there are too many combinations");
}

/// As many machines as `count` may make, with all that a machine has; a tenth of them unless everything is tested.
#[test]
fn the_most_machines_of_count_fit() {
    let count = sized(20_000, 2_000);
    let machines = |name: &str, count: usize| {
        format!(
            r#"
vm "{name}" {{
  count       = {count}
  template    = template.debian13
  tenant      = tenant.acme
  name        = "{name}-${{count.index}}"
  description = "machine ${{count.index}} of ${{join(", ", local.tags)}}"
  cores       = 2 + count.index % 4
  memory      = "${{4 + count.index % 4}}GiB"
  tags        = [for tag in local.tags : "${{tag}}-${{count.index % 7}}"]
  onboot      = true
  ostype      = "l26"

  disk "scsi0" {{
    size    = "40GiB"
    storage = "local-lvm"
  }}
  network "net0" {{
    address = "auto"
  }}
  cloud_init {{
    user = "game"
  }}
}}
"#
        )
    };
    let shared = r#"
cluster "lab" {
  vmid_range = [100, 999999]

  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    cidr   = "10.0.0.0/8"
  }
}

locals {
  tags = ["minecraft", "paper"]
}
"#;
    expect("all machines of count", format!("{shared}{}{}", machines("a", count), machines("b", count / 2)), VALID);
}

#[test]
fn circles_and_long_chains_are_errors() {
    let names = |count: usize, end: &str| {
        let lines = (0..count).map(|at| format!("  a{at} = local.a{}\n", at + 1));
        format!("locals {{\n{}  a{count} = {end}\n}}\n", lines.collect::<String>())
    };
    expect("a circle", names(50, "local.a0"), "`local.a0` depends on itself");
    expect("a long circle", names(20_000, "local.a0"), "a chain of more than 100 names");
    expect("a long chain", names(20_000, "1"), "a chain of more than 100 names");
    let guests = (0..2_000).map(|at| format!("vm \"a{at}\" {{\n  description = vm.a{}.name\n}}\n", (at + 1) % 2_000));
    expect("a circle of guests", guests.collect::<String>(), "blocks depend on each other in a circle");
    expect("a module in itself", "module \"a\" {\n  source = \"./.\"\n}\n", "calls itself");
    let mistakes = (0..20_000).map(|at| format!("  a{at} = local.nothing{at}\n"));
    expect("twenty thousand mistakes", format!("locals {{\n{}}}\n", mistakes.collect::<String>()), "`nothing19999`");
}

#[test]
fn bytes_that_are_no_text_are_named_and_odd_line_ends_are_not() {
    expect("not UTF-8", b"locals {\n  a = \"\xff\xfe\"\n}\n", "byte 0xff is not UTF-8");
    expect("NUL", "locals {\n  a = \"x\0y\"\n}\n", "found a NUL character");
    expect("a byte order mark", "\u{feff}locals {\n  a = 1\n}\n", VALID);
    expect("CRLF", "locals {\r\n  a = <<EOT\r\nx\r\nEOT\r\n}\r\n", VALID);
    expect("nothing", "", VALID);
}
