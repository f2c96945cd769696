//! `offport console`: what the desk knows, and how the sensor is, as pages.
//!
//! Every page is made here, whole, from templates that escape; the one script only fetches the page anew. The store is read on
//! threads of their own, few at a time.

mod access;
pub(crate) mod args;
mod asking;
mod chart;
mod form;
pub mod fuzz;
mod layout;
mod login;
mod pages;
mod period;
mod problem;
mod routes;
mod server;
mod tls;
mod words;

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

use crate::desk::place::Place;
use crate::exit::Exit;
use crate::live::scrape::{Sensor, Target};
use crate::output::Stdout;
use crate::run::Misuse;
use crate::terminal;
use access::{Guards, Token, may_listen};
use asking::Desk;
use routes::{Console, routes};

/// Serves until SIGINT or SIGTERM.
pub(crate) fn run(args: &args::Console, stdout: &mut Stdout) -> anyhow::Result<Exit> {
    let guards = Guards {
        token: args.token_file.is_some(),
        tls: args.tls_cert.is_some(),
        client_ca: args.client_ca.is_some(),
        insecure_http: args.insecure_http,
    };
    may_listen(args.listen, guards).map_err(Misuse)?;
    let token = args.token_file.as_deref().map(read_token).transpose()?;
    let tls = acceptor(args)?;
    let place = Place::locate(args.store.as_deref(), args.config.as_deref())?;
    let target = match &args.sensor {
        Some(url) => Some(Target::new(url).map_err(Misuse)?),
        None => Target::configured(&place.config),
    };
    let store = place.folder.display().to_string();
    if let Err(error) = place.check() {
        terminal::complain(&format!("{error:#}; pages say so until it is there"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await.with_context(|| {
            format!("cannot listen on {}: --listen names another address, port 0 a free one", args.listen)
        })?;
        let at = listener.local_addr()?;
        let sensor = target.as_ref().map_or_else(|| "none".to_owned(), Target::to_string);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let text = format!("console at {scheme}://{at}/ (store {store}, sensor {sensor})\n");
        stdout.write_all(terminal::clean(&text).as_bytes())?;
        stdout.flush()?;
        let console = Arc::new(Console {
            desk: Desk::new(place),
            sensor: Sensor::new(target),
            at,
            tls: tls.is_some(),
            token,
            sessions: Default::default(),
            penance: Default::default(),
        });
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            () = server::serve(listener, tls, routes(Arc::clone(&console))) => Err(anyhow!("the listener ended")),
            never = console.sensor.watch() => match never {},
            _ = interrupt.recv() => Ok(Exit::Clean),
            _ = terminate.recv() => Ok(Exit::Clean),
        }
    });
    // A question that is still being answered is of no use to anybody.
    runtime.shutdown_background();
    ended
}

fn read_token(path: &Path) -> anyhow::Result<Token> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Token::new(&text).map_err(|why| anyhow!("{}: {why}", path.display()))
}

fn acceptor(args: &args::Console) -> anyhow::Result<Option<TlsAcceptor>> {
    match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => tls::acceptor(cert, key, args.client_ca.as_deref()).map(Some),
        _ => Ok(None),
    }
}
