//! A real store whose PUTs fail before or after they took effect.

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What happens to a PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Works,
    /// It fails and has no effect.
    Lost,
    /// It takes effect, and then fails.
    AnswerLost,
}

/// Decides the fate of the n-th PUT, counted from 0.
pub type Decide = fn(u64, &Path) -> Fate;

pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    decide: Decide,
    puts: AtomicU64,
    /// Fates of single PUTs: of the next one whose path contains the text.
    next: Mutex<Vec<(String, Fate)>>,
}

impl Faulty {
    pub fn new(inner: Arc<dyn ObjectStore>, decide: Decide) -> Self {
        Faulty { inner, decide, puts: AtomicU64::new(0), next: Mutex::default() }
    }

    /// Gives the next PUT whose path contains `path` this fate.
    pub fn fail_next_put(&self, path: &str, fate: Fate) {
        self.next.lock().expect("no thread panics while it holds the lock").push((path.to_owned(), fate));
    }

    fn fate(&self, location: &Path) -> Fate {
        let decided = (self.decide)(self.puts.fetch_add(1, Ordering::SeqCst), location);
        let mut next = self.next.lock().expect("no thread panics while it holds the lock");
        match next.iter().position(|(path, _)| location.as_ref().contains(path)) {
            Some(at) => next.remove(at).1,
            None => decided,
        }
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

fn lost() -> Error {
    Error::Generic { store: "faulty", source: "the connection was reset".into() }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        match self.fate(location) {
            Fate::Works => self.inner.put_opts(location, payload, opts).await,
            Fate::Lost => Err(lost()),
            Fate::AnswerLost => {
                self.inner.put_opts(location, payload, opts).await?;
                Err(lost())
            }
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
