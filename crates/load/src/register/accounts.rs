//! Who registers: from the command line, a CSV file, or a JSON file such as one that provisions a server.

use std::fs;

use serde_json::Value;

use crate::args::RegisterArgs;
use crate::error::{Doing, Error, usage};

/// A user and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub extension: String,
    pub password: String,
}

/// All of them, `--users` at most.
pub(crate) fn accounts(args: &RegisterArgs) -> Result<Vec<Account>, Error> {
    let Some(path) = &args.accounts else {
        let numbers = (0..u64::from(args.users)).map(|user| (args.first_extension + user).to_string());
        return Ok(numbers
            .map(|extension| Account { password: args.password.replace("{e}", &extension), extension })
            .collect());
    };
    let text = fs::read_to_string(path).doing(|| format!("reading {}", path.display()))?;
    let mut found = Vec::new();
    match serde_json::from_str(&text) {
        Ok(value) => collect(&value, &mut found),
        Err(_) => found.extend(text.lines().filter_map(line)),
    }
    found.truncate(args.users as usize);
    match found.iter().find(|one| one.extension.contains(|letter: char| !letter.is_ascii_graphic() || letter == '@')) {
        Some(wrong) => usage(format!("`{}` in {} cannot be a user of SIP", wrong.extension, path.display())),
        None if found.is_empty() => usage(format!("{} names no extension with its password", path.display())),
        None => Ok(found),
    }
}

/// Every object, however deep, that has both keys.
fn collect(value: &Value, found: &mut Vec<Account>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str);
            if let (Some(extension), Some(password)) = (text("extension"), text("password")) {
                found.push(Account { extension: extension.to_owned(), password: password.to_owned() });
            }
            fields.values().for_each(|item| collect(item, found));
        }
        _ => {}
    }
}

fn line(line: &str) -> Option<Account> {
    let (extension, password) = line.split_once(',')?;
    let account = Account { extension: extension.trim().to_owned(), password: password.trim().to_owned() };
    (!account.extension.is_empty() && !account.extension.starts_with('#') && account.extension != "extension")
        .then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    fn of(options: &str) -> Result<Vec<Account>, Error> {
        let line = format!("load register sip:127.0.0.1 {options}");
        let Some(Command::Register(args)) = Args::try_parse_from(line.split_whitespace()).unwrap().command else {
            panic!()
        };
        accounts(&args)
    }

    fn written(name: &str, text: &str) -> String {
        let path = std::env::temp_dir().join(format!("accounts-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        format!("--accounts {}", path.display())
    }

    #[test]
    fn extensions_are_counted_up_and_stand_in_their_passwords() {
        let accounts = of("--users 3 --first-extension 99 --password p{e}x").unwrap();
        assert_eq!(accounts[2], Account { extension: "101".into(), password: "p101x".into() });
        assert_eq!(accounts.len(), 3);
    }

    #[test]
    fn both_kinds_of_files_are_read() {
        let csv = of(&written("csv", "extension,password\n# nobody\n1000, a,b \n\n1001,c\n")).unwrap();
        assert_eq!(csv[0], Account { extension: "1000".into(), password: "a,b".into() });
        assert_eq!(csv.len(), 2);
        let json = r#"{"flows":[{"name":"x"}],"extensions":[{"extension":"7","password":"p"},{"extension":"8"}]}"#;
        assert_eq!(of(&written("json", json)).unwrap(), [Account { extension: "7".into(), password: "p".into() }]);
        for (name, text) in [("empty", "{}"), ("odd", "a b,c")] {
            assert!(of(&written(name, text)).is_err(), "{name}");
        }
    }
}
