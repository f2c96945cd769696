//! SMTP (RFC 5321), POP3 (RFC 1939), IMAP (RFC 9051).

use super::*;

pub(super) const GRAMMARS: &[Grammar] = &[
    Grammar::tcp(Protocol::Smtp, smtp),
    Grammar::tcp(Protocol::Pop3, pop3),
    Grammar::tcp(Protocol::Imap, imap),
];

fn smtp(rng: &mut Rng) -> Turns {
    let name = host(rng);
    let greeting = match rng.range(0, 5) {
        0 => format!("220 {name}\r\n"),
        1 => format!("220-{name} ESMTP\r\n220-No mail from strangers.\r\n220 {}\r\n", sentence(rng)),
        2 => format!("220 {name} {} ready at Thu, 1 Feb 2024 10:00:00 +0000\r\n", sentence(rng)),
        _ => format!(
            "220 {name} ESMTP {}\r\n",
            rng.pick(&["Postfix", "Exim 4.96", "Sendmail 8.17.1/8.17.1", ""])
        ),
    };
    if rng.one_in(15) {
        return vec![says(Server, format!("554 {name} no service\r\n"))];
    }
    let mut turns = vec![says(Server, greeting)];
    let hello = rng.pick(&["EHLO", "HELO", "ehlo"]);
    turns.push(says(Client, format!("{hello} {}\r\n", host(rng))));
    if hello == "HELO" {
        turns.push(says(Server, format!("250 {name}\r\n")));
    } else {
        turns.push(says(Server, format!("250-{name} at your service\r\n250-PIPELINING\r\n250-SIZE {}\r\n250-STARTTLS\r\n250-AUTH LOGIN PLAIN\r\n250 8BITMIME\r\n", rng.u32())));
    }
    match rng.range(0, 3) {
        0 => {
            turns.push(says(Client, "STARTTLS\r\n"));
            turns.push(says(Server, "220 2.0.0 Ready to start TLS\r\n"));
            let hello = tls::client_hello(rng, 4);
            turns.push(says(Client, tls::record(22, 0x0301, hello)));
        }
        1 => {
            turns.push(says(Client, "AUTH LOGIN\r\n"));
            turns.push(says(Server, "334 VXNlcm5hbWU6\r\n"));
            turns.push(says(Client, "dGVzdA==\r\n"));
            turns.push(says(Server, "334 UGFzc3dvcmQ6\r\n"));
            turns.push(says(Client, "c2VjcmV0\r\n"));
            turns.push(says(Server, "235 2.7.0 Authentication successful\r\n"));
        }
        _ => {
            turns.push(says(
                Client,
                format!("MAIL FROM:<{}@{}> SIZE={}\r\n", rng.word(), host(rng), rng.u16()),
            ));
            turns.push(says(Server, "250 2.1.0 Ok\r\n"));
            turns.push(says(Client, format!("RCPT TO:<{}@{}>\r\n", rng.word(), host(rng))));
            turns.push(says(
                Server,
                rng.pick(&["250 2.1.5 Ok\r\n", "450 4.7.1 Greylisted\r\n", "550 5.1.1 unknown user\r\n"]),
            ));
            turns.push(says(Client, "DATA\r\n"));
            turns.push(says(Server, "354 End data with <CR><LF>.<CR><LF>\r\n"));
            let lines: String = (0..rng.range(1, 30)).map(|_| sentence(rng) + "\r\n").collect();
            turns
                .push(says(Client, format!("From: <a@b>\r\nSubject: {}\r\n\r\n{lines}.\r\n", sentence(rng))));
            turns.push(says(Server, "250 2.0.0 Ok: queued as 12345\r\n"));
        }
    }
    turns.push(says(Client, "QUIT\r\n"));
    turns.push(says(Server, "221 2.0.0 Bye\r\n"));
    // STARTTLS ends what can be read.
    if let Some(at) = turns.iter().position(|(_, said)| said.starts_with(b"\x16\x03")) {
        turns.truncate(at + 1);
    }
    turns
}

fn pop3(rng: &mut Rng) -> Turns {
    let greeting = match rng.range(0, 3) {
        0 => "+OK\r\n".to_owned(),
        1 => format!("+OK POP3 server ready <{}.{}@{}>\r\n", rng.u16(), rng.u32(), host(rng)),
        2 => format!("+OK {} ready.\r\n", sentence(rng)),
        _ => "+OK Dovecot ready.\r\n".to_owned(),
    };
    let mut turns = vec![says(Server, greeting)];
    if rng.one_in(2) {
        turns.push(says(Client, "CAPA\r\n"));
        turns.push(says(Server, "+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nSTLS\r\nUSER\r\nSASL PLAIN\r\n.\r\n"));
    }
    turns.push(says(Client, format!("USER {}\r\n", rng.word())));
    turns.push(says(Server, "+OK\r\n"));
    turns.push(says(Client, format!("PASS {}\r\n", rng.word())));
    if rng.one_in(4) {
        turns.push(says(Server, "-ERR [AUTH] Authentication failed.\r\n"));
        return turns;
    }
    turns.push(says(Server, format!("+OK {} messages\r\n", rng.byte())));
    turns.push(says(Client, "LIST\r\n"));
    turns.push(says(Server, "+OK 2 messages:\r\n1 1205\r\n2 305\r\n.\r\n"));
    turns
}

fn imap(rng: &mut Rng) -> Turns {
    let greeting = match rng.range(0, 3) {
        0 => "* OK IMAP4rev1 Service Ready\r\n".to_owned(),
        1 => "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID STARTTLS AUTH=PLAIN] Dovecot ready.\r\n"
            .to_owned(),
        2 => format!("* PREAUTH {}\r\n", sentence(rng)),
        _ => format!("* OK {}\r\n", sentence(rng)),
    };
    let mut turns = vec![says(Server, greeting)];
    for number in 1..rng.range(2, 5) {
        let tag = match rng.range(0, 2) {
            0 => format!("a{number}"),
            1 => format!("A{number:04}"),
            _ => format!("{number}"),
        };
        let (command, answer) = match rng.range(0, 3) {
            0 => ("CAPABILITY".to_owned(), "* CAPABILITY IMAP4rev1 STARTTLS\r\n"),
            1 => (format!("LOGIN {} {}", rng.word(), rng.word()), ""),
            2 => ("SELECT INBOX".to_owned(), "* 172 EXISTS\r\n* FLAGS (\\Answered \\Seen)\r\n"),
            _ => ("NOOP".to_owned(), ""),
        };
        turns.push(says(Client, format!("{tag} {command}\r\n")));
        turns.push(says(Server, format!("{answer}{tag} OK {} completed\r\n", rng.word())));
    }
    turns
}
