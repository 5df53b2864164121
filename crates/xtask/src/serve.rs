//! The server of `cargo xtask serve` and of the browser tests: static files on this machine only.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use tiny_http::{Header, Method, Response, Server, StatusCode};

use crate::error::Error;
use crate::http::{self, Answer, Request};
use crate::process;

/// The port tried first.
pub const DEFAULT_PORT: u16 = 8080;

/// How many ports are tried.
const PORTS: u16 = 50;

/// A page loads a handful of files at once.
const THREADS: usize = 4;

/// What to serve, and where.
#[derive(Debug)]
pub struct ServeOptions {
    pub site: PathBuf,
    pub port: u16,
    pub open: bool,
}

/// Serves a site until the program is stopped.
pub fn serve(options: &ServeOptions) -> Result<(), Error> {
    let running = start(&options.site, options.port)?;
    let url = running.url();
    if options.port != 0 && running.port != options.port {
        println!("Port {} is taken.", options.port);
    }
    println!("\nclip-ttl is at {url}\nStop it with Ctrl+C.");
    if options.open {
        open(&url);
    }
    running.wait();
    Ok(())
}

/// A server at work.
pub struct Running {
    server: Arc<Server>,
    threads: Vec<JoinHandle<()>>,
    port: u16,
}

/// Starts to serve a site on the first free port from `port` on, or on any free port if that is 0.
pub fn start(site: &Path, port: u16) -> Result<Running, Error> {
    if !site.join("index.html").is_file() {
        return Err(Error::Missing {
            what: format!("the site in {}", site.display()),
            advice: "build it with `cargo xtask build`".to_owned(),
        });
    }
    let root: Arc<Path> = site.canonicalize().map_err(Error::file("read", site))?.into();
    let (listener, port) = listen(port)?;
    let server = Server::from_listener(listener, None).map_err(|error| Error::Server {
        reason: error.to_string(),
    })?;
    let server = Arc::new(server);
    let threads = (0..THREADS)
        .map(|_| {
            let (server, root) = (Arc::clone(&server), Arc::clone(&root));
            std::thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    respond(&root, request);
                }
            })
        })
        .collect();
    Ok(Running { server, threads, port })
}

impl Running {
    /// Where the site is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn wait(mut self) {
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for _ in &self.threads {
            self.server.unblock();
        }
    }
}

fn listen(first: u16) -> Result<(TcpListener, u16), Error> {
    let last = if first == 0 { 0 } else { first.saturating_add(PORTS - 1) };
    let mut source = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for port in first..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .and_then(|listener| Ok((listener.local_addr()?.port(), listener)))
        {
            Ok((port, listener)) => return Ok((listener, port)),
            Err(error) => source = error,
        }
    }
    Err(Error::Port { first, last, source })
}

fn respond(root: &Path, request: tiny_http::Request) {
    let answer = match request.method() {
        Method::Get | Method::Head => {
            let header = |name: &'static str| {
                request
                    .headers()
                    .iter()
                    .find(|header| header.field.equiv(name))
                    .map(|header| header.value.as_str())
            };
            http::answer(
                root,
                Request {
                    url: request.url(),
                    range: header("Range"),
                    if_range: header("If-Range"),
                    if_none_match: header("If-None-Match"),
                },
            )
        }
        _ => Answer::text(405, "only GET and HEAD are answered"),
    };
    let headers = answer
        .headers
        .iter()
        .filter_map(|(name, value)| Header::from_bytes(*name, value.as_bytes()).ok())
        .collect();
    let response = Response::new(
        StatusCode(answer.status),
        headers,
        answer.body,
        usize::try_from(answer.body_bytes).ok(),
        None,
    )
    // A length instead of chunks: without it a page cannot say how much of a download is done.
    .with_chunked_threshold(usize::MAX);
    // The browser went away: there is nobody to tell.
    let _ = request.respond(response);
}

/// Opens a page in the user's browser; where there is none, the address that was printed has to do.
fn open(url: &str) {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "start"]);
        command
    } else {
        Command::new("xdg-open")
    };
    let mut advice = String::from("Open this address in a browser");
    // Without a screen xdg-open would start a browser in the terminal.
    let has_screen = cfg!(any(target_os = "macos", windows))
        || ((std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some())
            && process::find_program("xdg-open").is_some());
    if has_screen {
        match command
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
        {
            Ok(status) if status.success() => return,
            Ok(status) => drop(write!(advice, " (it could not be opened from here: {status})")),
            Err(error) => drop(write!(advice, " (it could not be opened from here: {error})")),
        }
    }
    println!("{advice}.");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn site(name: &str) -> PathBuf {
        let site = std::env::temp_dir().join(format!("clip-ttl-serve-{name}-{}", std::process::id()));
        fs::create_dir_all(&site).unwrap();
        fs::write(site.join("index.html"), "<h1>page</h1>").unwrap();
        fs::write(site.join("large.bin"), vec![7_u8; 100_000]).unwrap();
        site
    }

    fn exchange(running: &Running, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, running.port)).unwrap();
        write!(stream, "{request}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn pages_are_served_until_the_server_is_dropped() {
        let site = site("pages");
        let running = start(&site, 0).unwrap();
        let page = exchange(&running, "GET / HTTP/1.1");
        assert!(
            page.starts_with("HTTP/1.1 200 ") && page.ends_with("<h1>page</h1>"),
            "{page}"
        );
        let head = exchange(&running, "HEAD /large.bin HTTP/1.1");
        assert!(
            head.contains("Content-Length: 100000\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
        let large = exchange(&running, "GET /large.bin HTTP/1.1");
        assert!(large.contains("Content-Length: 100000\r\n"), "a length, not chunks");
        let part = exchange(&running, "GET /large.bin HTTP/1.1\r\nRange: bytes=99998-");
        assert!(
            part.starts_with("HTTP/1.1 206 ") && part.ends_with("\r\n\r\n\u{7}\u{7}"),
            "{part}"
        );
        assert!(exchange(&running, "POST / HTTP/1.1").starts_with("HTTP/1.1 405 "));
        assert!(exchange(&running, "GET /../secret HTTP/1.1").starts_with("HTTP/1.1 400 "));
        fs::remove_dir_all(&site).unwrap();
    }

    #[test]
    fn the_next_port_is_taken_when_one_is_in_use() {
        let site = site("ports");
        let first = start(&site, 0).unwrap();
        let second = start(&site, first.port).unwrap();
        assert!(second.port > first.port);
        fs::remove_dir_all(&site).unwrap();
    }

    #[test]
    fn a_site_that_was_not_built_is_an_error_with_advice() {
        let Err(error) = start(Path::new("/no/such/site"), 0) else {
            panic!("there is nothing to serve")
        };
        assert!(error.to_string().contains("cargo xtask build"), "{error}");
    }
}
