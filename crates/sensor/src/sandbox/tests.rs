//! Each door by itself, closed on a thread of its own: what it keeps out, and what still passes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::{calls, capabilities, files};

/// In a thread that nothing else runs in.
fn apart<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(test).join().unwrap())
}

fn refused<T>(result: io::Result<T>, what: &str) {
    match result {
        Ok(_) => panic!("{what} is still allowed"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}: {error}"),
    }
}

#[test]
fn nothing_is_written_outside_and_nothing_is_executed() {
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = outside.path().join("old");
    std::fs::write(&old, "as it was").unwrap();
    let folder = inside.path().to_owned();
    apart(|| {
        rustix::thread::set_no_new_privs(true).unwrap();
        let status = files::restrict_to(&BTreeSet::from([folder.clone()])).unwrap();
        if status == files::Landlock::Off {
            let promised = std::env::var("OFFPORT_REQUIRE").is_ok_and(|require| require.contains("root"));
            assert!(!promised, "this kernel has no Landlock, and OFFPORT_REQUIRE promises what takes root");
            return eprintln!("SKIPPED: this kernel has no Landlock");
        }
        refused(std::fs::write(outside.path().join("new"), "x"), "a new file outside");
        refused(std::fs::write(&old, "x"), "a file outside that is there");
        refused(std::fs::remove_file(&old), "removing a file outside");
        refused(std::fs::create_dir(outside.path().join("folder")), "a folder outside");
        refused(Command::new("/bin/true").status(), "executing a program");
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "as it was");

        std::fs::create_dir(folder.join("day")).unwrap();
        std::fs::write(folder.join("one"), "x").unwrap();
        std::fs::rename(folder.join("one"), folder.join("day/two")).unwrap();
        File::options().write(true).open(folder.join("day/two")).unwrap().set_len(0).unwrap();
        std::fs::remove_file(folder.join("day/two")).unwrap();
        std::fs::remove_dir(folder.join("day")).unwrap();
        refused(std::os::unix::fs::symlink("/etc/passwd", folder.join("link")), "a link inside");
    });
    std::fs::write(outside.path().join("new"), "x").expect("other threads are as they were");
}

#[test]
fn the_process_starts_no_other_and_opens_no_strange_socket() {
    apart(|| {
        rustix::thread::set_no_new_privs(true).unwrap();
        calls::restrict_process().unwrap();
        refused(Command::new("/bin/true").status(), "another process");
        let kernel = socket(AddressFamily::Alg, SockType::SeqPacket, SockFlag::empty(), None);
        refused(kernel.map_err(io::Error::from), "a socket to the kernel's cryptography");
        refused(unshare(CloneFlags::CLONE_NEWUSER).map_err(io::Error::from), "a namespace of its own");

        assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7, "threads are made");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::thread::spawn({
            let address = listener.local_addr().unwrap();
            move || TcpStream::connect(address).unwrap()
        });
        listener.accept().unwrap();
        client.join().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    });
    assert!(Command::new("/bin/true").status().unwrap().success(), "other threads are as they were");
}

#[test]
fn a_worker_opens_neither_files_nor_sockets() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    apart(|| {
        rustix::thread::set_no_new_privs(true).unwrap();
        calls::restrict_process().unwrap();
        calls::restrict_worker().unwrap();
        refused(File::open("/etc/hostname"), "a file");
        refused(UdpSocket::bind("127.0.0.1:0"), "a socket");
        refused(Command::new("/bin/true").status(), "another process");
        refused(std::thread::Builder::new().spawn(|| ()), "a thread");

        socket.send_to(b"still", address).expect("a socket that was open before");
        let memory = vec![1_u8; 64 << 20];
        assert_eq!(memory.iter().map(|byte| u64::from(*byte)).sum::<u64>(), 64 << 20);
        std::thread::sleep(std::time::Duration::from_millis(1));
        assert!(std::panic::catch_unwind(|| panic!("as a worker may")).is_err());
    });
}

#[test]
fn capabilities_are_gone_in_the_nursery_only() {
    let before = capabilities::held();
    let sandbox =
        super::Sandbox { user: String::new(), landlock: files::Landlock::Off, seccomp: false, on: true };
    let child = sandbox.nursery(|| std::thread::spawn(capabilities::held).join().unwrap()).unwrap();
    assert_eq!(child, "none", "a thread that was made in it");
    assert_eq!(capabilities::held(), before, "who called it");
}
