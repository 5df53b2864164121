//! Wrong command lines, pictures, labels and options: a clear error each, and the right exit code.

use crate::common::{CHELSEA, bytes, folder, put, run, run_with_input, words};

fn classify(picture: &str) -> Vec<String> {
    words(&format!("classify {picture} --labels cat,dog --device cpu"))
}

#[test]
fn wrong_usage_exits_2() {
    let lines = [
        "",
        "frobnicate",
        "classify",
        &format!("classify {CHELSEA}"),
        &format!("classify {CHELSEA} --template {{}}"),
        &format!("classify {CHELSEA} --labels cat,dog --frobnicate"),
        &format!("classify {CHELSEA} --labels cat,dog --device tpu"),
        &format!("classify {CHELSEA} --labels cat,dog --steps 3"),
        &format!("adapt {CHELSEA} {CHELSEA} --labels cat,dog"),
        &format!("adapt {CHELSEA} --labels cat,dog --steps many"),
        &format!("adapt {CHELSEA} --labels cat,dog --rank -1"),
        &format!("adapt {CHELSEA} --labels cat,dog --targets q,x"),
        &format!("adapt {CHELSEA} --labels cat,dog --crop-scale 0.5"),
        "fidelity www/samples --labels cat,dog --dtype f32",
        "stats www/samples -o statistics.safetensors --limit 1",
        "classify - - --labels cat,dog",
        "verify",
    ];
    for line in lines {
        let run = run(words(line));
        assert_eq!(run.code, 2, "{line}: {run:?}");
        assert_eq!(run.stdout, "", "{line}: {run:?}");
        assert!(!run.stderr.is_empty(), "{line}: {run:?}");
    }
}

#[test]
fn an_unknown_method_lists_the_known_ones() {
    let run = run(words(&format!("adapt {CHELSEA} --labels cat,dog --method ttt"))).expect(2);
    assert!(
        run.stderr.contains("ttt") && run.stderr.contains("[possible values: ttl, tpt, "),
        "{run:?}"
    );
}

#[test]
fn help_and_version_exit_0() {
    for line in [
        "--help",
        "--version",
        "classify --help",
        "adapt --help",
        "verify --help",
    ] {
        let run = run(words(line)).expect(0);
        assert!(run.stdout.contains("clip-ttl"), "{run:?}");
    }
}

#[test]
fn a_missing_picture_is_named() {
    run(classify("no/such/cat.png")).refuses(&["no/such/cat.png"]);
    run(words("adapt no/such/cat.png --labels cat,dog")).refuses(&["no/such/cat.png"]);
}

#[test]
fn a_folder_is_no_picture() {
    run(classify("www/samples")).refuses(&["www/samples", "name the pictures in the folder"]);
}

#[test]
fn a_text_file_is_no_picture() {
    run(classify("Cargo.toml")).refuses(&["Cargo.toml", "not a picture in a known format"]);
    run(words("adapt Cargo.toml --labels cat,dog")).refuses(&["Cargo.toml", "not a picture in a known format"]);
}

#[test]
fn a_truncated_picture_is_refused() {
    let folder = folder("truncated-picture");
    let whole = bytes(CHELSEA);
    let file = put(&folder, "half.png", &whole[..whole.len() / 2]);
    run(classify(&file)).refuses(&[&file, "PNG", "damaged or incomplete"]);
    run_with_input(classify("-"), &whole[..whole.len() / 2]).refuses(&["standard input", "damaged or incomplete"]);
}

#[test]
fn an_empty_picture_is_refused() {
    let file = put(&folder("empty-picture"), "empty.png", []);
    run(classify(&file)).refuses(&[&file, "empty"]);
    run_with_input(classify("-"), &[]).refuses(&["standard input", "empty"]);
}

#[test]
fn a_picture_20000_pixels_wide_is_refused_by_its_header() {
    // The header of a PNG with another width and the checksum that belongs to it; the pixels are never looked at.
    let mut picture = bytes(CHELSEA);
    picture[16..20].copy_from_slice(&20_000_u32.to_be_bytes());
    let checksum = crc32(&picture[12..29]);
    picture[29..33].copy_from_slice(&checksum.to_be_bytes());
    let file = put(&folder("wide-picture"), "wide.png", picture);
    run(classify(&file)).refuses(&["20000", "16384", "shrink it"]);
}

/// The checksum of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}

#[test]
fn labels_are_checked() {
    let folder = folder("labels");
    let blank = put(&folder, "blank.txt", "\n  \n");
    let latin1 = put(&folder, "latin1.txt", b"caf\xe9\n");
    let twice = put(&folder, "twice.txt", "dog\ncat\n");
    for command in ["classify", "adapt"] {
        let with = |labels: &str| run(words(&format!("{command} {CHELSEA} --device cpu {labels}")));
        with(&format!("--labels-file {blank}")).refuses(&["there are no labels"]);
        with("--labels cat,,dog").refuses(&["label 2 is empty"]);
        with("--labels cat,dog,cat").refuses(&["\"cat\"", "number 1 and number 3"]);
        with(&format!("--labels cat --labels-file {twice}")).refuses(&["\"cat\"", "number 1 and number 3"]);
        with("--labels-file no/such/labels.txt").refuses(&["no/such/labels.txt"]);
        with(&format!("--labels-file {latin1}")).refuses(&[&latin1, "UTF-8"]);
        with("--labels cat,dog --template photo").refuses(&["photo", "{}"]);
        run(["classify", CHELSEA, "--labels", ""]).refuses(&["label 1 is empty"]);
    }
}

#[test]
fn what_costs_nothing_is_said_before_a_model_is_read() {
    for command in [
        "fidelity www/samples",
        &format!("classify {CHELSEA}"),
        &format!("adapt {CHELSEA}"),
    ] {
        let with = |more: &str| run(words(&format!("{command} --model no/such/model {more}")));
        with("--labels cat,dog,cat").refuses(&["\"cat\"", "number 1 and number 3"]);
        with("--labels cat,,dog").refuses(&["label 2 is empty"]);
        with("--labels cat,dog --template photo").refuses(&["photo", "{}"]);
    }
    for command in ["fidelity www/samples --adapt 1", &format!("adapt {CHELSEA}")] {
        let with = |more: &str| run(words(&format!("{command} --model no/such/model {more}")));
        with("--labels cat").refuses(&["at least two labels"]);
        with("--labels cat,dog --statistics no/such/statistics").refuses(&["no/such/statistics"]);
    }
}

#[test]
fn a_benchmark_that_cannot_run_makes_no_model() {
    let folder = folder("bench-refused");
    let bench = |more: &str| {
        let line = format!(
            "bench --shape tinyclip --repeat 0 --device cpu --write {}",
            folder.display()
        );
        run(words(&format!("{line} {more}")))
    };
    assert!(bench("--steps many").expect(2).stderr.contains("--steps"));
    bench("--statistics no/such/statistics").refuses(&["no/such/statistics"]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    // Nor does it replace one.
    let config = put(&folder, "config.json", "{}");
    bench("").refuses(&[&config, "name another folder"]);
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "{}");
    std::fs::rename(&config, folder.join("model.safetensors")).unwrap();
    bench("").refuses(&["model.safetensors", "name another folder"]);
    assert!(!std::fs::exists(&config).unwrap());
}

#[test]
fn one_label_can_be_classified_but_not_adapted_to() {
    let line = format!("{CHELSEA} --labels cat --device cpu");
    let one = run(words(&format!("classify {line}"))).expect(0);
    assert!(one.stdout.contains("100.0 %"), "{one:?}");
    run(words(&format!("adapt {line}"))).refuses(&["at least two labels"]);
}

#[test]
fn an_option_out_of_range_is_named_as_its_flag() {
    let cases = [
        ("--steps 1001", "--steps 1001"),
        ("--lr -1", "--lr -1"),
        ("--lr nan", "--lr NaN"),
        ("--views 0", "--views 0"),
        ("--crop-scale 0,1", "--crop-scale MIN 0"),
        ("--crop-scale 0.5,0.4", "--crop-scale MAX 0.4"),
        ("--rank 0", "--rank 0"),
        ("--rank 193", "--rank 193"),
        ("--alpha inf", "--alpha inf"),
        ("--layers 13", "--layers 13"),
        ("--targets q,q", "--targets"),
        ("--margin 1000", "--margin 1000"),
        ("--weight-decay -1", "--weight-decay -1"),
        ("--seed 9007199254740992", "--seed 9007199254740992"),
        ("--chunk-views 0", "--chunk-views 0"),
    ];
    for (option, said) in cases {
        run(words(&format!(
            "adapt {CHELSEA} --labels cat,dog --device cpu {option}"
        )))
        .refuses(&[said, "is not possible"]);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let program = env!("CARGO_BIN_EXE_clip-ttl");
    let script =
        format!("\"{program}\" classify {CHELSEA} --labels cat,dog --device cpu | true; exit ${{PIPESTATUS[0]}}");
    let status = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(crate::common::root())
        .output()
        .unwrap();
    assert_eq!(status.status.code(), Some(0), "{status:?}");
    assert_eq!(String::from_utf8_lossy(&status.stderr), "");
}
