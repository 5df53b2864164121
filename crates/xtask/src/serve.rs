//! The server of `cargo xtask serve` and of the browser tests: static files on this machine only.
//!
//! One thread and one request for each connection. Browsers keep several connections open and read some of them slowly; this way none
//! can make another wait.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::Error;
use crate::http::{self, Answer, Request};
use crate::process;

/// The port tried first.
pub const DEFAULT_PORT: u16 = 8080;

/// How many ports are tried.
const PORTS: u16 = 50;

/// A browser that opens a connection in advance and says nothing for so long does not need it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest request that is read, in bytes: a line and its headers.
const LONGEST_REQUEST: u64 = 64 * 1024;

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
    port: u16,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
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
    let stopped = Arc::new(AtomicBool::new(false));
    let thread = std::thread::spawn({
        let stopped = Arc::clone(&stopped);
        move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let root = Arc::clone(&root);
                // A connection that broke has nobody to be told.
                std::thread::spawn(move || connection.and_then(|stream| converse(&root, &stream)));
            }
        }
    });
    Ok(Running {
        port,
        stopped,
        thread: Some(thread),
    })
}

impl Running {
    /// Where the site is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // The thread waits for a connection; this is the one after which it looks.
        if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn listen(first: u16) -> Result<(TcpListener, u16), Error> {
    let last = if first == 0 { 0 } else { first.saturating_add(PORTS - 1) };
    let mut source = io::Error::from(io::ErrorKind::AddrInUse);
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

/// Reads a request and answers it.
fn converse(root: &Path, stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let Some(head) = read_head(stream)? else { return Ok(()) };
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, url, version) = (words.next(), words.next(), words.next());
    let header = |name: &str| {
        lines
            .clone()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    let mut answer = match (method, url, version) {
        (Some("GET" | "HEAD"), Some(url), Some("HTTP/1.1" | "HTTP/1.0")) => http::answer(
            root,
            Request {
                url,
                range: header("Range"),
                if_range: header("If-Range"),
                if_none_match: header("If-None-Match"),
            },
        ),
        (Some(_), Some(_), Some("HTTP/1.1" | "HTTP/1.0")) => Answer::text(405, "only GET and HEAD are answered"),
        _ => Answer::text(400, "that is no HTTP/1.1"),
    };
    send(stream, &mut answer, method == Some("HEAD"))?;
    // Closing at once while the browser still sends, as with a POST, would take the answer away from it.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    io::copy(&mut stream.take(LONGEST_REQUEST), &mut io::sink()).map(drop)
}

/// The request line and the headers; nothing if the browser closed a connection that it did not need.
fn read_head(stream: &TcpStream) -> io::Result<Option<String>> {
    let mut reader = BufReader::new(stream.take(LONGEST_REQUEST));
    let mut head = Vec::new();
    loop {
        let before = head.len();
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
        if matches!(head.get(before..), Some(b"\r\n" | b"\n")) {
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
    }
}

fn send(mut stream: &TcpStream, answer: &mut Answer, without_body: bool) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // A length whenever there may be a body: without it a page cannot say how much of a download is done.
    if answer.status != 304 {
        head.push_str(&format!("Content-Length: {}\r\n", answer.body_bytes));
    }
    head.push_str("Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    if !without_body {
        io::copy(&mut answer.body, &mut stream)?;
    }
    stream.flush()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        416 => "Range Not Satisfiable",
        _ => "Internal Server Error",
    }
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

    use super::*;

    fn site(name: &str) -> PathBuf {
        let site = std::env::temp_dir().join(format!("clip-ttl-serve-{name}-{}", std::process::id()));
        fs::create_dir_all(&site).unwrap();
        fs::write(site.join("index.html"), "<h1>page</h1>").unwrap();
        fs::write(site.join("large.bin"), vec![7_u8; 10_000_000]).unwrap();
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
            head.contains("Content-Length: 10000000\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
        let large = exchange(&running, "GET /large.bin HTTP/1.1");
        assert!(large.contains("Content-Length: 10000000\r\n"), "a length, not chunks");
        let part = exchange(&running, "GET /large.bin HTTP/1.1\r\nRange: bytes=9999998-");
        assert!(
            part.starts_with("HTTP/1.1 206 ") && part.ends_with("\r\n\r\n\u{7}\u{7}"),
            "{part}"
        );
        assert!(exchange(&running, "POST / HTTP/1.1").starts_with("HTTP/1.1 405 "));
        assert!(exchange(&running, "GET /../secret HTTP/1.1").starts_with("HTTP/1.1 400 "));
        fs::remove_dir_all(&site).unwrap();
    }

    #[test]
    fn connections_that_say_or_read_nothing_hold_up_no_other() {
        let site = site("idle");
        let running = start(&site, 0).unwrap();
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, running.port)).unwrap();
        let idle: Vec<TcpStream> = (0..20).map(|_| connect()).collect();
        let unread: Vec<TcpStream> = (0..20).map(|_| connect()).collect();
        for mut stream in &unread {
            write!(stream, "GET /large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
        }
        assert!(exchange(&running, "GET / HTTP/1.1").starts_with("HTTP/1.1 200 "));
        drop((idle, unread));
        fs::remove_dir_all(&site).unwrap();
    }

    #[test]
    fn nonsense_is_refused() {
        let site = site("nonsense");
        let running = start(&site, 0).unwrap();
        for request in ["GET /", "GET / HTTP/2.0", "hello", "\u{7f}\u{7f}"] {
            assert!(exchange(&running, request).starts_with("HTTP/1.1 400 "), "{request}");
        }
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
