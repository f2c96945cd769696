//! What opens a flow is named by who speaks it, and by no other: each line is what one side says first, as the protocol's
//! specification has it.

use offport_fingerprint::{Answer, Exchange, Side, Speaker, Stage, identify};
use offport_wire::Transport;

use Speaker::{Client, Server};

/// What opens a flow: who says what, in order, and the protocol's name.
type Opening<'a> = (&'a str, &'a [(Speaker, &'a [u8])]);

fn heard<'a>(bytes: &'a [u8], ends: &'a [u16]) -> Side<'a> {
    if bytes.is_empty() { Side::default() } else { Side::one(bytes, ends) }
}

fn named(transport: Transport, sides: &[(Speaker, &[u8])]) -> String {
    let side = |speaker| sides.iter().find(|(who, _)| *who == speaker).map_or(&b""[..], |&(_, bytes)| bytes);
    let (client, server) = (side(Client), side(Server));
    let (ends, answered) = ([client.len() as u16], [server.len() as u16]);
    let exchange = Exchange {
        transport,
        client: heard(client, &ends),
        server: heard(server, &answered),
        first: sides.first().map_or(Client, |&(who, _)| who),
        client_port: 50_123,
        server_port: 40_000,
        midstream: false,
    };
    match identify(&exchange, Stage::Last) {
        Answer::Identified(protocol, _) => protocol.name().to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn over_tcp() {
    let bgp = [&[0xff; 16][..], b"\0\x1d\x01\x04\xfd\xe8\0\xb4\xc0\0\x02\x01\0"].concat();
    let pptp = [&b"\0\x9c\0\x01\x1a\x2b\x3c\x4d\0\x01\0\0\x01\0\0\0"[..], &[0; 140]].concat();
    let openings: &[Opening<'_>] = &[
        ("bgp", &[(Client, &bgp)]),
        ("cvs", &[(Client, b"BEGIN AUTH REQUEST\n/cvs\n")]),
        ("daytime", &[(Server, b"Sun Jan  4 17:01:22 2015\r\n")]),
        ("dict", &[(Server, b"220 dict.example.org dictd 1.12 <auth.mime> <1.2.3@dict.example.org>\r\n")]),
        ("dict", &[(Client, b"CLIENT libcurl 7.88.1\r\nDEFINE ! word\r\nQUIT\r\n")]),
        ("finger", &[(Client, b"root\r\n"), (Server, b"Login: root  \t\tName: root\r\n")]),
        ("fix", &[(Client, b"8=FIX.4.4\x019=65\x0135=A\x01")]),
        ("ftp", &[(Server, b"220 (vsFTPd 3.0.3)\r\n")]),
        ("gdb-remote", &[(Client, b"+$qSupported:multiprocess+#c6")]),
        ("git", &[(Client, b"0033git-upload-pack /project.git\0host=myserver.com\0")]),
        ("gnutella", &[(Client, b"GNUTELLA CONNECT/0.6\r\n")]),
        ("gopher", &[(Client, b"\r\n"), (Server, b"iHi\tfake\t(NULL)\t0\r\n1a\t/a\thost\t70\r\n.\r\n")]),
        ("ica", &[(Server, b"\x7f\x7fICA\0")]),
        ("ident", &[(Client, b"6193, 23\r\n"), (Server, b"6193, 23 : USERID : UNIX : a\r\n")]),
        ("irc", &[(Client, b"NICK a\r\nUSER a 0 * :A\r\n")]),
        ("irc", &[(Client, b"CAP LS 302\r\n")]),
        ("irc", &[(Server, b":irc.example.org NOTICE * :*** Looking up\r\n")]),
        ("jdwp", &[(Client, b"JDWP-Handshake")]),
        ("jetdirect", &[(Client, b"\x1b%-12345X@PJL\r\n")]),
        ("managesieve", &[(Server, b"\"IMPLEMENTATION\" \"x\"\r\n")]),
        ("minecraft", &[(Client, b"\x14\0\xfb\x05\x0dmc.example.co\x63\xdd\x01")]),
        ("mpd", &[(Server, b"OK MPD 0.23.5\n")]),
        ("nntp", &[(Server, b"200 news.example.org InterNetNews ready (posting ok)\r\n")]),
        ("nntp", &[(Server, b"200 hello\r\n"), (Client, b"GROUP misc.test\r\n")]),
        ("nut", &[(Client, b"LIST UPS\n")]),
        ("nut", &[(Client, b"GET VAR su700 ups.status\n")]),
        ("pop3", &[(Server, b"+OK ready\r\n")]),
        ("pptp", &[(Client, &pptp)]),
        ("redis", &[(Client, b"*1\r\n$4\r\nPING\r\n")]),
        ("rlogin", &[(Client, b"\0alice\0root\0xterm/38400\0")]),
        ("rsh", &[(Client, b"1022\0alice\0root\0ls\0")]),
        ("rsync", &[(Server, b"@RSYNCD: 31.0\n")]),
        ("smtp", &[(Server, b"220 mx.example.org ESMTP\r\n")]),
        ("stratum", &[(Client, b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n")]),
        ("svn", &[(Server, b"( success ( 2 2 ( ) ( edit-pipeline ) ) ) ")]),
        ("tacacs", &[(Client, b"\xc0\x01\x01\0\xde\xad\xbe\xef\0\0\0\x25")]),
        ("whois", &[(Client, b"example.org\r\n"), (Server, b"% IANA WHOIS server\n")]),
        ("x11", &[(Client, b"l\0\x0b\0\0\0\0\0\0\0\0\0")]),
        ("xmpp", &[(Client, b"<?xml version='1.0'?><stream:stream to='a'>")]),
        ("c1222", &[(Client, b"\x60\x0e\xa8\x03\x02\x01\x07\xbe\x07\x28\x05\x81\x03\x80\x01\x20")]),
        ("dlep", &[(Client, b"\0\x01\0\x11\0\x05\0\x04\0\0\xea\x60\0\x04\0\x05\0test")]),
        ("elasticsearch", &[(Client, b"ES\0\0\0\x2e\0\0\0\0\0\0\0\x01\x08\0\x5e\x8f\x60\0\0\0\x17internal")]),
        ("giop", &[(Client, b"GIOP\x01\x02\x01\0\x08\0\0\0\x01\0\0\0\x03\0\0\0")]),
        (
            "h323",
            &[(Client, b"\x03\0\0\x19\x08\x02\0\x7b\x05\x28\x03abc\x7e\0\x08\x05\x20\xb8\x06\0\x08\x91\x4a")],
        ),
        ("hislip", &[(Client, b"HS\0\0\x01\0IV\0\0\0\0\0\0\0\x07hislip0")]),
        ("hl7", &[(Client, b"\x0bMSH|^~\\&|ADT1|MCM|LABADT|MCM|198808181126||ADT^A01|1|P|2.2\r")]),
        ("kismet", &[(Server, b"*KISMET: 2005.08.R1 1127347453 \x01Kismet\x01 20050815211952 \n")]),
        ("lisp", &[(Client, b"\0\x14\0\x0f\0\0\0\x07\0\0\0\x9f\xac\xad\xe9")]),
        ("openwire", &[(Client, b"\0\0\0\x0e\x01ActiveMQ\0\0\0\x01\0")]),
        ("skinny", &[(Client, b"\x14\0\0\0\0\0\0\0\x01\0\0\0SEP001122334455\0")]),
        ("smpp", &[(Client, b"\0\0\0\x25\0\0\0\x09\0\0\0\0\0\0\0\x01smpp3\0secret\0SUB\0\x34\x01\x01\0")]),
        (
            "tplink-smarthome",
            &[(Client, b"\0\0\0\x1d\xd0\xf2\x81\xf8\x8b\xff\x9a\xf7\xd5\xef\x94\xb6\xd1\xb4")],
        ),
        (
            "wow",
            &[(
                Client,
                b"\0\x08\x22\0WoW\0\x03\x03\x05\x34\x3068x\0niW\0SUne\x3c\0\0\0\xc0\0\x02\x01\x04USER",
            )],
        ),
    ];
    for (name, sides) in openings {
        assert_eq!(named(Transport::TCP, sides), *name, "{sides:?}");
    }
}

#[test]
fn over_udp() {
    let rip = [&b"\x02\x02\0\0"[..], b"\0\x02\0\0\x2c\0\0\0\xff\0\0\0\0\0\0\0\0\0\0\x01"].concat();
    let radius = [&b"\x01\x07\0\x21"[..], &[9; 16], b"\x01\x07alice\x05\x06\0\0\0\x01"].concat();
    let openings: &[Opening<'_>] = &[
        ("babel", &[(Client, b"\x2a\x02\0\x08\x04\x06\0\0\x12\x34\x01\x90")]),
        ("bfd", &[(Client, b"\x20\x40\x03\x18\0\0\0\x01\0\0\0\0\0\x0f\x42\x40\0\x0f\x42\x40\0\0\0\0")]),
        ("cups-browsing", &[(Client, b"300c 3 ipp://host:631/printers/x\n")]),
        ("edonkey", &[(Client, b"\xe3\x96\x12\x34\xaa\x55")]),
        ("gtp", &[(Client, b"\x32\x01\0\x04\0\0\0\0\x12\x34\0\0")]),
        ("hsrp", &[(Client, b"\0\0\x10\x03\x0a\x64\x01\0cisco\0\0\0\xc0\0\x02\xfe")]),
        ("l2tp", &[(Client, b"\xc8\x02\0\x14\0\0\0\0\0\0\0\0\x80\x08\0\0\0\0\0\x01")]),
        ("natpmp", &[(Client, b"\0\0"), (Server, b"\0\x80\0\0\0\x01\x02\x03\xc6\x33\x64\x07")]),
        ("quake", &[(Client, b"\xff\xff\xff\xffgetstatus\n")]),
        ("radius", &[(Client, &radius)]),
        ("rip", &[(Client, &rip)]),
        ("source-engine", &[(Client, b"\xff\xff\xff\xffTSource Engine Query\0")]),
        ("source-engine", &[(Client, b"\xff\xff\xff\xffgetchallenge steam\n")]),
        ("teamspeak", &[(Client, b"TS3INIT1\0\x65\0\0\x88\x06\x3b\xec\xe9\0")]),
        ("wccp", &[(Client, b"\0\0\0\x0a\x02\0\0\x08\0\0\0\x04\0\0\0\0")]),
        ("can-eth", &[(Client, b"ISO11898\x01\x01\0\0\x01\x23\x02\x55\xaa\0\0\0\0\0\0\0\0")]),
        ("cnip", &[(Client, b"\0\x14\x01\x63\0\x20\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0")]),
        ("cpha", &[(Client, b"\x1a\x90\x02\x1d\0\x09\0\x03\0\x01\x5a\xa5\0\0\xff\xfe\x12\x34\0\0\0\0\0\x01")]),
        ("dlep", &[(Client, b"DLEP\0\x01\0\x0b\0\x04\0\x07\0router")]),
        ("egd", &[(Client, b"\x0d\x01\x34\x12\xc0\0\x02\x01\x07\0\0\0\x5e\x0e\x8f\x48\0\0\0\0\x01\0\0\0\x01\x02\0\0\0\0\0\0data")]),
        ("ether-sio", &[(Client, b"ESIO\0\x02\0\0\0\x18\0\x07\0\x01\0\x0c\0\0\0\x02\0\0\0\0")]),
        ("h323", &[(Client, b"\x0e\xc0\0\x07\x06\0\x08\x91\x4a\0\x04\x80\x01")]),
        ("pfcp", &[(Client, b"\x20\x01\0\x0c\0\0\x01\0\0\x60\0\x04\xe1\x23\x45\x67")]),
        ("rtps", &[(Client, b"RTPS\x02\x03\x01\x0fabcdefghijkl\x07\0\0\x04\0\0\0\0")]),
        ("rx", &[(Client, b"\xd1\x23\x45\x67\x89\xab\xcd\xe0\0\0\0\x07\0\0\0\x01\0\0\0\x03\x01\x05\0\0\0\0\0\x34\0\0\x02\x01")]),
        ("tivoconnect", &[(Client, b"tivoconnect=1\nmethod=broadcast\n")]),
        ("xdmcp", &[(Client, b"\0\x01\0\x02\0\x01\0")]),
    ];
    for (name, sides) in openings {
        assert_eq!(named(Transport::UDP, sides), *name, "{sides:?}");
    }
}
