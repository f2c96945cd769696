//! Closed files of flow records to storage elsewhere: a bucket that speaks S3, or a folder. At least once, under the same path.

mod bucket;
mod credentials;
mod folder;
mod http;
mod target;
mod tls;
mod uploader;

pub use uploader::{UploadCounts, UploadSettings, Uploader};
