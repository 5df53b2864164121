//! Which file of the site a URL means, and what kind of file it is.

use std::fs;
use std::path::{Path, PathBuf};

/// What a URL leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    File(PathBuf),
    /// A folder asked for without the slash at its end: relative links on its page would miss.
    Folder,
    Nothing,
    Refused,
}

/// Looks for the file of a URL below `root`, whose path must be canonical.
pub(super) fn find(root: &Path, url: &str) -> Found {
    let Some(relative) = relative_path(url) else {
        return Found::Refused;
    };
    // Resolving the links shows where the path really leads.
    let Ok(path) = root.join(&relative).canonicalize() else {
        return Found::Nothing;
    };
    if !path.starts_with(root) {
        return Found::Refused;
    }
    if path.is_file() {
        return Found::File(path);
    }
    if !split_query(url).0.ends_with('/') {
        return Found::Folder;
    }
    let index = path.join("index.html");
    if fs::metadata(&index).is_ok_and(|metadata| metadata.is_file()) {
        Found::File(index)
    } else {
        Found::Nothing
    }
}

/// The path a URL means, relative to the site's root; none if it tries to leave it or is malformed.
fn relative_path(url: &str) -> Option<PathBuf> {
    let path = percent_decoded(split_query(url).0.strip_prefix('/')?)?;
    let mut relative = PathBuf::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => return None,
            // A backslash or a colon would be a separator or a drive on Windows.
            segment if segment.contains(['\\', ':', '\0']) => return None,
            segment => relative.push(segment),
        }
    }
    Some(relative)
}

/// Path and query, the latter with its question mark.
pub(super) fn split_query(url: &str) -> (&str, &str) {
    url.split_at(url.find(['?', '#']).unwrap_or(url.len()))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

/// A file's content type, by the end of its name. Browsers refuse modules and WebAssembly under another type.
pub(super) fn content_type(path: &Path) -> &'static str {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    match extension.as_str() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json; charset=utf-8",
        "wasm" => "application/wasm",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "bmp" => "image/bmp",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
