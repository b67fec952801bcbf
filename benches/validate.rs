//! What `validate` costs by the size of the stack, as a whole process: `cargo bench --bench validate`.
//!
//! Every machine of the fleets has twelve attributes, among them references, templates, `for`, `merge` and `lookup`. Terraform's figures
//! stand beside ours where it is installed: `validate` and `plan` of a `terraform_data` each with the same twelve expressions as its input
//! (its `validate` does not evaluate them, its `plan` does). `cargo bench --bench validate -- FOLDER` leaves the stacks there.
//!
//! On 2026-11-22, two cores of an AMD EPYC: 1 000 machines 0.065 s and 26 MB; 10 000 in one file 0.68 s and 122 MB; 100 000 in 20 files
//! 6.7 s and 1.08 GB; exponent 1.01; the quickstart 6 ms; 20 000 unknown names 0.18 s and 58 MB. Lexer, recognizer and their comparison with
//! the parser's tree are 4 % of it. Terraform 1.11.4: `validate` of 1 000 0.97 s and 170 MB, of 10 000 13.3 s and 0.98 GB; `plan` of 1 000
//! 3.3 s, of 10 000 43.0 s and 1.49 GB.

mod measure;

use measure::{Cost, best_of, exponent, line, run};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const SPAWNPOINT: &str = env!("CARGO_BIN_EXE_spawnpoint");

/// What all machines share.
const SHARED: &str = r#"
locals {
  prefix   = "eu"
  domains  = { eu = "games.example", us = "us.games.example" }
  sizes    = { small = 2, medium = 4, large = 8 }
  tags     = ["minecraft", "paper", "old"]
  defaults = { onboot = true, cpulimit = 2, cpuunits = 100 }
}
"#;

const OBJECTS: &str = r#"
cluster "lab" {
  simulator {}
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    cidr   = "10.0.0.0/8"
  }
}

template "debian13" {
  vmid = 9000
}
"#;

/// Eleven of the twelve expressions; the twelfth and the reference to the tenant differ between the two languages.
const ATTRIBUTES: [(&str, &str); 11] = [
    ("name", r#""${local.prefix}-mc-NUMBER""#),
    ("description", r#""machine NUMBER of ${local.domains["eu"]}: ${join(", ", local.tags)}""#),
    ("cores", r#"lookup(local.sizes, "SIZE", 1)"#),
    ("memory", r#""${local.sizes["SIZE"] * 2}GiB""#),
    ("tags", r#"[for tag in local.tags : "${tag}-GROUP" if tag != "old"]"#),
    ("cpulimit", "merge(local.defaults, { cpulimit = 3 }).cpulimit"),
    ("cpuunits", "local.defaults.cpuunits + NUMBER % 50"),
    ("onboot", "local.defaults.onboot && NUMBER > 3"),
    ("agent", "try(local.defaults.agent, true)"),
    ("ostype", r#"contains(local.tags, "windows") ? "win11" : "l26""#),
    ("power", r#"NUMBER % 10 == 0 ? "stopped" : "running""#),
];

fn main() {
    // Cargo passes `--bench`.
    let kept = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let scratch = tempfile::tempdir().expect("there is room for temporary files");
    let folder = kept.as_deref().unwrap_or_else(|| scratch.path());
    say("machines with 12 attributes, `spawnpoint validate`");
    let mut costs = Vec::new();
    for (count, files, times, limit) in
        [(1_000, 1, 5, None), (10_000, 1, 3, Some((0.8, 300))), (100_000, 20, 1, Some((9.0, 1_500)))]
    {
        let stack = folder.join(format!("machines-{count}"));
        write_machines(&stack, count, files);
        let cost = best_of(times, SPAWNPOINT, &["validate"], &stack);
        assert!(cost.is_success, "the stack in {} is valid", stack.display());
        say(&line(&format!("{} machines in {files} files", grouped(count)), &cost, limit));
        costs.push((count, cost.cpu));
    }
    say(&format!("grows with exponent {:.3}, at most 1.1", exponent(costs[0], costs[2])));
    quickstart();
    unknown_names(folder);
    terraform(folder);
}

fn quickstart() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    let cost = best_of(10, SPAWNPOINT, &["validate"], &folder);
    assert!(cost.is_success, "the quickstart is valid");
    say(&line("the quickstart", &cost, Some((0.015, 100))));
}

/// Every name is wrong, and every one has a similar name to be compared with.
fn unknown_names(folder: &Path) {
    const COUNT: usize = 20_000;
    let mut text = "locals {\n".to_owned();
    for number in 0..COUNT {
        writeln!(text, "  name_{number} = local.typo_{number}").expect("writing to a String cannot fail");
    }
    text.push_str("}\n");
    let stack = folder.join("unknown-names");
    write_file(&stack, "main.hcl", &text);
    let cost = best_of(3, SPAWNPOINT, &["validate"], &stack);
    assert!(!cost.is_success, "no name is declared");
    say(&line(&format!("{} unknown names", grouped(COUNT)), &cost, Some((2.0, 500))));
}

fn terraform(folder: &Path) {
    let Some(program) = ["terraform", "tofu"].into_iter().find(|program| is_installed(program)) else {
        return say("neither Terraform nor OpenTofu is installed");
    };
    say(&format!("the same as `terraform_data`, `{program}`"));
    for (count, files) in [(1_000, 1), (10_000, 1)] {
        let stack = folder.join(format!("terraform-{count}"));
        write_terraform(&stack, count, files);
        let prepared = run(program, &["init", "-input=false"], &stack);
        assert!(prepared.is_success, "`{program} init` needs nothing from outside");
        for arguments in [&["validate"][..], &["plan", "-input=false", "-refresh=false", "-lock=false"]] {
            let cost: Cost = run(program, arguments, &stack);
            assert!(cost.is_success, "the stack in {} is valid", stack.display());
            say(&line(&format!("{} in {files} files, {}", grouped(count), arguments[0]), &cost, None));
        }
    }
}

fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn write_machines(stack: &Path, count: usize, files: usize) {
    write_file(stack, "main.hcl", &format!("{SHARED}{OBJECTS}"));
    for file in 0..files {
        let numbers = (file * count / files)..((file + 1) * count / files);
        let text: String = numbers.map(machine).collect();
        write_file(stack, &format!("machines-{file:02}.hcl"), &text);
    }
}

fn machine(number: usize) -> String {
    let mut text = format!("vm \"m{number:06}\" {{\n  template = template.debian13\n");
    // One of the eleven gives way to the reference that only we have.
    for (name, expression) in ATTRIBUTES.iter().filter(|(name, _)| *name != "agent") {
        writeln!(text, "  {name} = {}", filled(expression, number)).expect("writing to a String cannot fail");
    }
    text.push_str("  tenant = tenant.acme\n}\n\n");
    text
}

fn write_terraform(stack: &Path, count: usize, files: usize) {
    let shared = "resource \"terraform_data\" \"template\" {\n  input = { vmid = 9000 }\n}\n";
    write_file(stack, "main.tf", &format!("{SHARED}{shared}"));
    for file in 0..files {
        let mut text = String::new();
        for number in (file * count / files)..((file + 1) * count / files) {
            write!(text, "resource \"terraform_data\" \"m{number:06}\" {{\n  input = {{\n").expect("a String grows");
            writeln!(text, "    template = terraform_data.template.input.vmid").expect("a String grows");
            for (name, expression) in ATTRIBUTES {
                writeln!(text, "    {name} = {}", filled(expression, number)).expect("a String grows");
            }
            text.push_str("  }\n}\n\n");
        }
        write_file(stack, &format!("machines-{file:02}.tf"), &text);
    }
}

fn filled(expression: &str, number: usize) -> String {
    expression
        .replace("NUMBER", &number.to_string())
        .replace("SIZE", ["small", "medium", "large"][number % 3])
        .replace("GROUP", &(number % 7).to_string())
}

fn write_file(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder).expect("the folder can be made");
    fs::write(folder.join(name), text).expect("there is room for the stack");
}

fn grouped(number: usize) -> String {
    format!("{} {:03}", number / 1_000, number % 1_000)
}

fn say(text: &str) {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{text}").expect("stdout is open");
}
