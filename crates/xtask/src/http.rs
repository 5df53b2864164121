//! What a static file server answers, apart from the network: which file, which part of it, with which headers.

mod files;
mod range;

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use self::files::{Found, content_type, find, split_query};
use self::range::Range;

/// What a request asks for.
#[derive(Debug, Default, Clone, Copy)]
pub struct Request<'a> {
    /// Path and query, as sent.
    pub url: &'a str,
    /// The header `Range`.
    pub range: Option<&'a str>,
    /// The header `If-Range`.
    pub if_range: Option<&'a str>,
    /// The header `If-None-Match`.
    pub if_none_match: Option<&'a str>,
}

/// An answer, its body not yet read.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Box<dyn Read + Send>,
    pub body_bytes: u64,
}

/// Answers a request for a file below `root`, whose path must be canonical.
pub fn answer(root: &Path, request: Request<'_>) -> Answer {
    match find(root, request.url) {
        Found::File(path) => send(&path, request).unwrap_or_else(|error| Answer::text(500, &error.to_string())),
        Found::Folder => {
            let (path, query) = split_query(request.url);
            let mut answer = Answer::text(301, "this is a folder");
            answer.headers.push(("Location", format!("{path}/{query}")));
            answer
        }
        Found::Nothing => Answer::text(404, "there is no such file"),
        Found::Refused => Answer::text(400, "that is no path of this site"),
    }
}

impl Answer {
    /// An answer without a file.
    pub fn text(status: u16, message: &str) -> Self {
        let body = format!("{status}: {message}\n").into_bytes();
        Self {
            status,
            headers: vec![("Content-Type", "text/plain; charset=utf-8".to_owned())],
            body_bytes: body.len() as u64,
            body: Box::new(io::Cursor::new(body)),
        }
    }

    fn empty(status: u16, headers: Vec<(&'static str, String)>) -> Self {
        Self {
            status,
            headers,
            body: Box::new(io::empty()),
            body_bytes: 0,
        }
    }
}

fn send(path: &Path, request: Request<'_>) -> io::Result<Answer> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let total_bytes = metadata.len();
    let modified = metadata
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    let tag = format!("\"{modified:x}-{total_bytes:x}\"");
    let mut headers = vec![
        ("Content-Type", content_type(path).to_owned()),
        // Always ask: what was built a moment ago must be what the page gets.
        ("Cache-Control", "no-cache".to_owned()),
        ("ETag", tag.clone()),
        ("Accept-Ranges", "bytes".to_owned()),
        // A wrong content type then fails here as it does on strict hosts.
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    if request
        .if_none_match
        .is_some_and(|tags| tags == "*" || tags.split(',').any(|known| known.trim() == tag))
    {
        return Ok(Answer::empty(304, headers));
    }
    // A range of another version of the file would be put together with this one.
    let range = request
        .range
        .filter(|_| request.if_range.is_none_or(|known| known == tag));
    match range.map_or(Range::Whole, |range| Range::parse(range, total_bytes)) {
        Range::Whole => Ok(Answer {
            status: 200,
            headers,
            body: Box::new(file),
            body_bytes: total_bytes,
        }),
        Range::Part { first, bytes } => {
            headers.push((
                "Content-Range",
                format!("bytes {first}-{}/{total_bytes}", first + bytes - 1),
            ));
            file.seek(SeekFrom::Start(first))?;
            Ok(Answer {
                status: 206,
                headers,
                body: Box::new(file.take(bytes)),
                body_bytes: bytes,
            })
        }
        Range::Impossible => {
            headers.push(("Content-Range", format!("bytes */{total_bytes}")));
            Ok(Answer::empty(416, headers))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// A site with two files, and a file beside it that must stay out of reach.
    struct Site {
        folder: PathBuf,
        root: PathBuf,
    }

    impl Site {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("clip-ttl-http-{name}-{}", std::process::id()));
            fs::create_dir_all(folder.join("site").join("demo files")).unwrap();
            fs::write(folder.join("secret.txt"), "secret").unwrap();
            fs::write(folder.join("site").join("index.html"), "<h1>page</h1>").unwrap();
            fs::write(folder.join("site").join("demo files").join("ä.wasm"), "0123456789").unwrap();
            let root = folder.join("site").canonicalize().unwrap();
            Self { folder, root }
        }

        fn get(&self, url: &str) -> Answer {
            answer(
                &self.root,
                Request {
                    url,
                    ..Request::default()
                },
            )
        }
    }

    impl Drop for Site {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
        answer
            .headers
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    }

    fn text(mut answer: Answer) -> String {
        let mut text = String::new();
        answer.body.read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, answer.body_bytes);
        text
    }

    const FILE: &str = "/demo%20files/%C3%A4.wasm";

    #[test]
    fn a_file_is_sent_with_its_type() {
        let site = Site::new("file");
        let answer = site.get("/?theme=dark");
        assert_eq!(
            (answer.status, header(&answer, "Content-Type")),
            (200, Some("text/html; charset=utf-8"))
        );
        assert_eq!(text(answer), "<h1>page</h1>");
        let answer = site.get(FILE);
        assert_eq!(
            (answer.status, header(&answer, "Content-Type")),
            (200, Some("application/wasm"))
        );
        assert_eq!(text(answer), "0123456789");
    }

    #[test]
    fn paths_that_leave_the_site_are_refused() {
        let site = Site::new("traversal");
        for url in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/demo%20files/../../secret.txt",
            "/..%2fsecret.txt",
            "/..\\secret.txt",
            "/%",
            "/%ff",
            "/a%00b",
            "secret.txt",
            "/C:/secret.txt",
        ] {
            assert_eq!(site.get(url).status, 400, "{url}");
        }
        assert_eq!(site.get("//secret.txt").status, 404);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_site_is_refused() {
        let site = Site::new("link");
        std::os::unix::fs::symlink(site.folder.join("secret.txt"), site.root.join("link.txt")).unwrap();
        assert_eq!(site.get("/link.txt").status, 400);
    }

    #[test]
    fn folders_lead_to_their_page() {
        let site = Site::new("folder");
        let answer = site.get("/demo%20files?x=1");
        assert_eq!(
            (answer.status, header(&answer, "Location")),
            (301, Some("/demo%20files/?x=1"))
        );
        assert_eq!(site.get("/demo%20files/").status, 404, "it has no index.html");
        assert_eq!(site.get("/nothing").status, 404);
    }

    #[test]
    fn a_part_of_a_file_is_sent_on_request() {
        let site = Site::new("range");
        let part = |range| {
            answer(
                &site.root,
                Request {
                    url: FILE,
                    range: Some(range),
                    ..Request::default()
                },
            )
        };
        let middle = part("bytes=2-4");
        assert_eq!(
            (middle.status, header(&middle, "Content-Range")),
            (206, Some("bytes 2-4/10"))
        );
        assert_eq!(text(middle), "234");
        assert_eq!(text(part("bytes=7-")), "789");
        assert_eq!(text(part("bytes=-2")), "89");
        let beyond = part("bytes=10-");
        assert_eq!(
            (beyond.status, header(&beyond, "Content-Range")),
            (416, Some("bytes */10"))
        );
        assert_eq!(beyond.body_bytes, 0);
        let several = part("bytes=0-1,4-5");
        assert_eq!(
            several.status, 200,
            "several parts at once may be answered with the whole"
        );
    }

    #[test]
    fn an_unchanged_file_is_not_sent_again() {
        let site = Site::new("cache");
        let first = site.get(FILE);
        let tag = header(&first, "ETag").unwrap().to_owned();
        let again = |tags: &str| {
            answer(
                &site.root,
                Request {
                    url: FILE,
                    if_none_match: Some(tags),
                    ..Request::default()
                },
            )
            .status
        };
        assert_eq!(again(&tag), 304);
        assert_eq!(again(&format!("\"other\", {tag}")), 304);
        assert_eq!(again("\"other\""), 200);
        let resumed = |known: &str| {
            let request = Request {
                url: FILE,
                range: Some("bytes=5-"),
                if_range: Some(known),
                ..Request::default()
            };
            answer(&site.root, request).status
        };
        assert_eq!(resumed(&tag), 206);
        assert_eq!(resumed("\"other\""), 200, "the file has changed since: send all of it");
    }
}
