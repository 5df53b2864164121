//! Models on the Hugging Face hub, through its own client: with its cache (`HF_HOME`), its token (`HF_TOKEN`, or the one that
//! `hf auth login` saved) and its address (`HF_ENDPOINT`).

use std::path::PathBuf;
use std::str::FromStr;

use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use crate::error::Error;
use crate::model_files::{CONFIG, PREPROCESSOR, WEIGHTS};
use crate::progress::Progress;

/// The branch that is meant where none is named.
const MAIN: &str = "main";

/// `owner/name`, with `@revision` for a branch, a tag or a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub owner: String,
    pub name: String,
    pub revision: String,
}

impl FromStr for Repository {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let is_word = |part: &str| {
            let known = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            !part.is_empty() && part.chars().all(known) && !part.starts_with('.')
        };
        match path.split_once('/') {
            Some((owner, name)) if is_word(owner) && is_word(name) && !revision.is_empty() => Ok(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
                revision: revision.to_owned(),
            }),
            _ => Err(format!(
                "\"{text}\" is no repository: hf:owner/name or hf:owner/name@revision is"
            )),
        }
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)?;
        if self.revision == MAIN {
            Ok(())
        } else {
            write!(formatter, "@{}", self.revision)
        }
    }
}

/// Where the hub's client has put a model's files.
pub struct Fetched {
    pub config: PathBuf,
    pub preprocessor: Option<PathBuf>,
    pub weights: PathBuf,
}

/// Fetches what isn't in the cache yet, file by file.
///
/// # Errors
/// [`Error::Hub`].
pub fn fetch(repository: &Repository, progress: &mut Progress) -> Result<Fetched, Error> {
    let failed = |source: ApiError| Error::Hub {
        repository: repository.to_string(),
        is_missing: status(&source) == Some(404),
        is_refused: matches!(status(&source), Some(401 | 403)),
        source: Box::new(source),
    };
    let mut builder = ApiBuilder::from_env();
    // The client reads the saved token; the variable, which Hugging Face's other tools prefer, it does not.
    if let Ok(token) = std::env::var("HF_TOKEN")
        && !token.is_empty()
    {
        builder = builder.with_token(Some(token));
    }
    let api = builder.build().map_err(failed)?;
    let id = format!("{}/{}", repository.owner, repository.name);
    let repo = Repo::with_revision(id, RepoType::Model, repository.revision.clone());
    let files = Files {
        cached: Cache::from_env().repo(repo.clone()),
        online: api.repo(repo),
    };
    let config = files.get(CONFIG, progress).map_err(failed)?;
    // That a file isn't there is not remembered by the cache: a model that is will not fail for want of an answer about this one.
    let is_cached = files.cached.get(WEIGHTS).is_some();
    let preprocessor = match files.get(PREPROCESSOR, progress) {
        Ok(path) => Some(path),
        Err(error) if status(&error) == Some(404) => None,
        Err(error) if is_cached && status(&error).is_none() => {
            progress.suspend(|| {
                eprintln!(
                    "warning: whether {repository} has a {PREPROCESSOR} could not be asked ({error}); CLIP's own preprocessing is assumed"
                );
            });
            None
        }
        Err(error) => return Err(failed(error)),
    };
    if !is_cached {
        progress.announce(&format!("fetching {WEIGHTS} of {repository} from the hub"));
    }
    Ok(Fetched {
        config,
        preprocessor,
        weights: files.get(WEIGHTS, progress).map_err(failed)?,
    })
}

/// A repository's files: those in the cache, and those on the hub.
struct Files {
    cached: CacheRepo,
    online: ApiRepo,
}

impl Files {
    fn get(&self, name: &'static str, progress: &mut Progress) -> Result<PathBuf, ApiError> {
        if let Some(path) = self.cached.get(name) {
            return Ok(path);
        }
        progress.spin(name);
        let download = Download {
            progress,
            name,
            done: 0,
            total: 0,
        };
        self.online.download_with_progress(name, download)
    }
}

/// A download as the hub's client tells of it, in bytes.
struct Download<'a> {
    progress: &'a mut Progress,
    name: &'static str,
    done: u64,
    total: u64,
}

impl hf_hub::api::Progress for Download<'_> {
    /// Before the hub is asked for the content, and again when it has answered.
    fn init(&mut self, size: usize, _filename: &str) {
        self.done = 0;
        self.total = size as u64;
    }

    /// The first is what an earlier run has left.
    fn update(&mut self, size: usize) {
        self.done += size as u64;
        self.progress.bytes(self.name, self.done, self.total);
    }

    fn finish(&mut self) {}
}

/// The status with which the hub answered, where it did.
fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(source) => match source.as_ref() {
            ureq::Error::StatusCode(status) => Some(*status),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hf_hub::api::Progress as _;

    use super::*;

    #[test]
    fn a_download_counts_on_from_what_was_there() {
        let mut progress = Progress::spinner("loading the model");
        let mut download = Download {
            progress: &mut progress,
            name: WEIGHTS,
            done: 0,
            total: 0,
        };
        // As the client calls it: once before it asks, once more with what there is already.
        download.init(100, WEIGHTS);
        download.init(100, WEIGHTS);
        for bytes in [40, 35, 25] {
            download.update(bytes);
        }
        assert_eq!((download.done, download.total), (100, 100));
    }

    #[test]
    fn a_repository_has_an_owner_a_name_and_perhaps_a_revision() {
        let plain: Repository = "openai/clip-vit-base-patch32".parse().unwrap();
        assert_eq!(plain.revision, "main");
        assert_eq!(plain.to_string(), "openai/clip-vit-base-patch32");
        let pinned: Repository = "openai/clip-vit-base-patch32@refs/pr/15".parse().unwrap();
        assert_eq!(pinned.revision, "refs/pr/15");
        assert_eq!(pinned.to_string(), "openai/clip-vit-base-patch32@refs/pr/15");
        for text in [
            "",
            "owner",
            "owner/",
            "/name",
            "a/b/c",
            "owner/name@",
            "../etc",
            "a b/c",
        ] {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
    }
}
