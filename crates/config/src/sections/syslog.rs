//! `[syslog]`: events to a syslog server.

use std::path::PathBuf;
use std::time::Duration;

use crate::choice::choice;
use crate::parse::{boolean, bytes, choice, duration, optional_path, path, server};
use crate::section::section;

choice! {
    /// How messages travel.
    SyslogTransport ("a way to a syslog server") {
        /// A datagram socket of the host's.
        Unix = "unix",
        /// Datagrams.
        Udp = "udp",
        /// A connection, messages behind their length.
        Tcp = "tcp",
    }
}

choice! {
    /// The text of a message.
    SyslogText ("a text") {
        /// One sentence.
        Sentence = "sentence",
        /// The JSON line.
        Json = "json",
    }
}

choice! {
    /// RFC 5424, section 6.2.1, in the order of its numbers.
    SyslogFacility ("a facility") {
        /// 0.
        Kern = "kern",
        /// 1.
        User = "user",
        /// 2.
        Mail = "mail",
        /// 3.
        Daemon = "daemon",
        /// 4.
        Auth = "auth",
        /// 5.
        Syslog = "syslog",
        /// 6.
        Lpr = "lpr",
        /// 7.
        News = "news",
        /// 8.
        Uucp = "uucp",
        /// 9.
        Cron = "cron",
        /// 10.
        Authpriv = "authpriv",
        /// 11.
        Ftp = "ftp",
        /// 12.
        Ntp = "ntp",
        /// 13.
        Audit = "audit",
        /// 14.
        Alert = "alert",
        /// 15.
        Clock = "clock",
        /// 16.
        Local0 = "local0",
        /// 17.
        Local1 = "local1",
        /// 18.
        Local2 = "local2",
        /// 19.
        Local3 = "local3",
        /// 20.
        Local4 = "local4",
        /// 21.
        Local5 = "local5",
        /// 22.
        Local6 = "local6",
        /// 23.
        Local7 = "local7",
    }
}

section! {
    /// Events to a syslog server, as RFC 5424 has them.
    Syslog ("syslog") {
        /// Whether they are sent.
        enabled: bool = false, boolean;
        /// How messages travel.
        transport: SyslogTransport = SyslogTransport::Unix, choice;
        /// The socket, if they travel that way.
        path: PathBuf = PathBuf::from("/dev/log"), path;
        /// Host and port otherwise.
        server: String = "127.0.0.1:514".to_owned(), server;
        /// The facility.
        facility: SyslogFacility = SyslogFacility::Local0, choice;
        /// The text of a message.
        message: SyslogText = SyslogText::Sentence, choice;
        /// For connecting, and for a message.
        timeout: Duration = Duration::from_secs(5),
            duration(Duration::from_millis(100), Duration::from_secs(300));
        /// How long sending goes on when the sensor stops.
        drain: Duration = Duration::from_secs(2), duration(Duration::ZERO, Duration::from_secs(60));
        /// Folder of what waits, over TCP; `None`: it waits in memory.
        spool: Option<PathBuf> = Some(PathBuf::from("/var/lib/offport/syslog")), optional_path;
        /// Bytes that may wait.
        spool_size: u64 = 64 << 20, bytes(1 << 20, 4 << 30);
    }
}
