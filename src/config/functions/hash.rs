//! Digests, passwords and UUIDs.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use super::filesystem::read;
use crate::value::{Type, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

const TEXT: Parameter = Parameter::new("text", Takes::Text);
const PATH: Parameter = Parameter::new("path", Takes::Text);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "md5",
        &[TEXT],
        Returns::Text,
        |call| Ok(hexadecimal(&Md5::digest(call.text(0)))),
        "Gives the MD5 digest of text. Not for passwords.",
        (r#"md5("")"#, r#""d41d8cd98f00b204e9800998ecf8427e""#),
    ),
    Function::new(
        "sha1",
        &[TEXT],
        Returns::Text,
        |call| Ok(hexadecimal(&Sha1::digest(call.text(0)))),
        "Gives the SHA-1 digest of text.",
        (r#"sha1("")"#, r#""da39a3ee5e6b4b0d3255bfef95601890afd80709""#),
    ),
    Function::new(
        "sha256",
        &[TEXT],
        Returns::Text,
        |call| Ok(hexadecimal(&Sha256::digest(call.text(0)))),
        "Gives the SHA-256 digest of text.",
        (r#"substr(sha256(""), 0, 8)"#, r#""e3b0c442""#),
    ),
    Function::new(
        "sha512",
        &[TEXT],
        Returns::Text,
        |call| Ok(hexadecimal(&Sha512::digest(call.text(0)))),
        "Gives the SHA-512 digest of text.",
        (r#"substr(sha512(""), 0, 8)"#, r#""cf83e135""#),
    ),
    Function::new(
        "base64sha256",
        &[TEXT],
        Returns::Text,
        |call| Ok(Value::from(STANDARD.encode(Sha256::digest(call.text(0))))),
        "Gives the SHA-256 digest of text as Base64.",
        (r#"substr(base64sha256(""), 0, 4)"#, r#""47DE""#),
    ),
    Function::new(
        "base64sha512",
        &[TEXT],
        Returns::Text,
        |call| Ok(Value::from(STANDARD.encode(Sha512::digest(call.text(0))))),
        "Gives the SHA-512 digest of text as Base64.",
        (r#"substr(base64sha512(""), 0, 4)"#, r#""z4Ph""#),
    ),
    Function::new(
        "filemd5",
        &[PATH],
        Returns::Text,
        |call| Ok(hexadecimal(&Md5::digest(read(call, 0)?))),
        "Gives the MD5 digest of a file.",
        (r#"filemd5("keys/acme.pub")"#, "the digest"),
    ),
    Function::new(
        "filesha1",
        &[PATH],
        Returns::Text,
        |call| Ok(hexadecimal(&Sha1::digest(read(call, 0)?))),
        "Gives the SHA-1 digest of a file.",
        (r#"filesha1("keys/acme.pub")"#, "the digest"),
    ),
    Function::new(
        "filesha256",
        &[PATH],
        Returns::Text,
        |call| Ok(hexadecimal(&Sha256::digest(read(call, 0)?))),
        "Gives the SHA-256 digest of a file.",
        (r#"filesha256("keys/acme.pub")"#, "the digest"),
    ),
    Function::new(
        "filesha512",
        &[PATH],
        Returns::Text,
        |call| Ok(hexadecimal(&Sha512::digest(read(call, 0)?))),
        "Gives the SHA-512 digest of a file.",
        (r#"filesha512("keys/acme.pub")"#, "the digest"),
    ),
    Function::new(
        "filebase64sha256",
        &[PATH],
        Returns::Text,
        |call| Ok(Value::from(STANDARD.encode(Sha256::digest(read(call, 0)?)))),
        "Gives the SHA-256 digest of a file as Base64.",
        (r#"filebase64sha256("keys/acme.pub")"#, "the digest"),
    ),
    Function::new(
        "filebase64sha512",
        &[PATH],
        Returns::Text,
        |call| Ok(Value::from(STANDARD.encode(Sha512::digest(read(call, 0)?)))),
        "Gives the SHA-512 digest of a file as Base64.",
        (r#"filebase64sha512("keys/acme.pub")"#, "the digest"),
    ),
    Function::new(
        "bcrypt",
        &[TEXT],
        Returns::Text,
        bcrypt,
        "Hashes a password with bcrypt. The result differs each time, so it is known only after apply.",
        (r#"length(bcrypt("secret"))"#, "60"),
    )
    .variadic(Parameter::new("cost", Takes::Number)),
    Function::new(
        "uuid",
        &[],
        Returns::Text,
        uuid,
        "Gives a random UUID, known only after apply.",
        ("length(uuid())", "36"),
    ),
    Function::new(
        "uuidv5",
        &[TEXT.named("namespace"), TEXT.named("name")],
        Returns::Text,
        uuid_v5,
        "Gives the UUID of a name in a namespace: `dns`, `url`, `oid`, `x500` or a UUID.",
        (r#"uuidv5("dns", "example.com")"#, r#""cfbff0d1-9375-5685-968c-48ce8b15ae17""#),
    ),
];

fn hexadecimal(digest: &[u8]) -> Value {
    Value::from(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Cost when none is given, as in Terraform.
const COST_DEFAULT: i64 = 10;
/// Each more doubles the time: this one takes about a second.
const COST_MAX: u32 = 14;

fn bcrypt(call: &Arguments<'_>) -> Outcome {
    let cost = match call.values.len() {
        1 => COST_DEFAULT,
        2 => call.integer(1)?,
        _ => return failed("it takes at most two arguments"),
    };
    // Go's bcrypt raises a cost that is too low to the default.
    let cost = if cost < 4 { COST_DEFAULT } else { cost };
    let Some(cost) = u32::try_from(cost).ok().filter(|cost| *cost <= COST_MAX) else {
        return wrong(1, format!("the cost must be from 4 to {COST_MAX}"));
    };
    let Some(salt) = call.world.random(call.site) else { return Ok(Value::unknown(Type::Text)) };
    match bcrypt::hash_with_salt(call.text(0), cost, salt) {
        Ok(hash) => Ok(Value::from(hash.format_for_version(bcrypt::Version::TwoA))),
        Err(error) => Err(Problem::Call(error.to_string())),
    }
}

fn uuid(call: &Arguments<'_>) -> Outcome {
    match call.world.random(call.site) {
        Some(random) => Ok(Value::from(uuid::Builder::from_random_bytes(random).into_uuid().to_string())),
        None => Ok(Value::unknown(Type::Text)),
    }
}

fn uuid_v5(call: &Arguments<'_>) -> Outcome {
    let namespace = match call.text(0) {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => match Uuid::parse_str(other) {
            Ok(namespace) => namespace,
            Err(_) => return wrong(0, "a namespace is `dns`, `url`, `oid`, `x500` or a UUID"),
        },
    };
    Ok(Value::from(Uuid::new_v5(&namespace, call.text(1).as_bytes()).to_string()))
}
