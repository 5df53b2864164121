//! `cargo xtask growth`: how the time and the memory of an episode grow with its views, updates and labels, natively on the CPU device. It writes
//! a page with plots, and the figures for programs.

mod page;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::bench::native;
use crate::error::Error;
use crate::process::Run as _;
use crate::workspace::Workspace;

/// What is varied while the rest stays.
#[derive(Debug)]
struct Series {
    /// A word for what there are more and more of; the flag of `clip-ttl bench` too.
    name: &'static str,
    /// About as far apart from each other, so that a line through them shows what grows how.
    counts: &'static [u32],
    /// What stays.
    fixed: &'static [&'static str],
}

const SERIES: [Series; 3] = [
    Series {
        name: "views",
        counts: &[8, 64, 128, 192, 256],
        fixed: &["--steps", "1", "--labels", "10"],
    },
    Series {
        name: "steps",
        counts: &[1, 10, 20, 30, 40, 50],
        fixed: &["--views", "64", "--labels", "10"],
    },
    Series {
        name: "labels",
        counts: &[2, 250, 500, 750, 1000],
        fixed: &["--views", "64", "--steps", "1"],
    },
];

/// Measures everything and writes `README.md`, `growth.json` and the plots into a folder.
pub fn run(workspace: &Workspace, folder: &Path) -> Result<(), Error> {
    println!("Building the command line");
    native::build(workspace)?;
    let mut series = Vec::new();
    for Series { name, counts, fixed } in SERIES {
        let mut points = Vec::new();
        for count in counts {
            println!("Measuring {name}: {count}");
            points.push(measure(workspace, name, *count, fixed)?);
        }
        series.push(json!({"name": name, "fixed": fixed.join(" "), "points": points}));
    }
    let version = native::clip_ttl(workspace, "--version").read()?;
    let document = json!({
        "version": version.trim(),
        "machine": machine(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "date": page::date(std::time::SystemTime::now()),
        "model": "pocket",
        "series": series,
    });
    fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    let mut files = vec![
        ("growth.json".to_owned(), format!("{document:#}\n")),
        ("README.md".to_owned(), page::render(&document)),
    ];
    files.extend(page::plots(&document));
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Time and memory with so many of something.
fn measure(workspace: &Workspace, name: &str, count: u32, fixed: &[&str]) -> Result<Value, Error> {
    let mut bench = native::bench(workspace);
    bench.arg(format!("--{name}")).arg(count.to_string()).args(fixed);
    let measured = native::figures(&mut bench)?;
    Ok(json!({
        "count": count,
        "first_encoding_of_labels_ms": measured.pointer("/first/episode_ms/text"),
        "episode_ms": measured.get("episode_ms"),
        "peak_memory_bytes": measured.get("peak_memory_bytes"),
    }))
}

/// The processor's name, where the system tells it, and the system's.
fn machine() -> String {
    let system = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    processor.map_or_else(|| system.clone(), |processor| format!("{processor}, {system}"))
}
