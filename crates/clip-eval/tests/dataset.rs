//! Data sets: labels by map or by name, and which pictures are chosen.
#![allow(clippy::float_cmp, reason = "where a value is exact, the test says so")]
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clip_eval::dataset::{Dataset, Limit, pictures};

/// A folder with empty files.
fn folder(name: &str, files: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dataset").join(name);
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    for file in files {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file).unwrap();
    }
    root
}

fn map(name: &str, text: &str) -> PathBuf {
    let path = folder(&format!("{name}-map"), &[]).join("classes.tsv");
    std::fs::write(&path, text).unwrap();
    path
}

fn labels_of(dataset: &Dataset) -> BTreeMap<&str, &str> {
    let items = dataset.items.iter();
    items
        .map(|item| (item.path.as_str(), dataset.labels[item.label].as_str()))
        .collect()
}

#[test]
fn a_folders_name_is_its_label_and_folders_within_it_belong_to_it() {
    let root = folder(
        "names",
        &[
            "german_shepherd/a.JPG",
            "german_shepherd/images/b.jpeg",
            "cat/c.png",
            "cat/notes.txt",
            "loose.png",
        ],
    );
    std::fs::create_dir(root.join("empty")).unwrap();
    let dataset = Dataset::read(&root, None, Limit::default(), 0).unwrap();
    assert_eq!(dataset.labels, ["cat", "german shepherd"]);
    let expected = [
        ("cat/c.png", "cat"),
        ("german_shepherd/a.JPG", "german shepherd"),
        ("german_shepherd/images/b.jpeg", "german shepherd"),
    ];
    assert_eq!(labels_of(&dataset), BTreeMap::from(expected));
    assert_eq!(
        (dataset.passed_over.loose_pictures, dataset.passed_over.empty_folders),
        (1, 1)
    );
    for item in &dataset.items {
        assert_eq!(std::fs::read_to_string(dataset.path_of(item)).unwrap(), item.path);
    }
}

#[test]
fn what_systems_and_programs_leave_behind_is_no_class_and_no_picture() {
    let root = folder(
        "hidden",
        &[
            "cat/a.png",
            "cat/._a.png",
            "cat/.thumbnails/a.png",
            "cat/.DS_Store",
            "cat/__MACOSX/._a.png",
            "dog.v2/b.png",
            "._loose.png",
            ".ipynb_checkpoints/c.png",
            "__MACOSX/cat/._a.png",
        ],
    );
    let dataset = Dataset::read(&root, None, Limit::default(), 0).unwrap();
    assert_eq!(dataset.labels, ["cat", "dog.v2"]);
    let expected = [("cat/a.png", "cat"), ("dog.v2/b.png", "dog.v2")];
    assert_eq!(labels_of(&dataset), BTreeMap::from(expected));
    // A folder counts once, and what is no picture by its ending doesn't count.
    assert_eq!((dataset.passed_over.hidden, dataset.passed_over.loose_pictures), (6, 0));
    // Nor must a map have them.
    let classes = map("hidden", "cat\tcat\ndog.v2\tdog\n");
    let mapped = Dataset::read(&root, Some(&classes), Limit::default(), 0).unwrap();
    assert_eq!(mapped.found, 2);
    assert_eq!(pictures(&root, Limit::default(), 0).unwrap().1, 2);
}

#[cfg(unix)]
#[test]
fn a_class_may_be_a_link_to_a_folder_and_a_link_within_one_leads_nowhere() {
    let elsewhere = folder("linked-elsewhere", &["a.png"]);
    let root = folder("linked", &["cat/c.png"]);
    std::os::unix::fs::symlink(&elsewhere, root.join("dog")).unwrap();
    std::os::unix::fs::symlink(&root, root.join("cat/circle")).unwrap();
    let dataset = Dataset::read(&root, None, Limit::default(), 0).unwrap();
    let expected = [("cat/c.png", "cat"), ("dog/a.png", "dog")];
    assert_eq!(labels_of(&dataset), BTreeMap::from(expected));
}

#[test]
fn a_map_gives_the_labels_whatever_the_folders_positions() {
    let root = folder("map", &["0/a.png", "1/b.png", "10/c.png", "2/d.png"]);
    let classes = map("map", "\u{feff}10\tten\n2\ttwo\r\n\n1\tone\n0\tzero\n7\tseven\n");
    let dataset = Dataset::read(&root, Some(&classes), Limit::default(), 0).unwrap();
    assert_eq!(
        dataset.labels,
        ["ten", "two", "one", "zero", "seven"],
        "in the order of the map, all of them"
    );
    let expected = [
        ("0/a.png", "zero"),
        ("1/b.png", "one"),
        ("10/c.png", "ten"),
        ("2/d.png", "two"),
    ];
    assert_eq!(labels_of(&dataset), BTreeMap::from(expected));
    assert_eq!(dataset.passed_over.labels_without_pictures, 1);
}

#[test]
fn several_folders_may_have_one_label_if_the_map_says_so() {
    let root = folder("merged", &["tabby/a.png", "siamese/b.png", "dog/c.png"]);
    let classes = map("merged", "tabby\tcat\nsiamese\tcat\ndog\tdog\n");
    let dataset = Dataset::read(&root, Some(&classes), Limit::default(), 0).unwrap();
    assert_eq!(dataset.labels, ["cat", "dog"]);
    assert_eq!(labels_of(&dataset)["siamese/b.png"], "cat");
}

#[test]
fn what_has_no_meaning_is_refused() {
    let root = folder("refused", &["cat/a.png", "dog/b.png"]);
    let refused = |root: &Path, text: &str| {
        let classes = map("refused", text);
        Dataset::read(root, Some(&classes), Limit::default(), 0).unwrap_err()
    };
    let error = refused(&root, "cat\tcat\n");
    assert_eq!(error.code(), "class-unmapped");
    assert!(error.to_string().contains("\"dog\""), "{error}");
    for text in ["cat\n", "cat\t\n", "\tcat\n", "cat cat\n", "cat\ta\ncat\tb\n"] {
        assert_eq!(refused(&root, text).code(), "classes-invalid", "{text:?}");
    }
    let empty = folder("refused-empty", &["loose.png", "class/readme.txt"]);
    let error = Dataset::read(&empty, None, Limit::default(), 0).unwrap_err();
    assert_eq!(error.code(), "classes-none");
    let twice = folder("refused-twice", &["big_cat/a.png", "big cat/b.png"]);
    let error = Dataset::read(&twice, None, Limit::default(), 0).unwrap_err();
    assert_eq!(error.code(), "class-ambiguous");
    let error = Dataset::read(&root.join("no/such"), None, Limit::default(), 0).unwrap_err();
    assert_eq!(error.code(), "file-unreadable");
}

#[test]
fn a_limit_is_spread_evenly_and_a_smaller_one_is_part_of_a_larger_one() {
    let names: Vec<String> = (0..5)
        .flat_map(|class| (0..8).map(move |index| format!("class{class}/{index}.png")))
        .collect();
    let root = folder("limit", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let read = |total: Option<usize>, per_class: Option<usize>, seed: u64| {
        let limit = Limit { total, per_class };
        Dataset::read(&root, None, limit, seed).unwrap()
    };
    let counts = |dataset: &Dataset| {
        let mut counts = [0; 5];
        for item in &dataset.items {
            counts[item.label] += 1;
        }
        counts
    };
    assert_eq!(counts(&read(Some(15), None, 1)), [3; 5]);
    let uneven = read(Some(12), None, 1);
    assert!(counts(&uneven).iter().all(|count| (2..=3).contains(count)));
    assert_eq!(counts(&read(None, Some(2), 1)), [2; 5]);
    assert_eq!(
        (read(None, Some(2), 1).found, read(Some(100), None, 1).items.len()),
        (40, 40)
    );
    assert_eq!(read(Some(15), None, 1).items[..12], uneven.items[..]);
    assert_ne!(
        read(Some(12), None, 2).items,
        uneven.items,
        "another seed chooses others"
    );
}

#[test]
fn pictures_without_classes_are_chosen_evenly_too() {
    let root = folder(
        "plain",
        &["a/1.png", "a/2.png", "a/deep/3.png", "b/4.png", "5.png", "c/notes.txt"],
    );
    let (all, found) = pictures(&root, Limit::default(), 0).unwrap();
    assert_eq!((all.len(), found), (5, 5));
    assert!(all.iter().all(|path| path.is_file()));
    let limit = Limit {
        total: Some(3),
        per_class: None,
    };
    let (three, _) = pictures(&root, limit, 0).unwrap();
    let parts = ["a", "b"]
        .iter()
        .filter(|part| three.iter().any(|path| path.starts_with(root.join(part))))
        .count();
    assert_eq!(
        (parts, three.contains(&root.join("5.png"))),
        (2, true),
        "one of each folder and one beside them"
    );
    assert_eq!(pictures(&root.join("c"), limit, 0).unwrap_err().code(), "pictures-none");
}
