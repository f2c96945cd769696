//! Where files go.

use std::path::{Path, PathBuf};

use super::bucket::Bucket;
use super::folder;
use super::uploader::UploadSettings;

pub(super) enum Target {
    Bucket(Bucket),
    Folder(PathBuf),
}

impl Target {
    /// By the URL.
    pub(super) fn new(settings: &UploadSettings) -> Result<Self, String> {
        let url = &settings.url;
        if let Some(path) = url.strip_prefix("file://") {
            return match Path::new(path).is_absolute() {
                true => Ok(Self::Folder(PathBuf::from(path))),
                false => Err(format!("\"{url}\" names no folder: \"file:///folder\"")),
            };
        }
        let rest = url.strip_prefix("s3://").unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(format!(
                "\"{url}\" is no place to upload to: \"s3://bucket/prefix\", \"file:///folder\""
            ));
        }
        Bucket::new(settings, bucket, prefix.trim_matches('/')).map(Self::Bucket)
    }

    /// Bytes of what is there under that key.
    pub(super) async fn size(&self, key: &str) -> Result<Option<u64>, String> {
        match self {
            Self::Bucket(bucket) => bucket.size(key).await,
            Self::Folder(path) => folder::size(&path.join(key)),
        }
    }

    /// Puts it there, whole or not at all.
    pub(super) async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        match self {
            Self::Bucket(bucket) => bucket.put(key, bytes).await,
            Self::Folder(path) => folder::put(&path.join(key), &bytes),
        }
    }
}
