//! docs/actions is what the actions say of themselves. `UPDATE_DOCS=1` rewrites it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may fail, and this one is about files")]

use std::collections::BTreeSet;
use std::path::Path;

use base::Random;
use flow::{read_document, reference_pages, verify};

#[test]
fn the_pages_are_those_that_the_source_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/actions");
    let pages = reference_pages();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for page in &pages {
            std::fs::write(folder.join(&page.file), &page.text).unwrap();
        }
    }
    for page in &pages {
        let found = std::fs::read_to_string(folder.join(&page.file)).unwrap_or_default();
        assert!(found == page.text, "docs/actions/{} is out of date: UPDATE_DOCS=1 rewrites it", page.file);
    }
    let expected: BTreeSet<String> = pages.into_iter().map(|page| page.file).collect();
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.collect::<BTreeSet<_>>(), expected, "a page of an action that is gone");
}

#[test]
fn every_example_is_a_flow_without_a_mistake() {
    for page in reference_pages() {
        let text = page.text.split("```json\n").nth(1).unwrap().split("\n```").next().unwrap();
        let document = read_document(text.as_bytes(), &mut Random::from_seed([3; 32])).unwrap();
        let verdict = verify(&document.actions);
        assert_eq!((&verdict.problems, &verdict.warnings), (&vec![], &vec![]), "{}", page.file);
        let name = page.file.trim_end_matches(".md");
        let used = document.actions.iter().any(|action| action.kind == name);
        assert!(used || name == "README", "{name} is not in its own example");
    }
}

#[test]
fn every_page_leads_back_and_the_index_leads_to_every_page() {
    let pages = reference_pages();
    for page in &pages[1..] {
        assert!(pages[0].text.contains(&format!("]({})", page.file)), "{}", page.file);
        assert!(page.text.contains("](README.md)"));
        assert!(
            page.text.lines().filter(|line| line.starts_with('|')).all(|line| line.ends_with('|')),
            "{}",
            page.file
        );
    }
}
