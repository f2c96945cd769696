//! Any request to the console, through HTTP: the answer is one of the console's, guarded by its headers, without foreign markup, and
//! leads nowhere else.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use offport_analyst::fuzz::Consoles;
use tokio::runtime::{Builder, Runtime};

/// Consoles, and a runtime whose clock does not wait.
fn desk() -> &'static (Consoles, Runtime) {
    static DESK: OnceLock<(Consoles, Runtime)> = OnceLock::new();
    DESK.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("offport-fuzz-{}", std::process::id()));
        let consoles = Consoles::new(&folder).expect("the folder for temporary files can be written");
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        (consoles, runtime.expect("a runtime without sockets"))
    })
}

fuzz_target!(|data: &[u8]| {
    let (consoles, runtime) = desk();
    runtime.block_on(consoles.ask(data));
});
