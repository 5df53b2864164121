//! Models of the Hugging Face hub, fetched from a server on this machine that speaks as the hub does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::common::{bytes, folder, root};

const TINY: &str = "tests/fixtures/tiny-quick-gelu";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What a server was asked for: the path and the authorisation of each request.
type Requests = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// Serves a folder as `{owner}/{name}` at one revision; what else is asked for is not found.
fn serve(repository: &'static str, revision: &'static str, files: PathBuf) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let prefix = format!("/{repository}/resolve/{revision}/");
            answer(stream.unwrap(), &prefix, &files, &seen);
        }
    });
    (address, requests)
}

fn answer(mut stream: TcpStream, prefix: &str, files: &Path, seen: &Requests) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let headers: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let header = |name: &str| {
        headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    seen.lock().unwrap().push((path.clone(), header("authorization")));
    let content = path
        .strip_prefix(prefix)
        .and_then(|name| std::fs::read(files.join(name)).ok());
    let Some(content) = content else {
        let text = "Entry not found";
        let _ = write!(
            stream,
            "HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        );
        return;
    };
    let range = header("range").and_then(|range| {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        let from: usize = from.parse().ok()?;
        Some((
            from,
            to.parse::<usize>()
                .map_or(content.len(), |to| to + 1)
                .min(content.len()),
        ))
    });
    let (from, to) = range.unwrap_or((0, content.len()));
    let status = if range.is_some() {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {from}-{}/{}\r\netag: \"{}-{}\"\r\nx-repo-commit: {COMMIT}\r\naccept-ranges: bytes\r\nconnection: close\r\n\r\n",
        to - from,
        to - 1,
        content.len(),
        path.len(),
        content.len(),
    );
    let _ = stream.write_all(&content[from..to]);
}

/// `verify` with a model of the hub; gives the exit code and what was said on standard error.
fn verify(model: &str, endpoint: &str, home: &Path, token: Option<&str>) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clip-ttl"));
    command
        .args([
            "verify",
            "tests/fixtures/ttl-default.safetensors",
            "--device",
            "cpu",
            "--model",
            model,
        ])
        .current_dir(root())
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HOME", home)
        .env_remove("HF_TOKEN");
    if let Some(token) = token {
        command.env("HF_TOKEN", token);
    }
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_model_of_the_hub_is_fetched_once_and_then_there() {
    let (endpoint, requests) = serve("someone/tiny", "main", root().join(TINY));
    let home = folder("hub-home");
    let (code, said) = verify("hf:someone/tiny", &endpoint, &home, Some("hf_secret"));
    assert_eq!(code, 0, "{said}");
    let announcement = "fetching model.safetensors of someone/tiny";
    assert!(
        said.contains(announcement),
        "without a terminal there is no bar: {said}"
    );
    let seen = std::mem::take(&mut *requests.lock().unwrap());
    assert!(
        seen.iter().any(|(path, _)| path.ends_with("/model.safetensors")),
        "{seen:?}"
    );
    assert!(
        seen.iter()
            .all(|(_, authorization)| authorization.as_deref() == Some("Bearer hf_secret")),
        "{seen:?}"
    );
    // Where Hugging Face's other tools look for it.
    let snapshot = home.join(format!(
        "hub/models--someone--tiny/snapshots/{COMMIT}/model.safetensors"
    ));
    assert_eq!(
        std::fs::read(snapshot).unwrap(),
        bytes(&format!("{TINY}/model.safetensors"))
    );
    // Now without the weights' being sent again, and without a server for them.
    let (code, said) = verify("hf:someone/tiny", "http://127.0.0.1:9", &home, None);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains(announcement), "{said}");
}

#[test]
fn a_revision_can_be_named() {
    let (endpoint, _) = serve("someone/tiny", "refs%2Fpr%2F15", root().join(TINY));
    let home = folder("hub-revision");
    let (code, said) = verify("hf:someone/tiny@refs/pr/15", &endpoint, &home, None);
    assert_eq!(code, 0, "{said}");
    let (code, said) = verify("hf:someone/tiny", &endpoint, &folder("hub-no-main"), None);
    assert_eq!(code, 1);
    assert!(
        said.contains("someone/tiny") && said.contains("another revision"),
        "{said}"
    );
}

#[test]
fn a_hub_that_does_not_answer_is_named_with_what_to_do() {
    let (code, said) = verify("hf:someone/tiny", "http://127.0.0.1:9", &folder("hub-silent"), None);
    assert_eq!(code, 1);
    assert!(
        said.contains("someone/tiny") && said.contains("is there a connection?"),
        "{said}"
    );
    let (code, said) = verify("hf:nobody", "http://127.0.0.1:9", &folder("hub-no-name"), None);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("hf:owner/name"), "{said}");
}
