//! Every dependency may be used in, and shipped with, a program under Apache-2.0.
#![allow(missing_docs)]

use std::process::Command;

use serde_json::Value;

/// Licences that ask for no more than a notice (MPL-2.0: and for changes to its own files).
const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0", // data: the list of certificate authorities
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "X11", // MIT, and: no advertising with the authors' names
    "Zlib",
];

/// Packages and versions that name no licence by its SPDX name, each after a look at its licence file. The files of both
/// are headed "MIT License" but have the further clause of X11.
const LOOKED_AT: [(&str, &str, &str); 2] = [("rsip", "0.4.0", "X11"), ("rsip-derives", "0.4.0", "X11")];

#[test]
fn every_dependency_has_an_allowed_licence() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path", manifest])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() > 50, "only {} packages: the list is not complete", packages.len());

    let text = |package: &Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| {
            let named = LOOKED_AT
                .iter()
                .find(|(name, version, _)| *name == text(package, "name") && *version == text(package, "version"));
            !is_allowed(named.map_or(&text(package, "license"), |(_, _, licence)| licence))
        })
        .map(|package| {
            let licence = text(package, "license");
            let licence = if licence.is_empty() { format!("file {}", package["license_file"]) } else { licence };
            format!("{} {}: {licence}", text(package, "name"), text(package, "version"))
        })
        .collect();
    assert!(refused.is_empty(), "not on the list of allowed licences:\n{}", refused.join("\n"));
}

#[test]
fn of_alternatives_one_must_be_allowed_and_of_a_conjunction_all() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("MIT/GPL-2.0", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-3.0-only) AND Unicode-3.0", true),
        ("(GPL-3.0-only AND MIT) OR ISC", true),
        ("GPL-3.0-only AND (MIT OR ISC)", false),
        ("MIT OR GPL-3.0-only AND LGPL-3.0-only", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0 WITH another-exception", false),
        ("", false),
        ("(MIT", false),
    ] {
        assert_eq!(is_allowed(expression), expected, "{expression}");
    }
}

/// Evaluates an SPDX expression; the older `/` means OR.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    !words.is_empty() && alternatives(&mut rest) && rest.is_empty()
}

fn alternatives(rest: &mut &[&str]) -> bool {
    let mut allowed = conjunction(rest);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        allowed |= conjunction(rest);
    }
    allowed
}

fn conjunction(rest: &mut &[&str]) -> bool {
    let mut allowed = single(rest);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        allowed &= single(rest);
    }
    allowed
}

fn single(rest: &mut &[&str]) -> bool {
    let Some((first, after)) = rest.split_first() else { return false };
    *rest = after;
    if *first == "(" {
        let allowed = alternatives(rest);
        let closed = rest.first() == Some(&")");
        *rest = rest.get(1..).unwrap_or_default();
        return allowed && closed;
    }
    if let [keyword, exception, after @ ..] = *rest
        && *keyword == "WITH"
    {
        *rest = after;
        return ALLOWED.contains(&format!("{first} WITH {exception}").as_str());
    }
    ALLOWED.contains(first)
}
