//! What can be typed to `offport console`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub(crate) const NOTES: &str = "\
On loopback everybody on this machine may look, unless there is a token. Beyond loopback the console does not start
without a token or --client-ca; a token goes over TLS, unless --insecure-http says otherwise (behind a proxy that
speaks TLS). A token is 20 characters or more, from `openssl rand -base64 32 >FILE`, say; programs send it as
\"Authorization: Bearer TOKEN\", people enter it once in a form.

It ends at SIGINT or SIGTERM. Exit codes: 0 ended so, 2 wrong usage, 3 it could not start.";

/// `offport console`.
#[derive(Debug, Args)]
pub struct Console {
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:10218")]
    pub listen: SocketAddr,
    /// Folder of the store. Default: store.path of the configuration.
    #[arg(long, value_name = "DIR", env = "OFFPORT_STORE")]
    pub store: Option<PathBuf>,
    /// The sensor's configuration: where its store and its listener are, the inventory.
    #[arg(short, long, value_name = "FILE", env = "OFFPORT_CONFIG")]
    pub config: Option<PathBuf>,
    /// The sensor's listener, for health and rates. Default: http.listen of the configuration.
    #[arg(long, value_name = "URL")]
    pub sensor: Option<String>,
    /// Only who knows the token in this file may look.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Speak TLS: certificates, PEM, the server's first.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Only clients with a certificate of these authorities may look, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub client_ca: Option<PathBuf>,
    /// Beyond loopback, take the token in the clear: a proxy in front speaks TLS.
    #[arg(long)]
    pub insecure_http: bool,
}
