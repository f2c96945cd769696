//! A bucket of Amazon S3, or of what speaks like it.

use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, RetryConfig};

use super::credentials::Keys;
use super::http::Connector;
use super::uploader::UploadSettings;

pub(super) struct Bucket {
    storage: AmazonS3,
    prefix: String,
}

impl Bucket {
    pub(super) fn new(settings: &UploadSettings, bucket: &str, prefix: &str) -> Result<Self, String> {
        let Keys { id, secret, token } = Keys::read(settings.credentials.as_deref())?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&settings.region)
            .with_access_key_id(id)
            .with_secret_access_key(secret)
            .with_allow_http(settings.allow_http)
            .with_http_connector(Connector::new(settings)?)
            .with_retry(RetryConfig {
                max_retries: settings.retries as usize,
                retry_timeout: settings
                    .timeout
                    .saturating_mul(settings.retries + 1)
                    .max(Duration::from_secs(1)),
                ..RetryConfig::default()
            });
        if let Some(token) = token {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = &settings.endpoint {
            if endpoint.starts_with("http://") && !settings.allow_http {
                return Err(format!("{endpoint} is not encrypted: \"https://…\", or allow_http = true"));
            }
            builder = builder.with_endpoint(endpoint);
        }
        let storage = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { storage, prefix: prefix.to_owned() })
    }

    pub(super) async fn size(&self, key: &str) -> Result<Option<u64>, String> {
        match self.storage.head(&self.path(key)?).await {
            Ok(object) => Ok(Some(object.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        let put = self.storage.put(&self.path(key)?, bytes.into()).await;
        put.map(|_| ()).map_err(|error| error.to_string())
    }

    fn path(&self, key: &str) -> Result<Path, String> {
        Path::parse(format!("{}/{key}", self.prefix).trim_start_matches('/'))
            .map_err(|error| error.to_string())
    }
}
