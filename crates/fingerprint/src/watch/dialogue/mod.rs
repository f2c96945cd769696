//! Dialogues of lines: commands and replies of SMTP, FTP, POP3 and IMAP.
//!
//! RFC 5321 (SMTP; RFC 2033, LMTP; RFC 3030, BDAT; RFC 4954, AUTH), RFC 959 (FTP; RFC 4217, TLS), RFC 1939 (POP3; RFC 5034, AUTH), RFC 9051
//! (IMAP). Clients send commands, servers replies, and people and scripts send what servers refuse: a line is held
//! against a side if it is no text, and lines without the form of a command or reply if there are several. What is a message's
//! content is passed over. Whichever side goes on with TLS is held to its rules from there on.
//!
//! Whether commands come in their order is the server's to say: SMTP servers need no `EHLO` before `MAIL` by default
//! (Postfix, Sendmail), and refuse what they do need. A server that goes on all the same is none.

mod passed;
mod words;

use passed::{behind_literal, content, line_end};
use words::{
    begins_command, begins_tls, code, ends_challenge, leaves_lines, literal, number, tagged, verb,
    without_telnet,
};

use super::data_port::DataPort;
use super::line::Line;
use super::tls::Tls;
use super::{Breach, Other, Step, is_junk};
use crate::exchange::Speaker;

/// Lines without form that make a breach: typing errors, stray lines of scripts, answers to a challenge that was not seen.
const ODD: u8 = 3;

/// The least that the header of a message takes, nearly always: trace and originator fields (RFC 5322, section 3.6).
const HEADER: usize = 64;

/// Whose dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Smtp,
    Ftp,
    Pop3,
    Imap,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialogue {
    service: Service,
    client: Side,
    server: Side,
    tls: Tls,
    /// The client answers challenges, in lines of base64.
    challenged: bool,
    /// SMTP: a recipient was named, or what was named is not sure. FTP: the client has said who it is.
    prepared: bool,
    /// The client asked for what needs that, without it.
    unprepared: bool,
    /// SMTP: the server asks for the message all the same.
    agreed: bool,
    /// SMTP: something was refused since the client asked to send a message.
    refused: bool,
    /// The code of a reply whose last line is to come; 0: none.
    open_reply: u16,
    /// FTP: the data port that was named last, until it is taken. A later one takes the place of an earlier one.
    data_port: Option<DataPort>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Side {
    at: At,
    /// Lines without the form of a command or reply.
    odd: u8,
}

/// What stands next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Line,
    /// The rest of a long line.
    LineEnd,
    /// The rest of a line that a literal has interrupted (RFC 9051, section 4.3).
    BehindLiteral,
    /// A message, of which nothing was read.
    Content,
    /// In a message.
    InContent,
    Tls,
    /// Anything.
    Rest,
}

impl Dialogue {
    pub(super) fn of(service: Service) -> Self {
        Self {
            service,
            client: Side::default(),
            server: Side::default(),
            tls: Tls::default(),
            challenged: false,
            prepared: false,
            unprepared: false,
            agreed: false,
            refused: false,
            open_reply: 0,
            data_port: None,
        }
    }

    pub(super) const fn names_data_ports(&self) -> bool {
        matches!(self.service, Service::Ftp)
    }

    pub(super) const fn take_data_port(&mut self) -> Option<DataPort> {
        self.data_port.take()
    }

    pub(super) fn read(&mut self, speaker: Speaker, other: Other, head: &[u8]) -> Step {
        let (command, reply) = self.service.breaches();
        let (side, breach) = match speaker {
            Speaker::Client => (&mut self.client, command),
            Speaker::Server => (&mut self.server, reply),
        };
        match side.at {
            At::Line => match begins_tls(head) {
                Some(true) => {
                    side.at = At::Tls;
                    self.tls(speaker, other, head)
                }
                None => Step::More,
                Some(false) => self.line(speaker, head, breach),
            },
            At::LineEnd => line_end(self.service, side, head, breach),
            At::BehindLiteral => behind_literal(side, head, breach),
            At::Content if self.refused && begins_command(head) => {
                side.at = At::Line;
                self.line(speaker, head, breach)
            }
            At::Content if self.agreed => Step::Broken(Breach::SmtpOrder),
            At::Content if is_junk(&head[..head.len().min(HEADER)]) => Step::Broken(Breach::SmtpContent),
            At::Content | At::InContent => content(side, head),
            At::Tls => self.tls(speaker, other, head),
            At::Rest => Step::Took(head.len() as u64),
        }
    }

    fn tls(&mut self, speaker: Speaker, other: Other, head: &[u8]) -> Step {
        match self.tls.read(speaker, other, head) {
            // FTP's CCC ends TLS (RFC 4217, section 12.3).
            Step::Broken(Breach::TlsRecord) if self.service == Service::Ftp && !is_junk(head) => Step::Enough,
            step => step,
        }
    }

    fn line(&mut self, speaker: Speaker, head: &[u8], breach: Breach) -> Step {
        let line = match Line::of(head, breach) {
            Ok(line) => line,
            Err(step) => return step,
        };
        let side = match speaker {
            Speaker::Client => &mut self.client,
            Speaker::Server => &mut self.server,
        };
        side.at = if line.ended { At::Line } else { At::LineEnd };
        let text = line.bytes;
        if text.trim_ascii().is_empty() {
            return Step::Took(line.length);
        }
        let has_form = match speaker {
            Speaker::Client => self.command(text),
            Speaker::Server => match self.reply(text) {
                Ok(has_form) => has_form,
                Err(breach) => return Step::Broken(breach),
            },
        };
        let side = match speaker {
            Speaker::Client => &mut self.client,
            Speaker::Server => &mut self.server,
        };
        side.odd += u8::from(!has_form);
        if side.odd >= ODD {
            return Step::Broken(breach);
        }
        match self.service {
            _ if speaker == Speaker::Client && leaves_lines(text) => return Step::Enough,
            Service::Ftp if line.ended => self.data_port = self.named(speaker, text).or(self.data_port),
            Service::Imap if line.ended => {
                if let Some(length) = literal(text) {
                    side.at = At::BehindLiteral;
                    return Step::Took(line.length.saturating_add(length));
                }
            }
            Service::Smtp if speaker == Speaker::Client => {
                let chunk = verb(text).filter(|verb| verb.eq_ignore_ascii_case(b"BDAT")).and(number(text));
                return Step::Took(line.length.saturating_add(chunk.unwrap_or(0)));
            }
            _ => {}
        }
        Step::Took(line.length)
    }

    /// The data port that a line of FTP names, which has been read.
    fn named(&self, speaker: Speaker, line: &[u8]) -> Option<DataPort> {
        match speaker {
            Speaker::Client => DataPort::of_command(without_telnet(line)),
            Speaker::Server if self.open_reply == 0 => DataPort::of_reply(line),
            Speaker::Server => None,
        }
    }

    /// Whether a client's line has the form of a command, or is an answer to a challenge.
    fn command(&mut self, line: &[u8]) -> bool {
        if self.challenged && !ends_challenge(line) {
            return true;
        }
        let verb = match self.service {
            Service::Imap => tagged(line)
                .and_then(verb)
                .or_else(|| verb(line).filter(|verb| verb.eq_ignore_ascii_case(b"DONE"))),
            Service::Ftp => verb(without_telnet(line)),
            Service::Smtp | Service::Pop3 => verb(line),
        };
        let Some(verb) = verb else { return self.challenged };
        self.challenged = false;
        let is = |words: &[&[u8]]| words.iter().any(|word| word.eq_ignore_ascii_case(verb));
        match self.service {
            Service::Smtp if is(&[b"DATA"]) => {
                self.unprepared = !self.prepared;
                // Where a message ends can be mistaken from here on.
                self.prepared = true;
                self.refused = false;
                self.client.at = At::Content;
            }
            Service::Smtp if is(&[b"RCPT"]) => self.prepared = true,
            Service::Smtp | Service::Pop3 if is(&[b"AUTH"]) => self.challenged = true,
            Service::Ftp if is(&[b"USER", b"AUTH", b"REIN"]) => self.prepared = true,
            Service::Ftp if is(&[b"RETR", b"STOR", b"STOU", b"APPE", b"LIST", b"NLST", b"MLSD"]) => {
                self.unprepared = !self.prepared;
            }
            // The answer is any text, and mail is no text always.
            Service::Pop3 if is(&[b"RETR", b"TOP"]) => self.server.at = At::Rest,
            Service::Imap if is(&[b"AUTHENTICATE"]) => self.challenged = true,
            _ => {}
        }
        true
    }

    /// Whether a server's line has the form of a reply, or is of one of several lines.
    fn reply(&mut self, line: &[u8]) -> Result<bool, Breach> {
        match self.service {
            Service::Smtp | Service::Ftp => self.numbered(line),
            Service::Pop3 => {
                let is_status = |status: &[u8]| {
                    line.get(..status.len()).is_some_and(|head| head.eq_ignore_ascii_case(status))
                };
                let ends = is_status(b"+OK") || is_status(b"-ERR");
                self.challenged &= !ends;
                // A list of any lines follows the one that says so.
                let follows = std::mem::replace(&mut self.open_reply, 1) != 0;
                Ok(ends || follows || line.starts_with(b"+"))
            }
            Service::Imap => {
                let status = tagged(line).and_then(verb);
                let is_status = |status: &[u8]| {
                    [&b"OK"[..], b"NO", b"BAD"].iter().any(|word| word.eq_ignore_ascii_case(status))
                };
                let ends = status.is_some_and(is_status);
                self.challenged &= !ends;
                Ok(ends || line.starts_with(b"* ") || line.starts_with(b"+"))
            }
        }
    }

    fn numbered(&mut self, line: &[u8]) -> Result<bool, Breach> {
        let code = code(line);
        let goes_on = line.get(3) == Some(&b'-');
        if self.open_reply != 0 {
            if code == Some(self.open_reply) && !goes_on {
                self.open_reply = 0;
            }
            // FTP: whatever stands between is text (RFC 959, section 4.2).
            return Ok(true);
        }
        let Some(code) = code else { return Ok(false) };
        if goes_on {
            self.open_reply = code;
            return Ok(true);
        }
        self.challenged &= code == 334;
        self.refused |= code >= 400;
        self.agreed |= self.unprepared && code == 354;
        match (self.service, code) {
            (Service::Ftp, 125 | 150) if self.unprepared => Err(Breach::FtpOrder),
            _ => Ok(true),
        }
    }
}

impl Service {
    /// What a line of the client is to be none, and of the server.
    const fn breaches(self) -> (Breach, Breach) {
        match self {
            Self::Smtp => (Breach::SmtpCommand, Breach::SmtpReply),
            Self::Ftp => (Breach::FtpCommand, Breach::FtpReply),
            Self::Pop3 => (Breach::Pop3Command, Breach::Pop3Reply),
            Self::Imap => (Breach::ImapCommand, Breach::ImapReply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{breaks, holds};
    use super::*;
    use crate::exchange::Speaker::{Client, Server};
    use crate::name::Protocol;
    use crate::name::Protocol::{Ftp, Imap, Pop3, Smtp};
    use crate::talk::Noise;

    type Parts = &'static [(Speaker, &'static [u8])];

    fn said(parts: &[(Speaker, &[u8])]) -> Vec<(Speaker, Vec<u8>)> {
        parts.iter().map(|(speaker, bytes)| (*speaker, bytes.to_vec())).collect()
    }

    /// The first lines of a dialogue, and what may follow.
    fn after(parts: &[(Speaker, &[u8])], next: (Speaker, &[u8])) -> Vec<(Speaker, Vec<u8>)> {
        [said(parts), said(&[next])].concat()
    }

    const MAIL: Parts = &[
        (Server, b"220-mx.example.org ESMTP\r\n220 no spam\r\n"),
        (Client, b"EHLO a.example\r\n"),
        (Server, b"250-mx.example.org\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 STARTTLS\r\n"),
    ];
    const FILES: Parts = &[
        (Server, b"220-Welcome\r\n  to the files\r\n220 of example.org\r\n"),
        (Client, b"USER anonymous\r\n"),
        (Server, b"331 Password?\r\n"),
        (Client, b"PASS a@\xc3\xa9.example\r\n"),
        (Server, b"230 Hello\r\n"),
    ];

    /// A TLS session: hellos, and data that a cipher made.
    fn tls() -> Vec<(Speaker, Vec<u8>)> {
        let record = |content: u8, body: &[u8]| {
            [&[content, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
        };
        let hello = |kind: u8| {
            let body = [&[3, 3][..], &Noise::new(5).bytes(32), &[0, 0x13, 1, 0, 0, 0]].concat();
            record(22, &[&[kind, 0, 0, body.len() as u8][..], &body].concat())
        };
        let sealed = record(23, &Noise::new(6).bytes(900));
        vec![(Client, hello(1)), (Server, hello(2)), (Server, sealed.clone()), (Client, sealed)]
    }

    #[test]
    fn mail_is_handed_over_in_all_ways() {
        let binary = Noise::new(1).bytes(600);
        let chunk = [b"BDAT 600\r\n", &binary[..], b"BDAT 5 LAST\r\nend\r\n"].concat();
        let letter = [
            b"Received: from a\r\nSubject: b\r\n\r\n..\r\n.a\r\nQUIT\n.\n".as_slice(),
            &binary,
            b"\r\n.\r\nQUIT\r\n",
        ]
        .concat();
        let mut dialogue = said(MAIL);
        dialogue.extend(said(&[
            (Client, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
            (Server, b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n"),
            (Client, &letter),
            (Server, b"250 2.0.0 queued\r\n221 2.0.0 Bye\r\n"),
        ]));
        holds(Smtp, &dialogue);
        let mut dialogue = said(MAIL);
        dialogue.extend(said(&[
            (Client, b"MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n"),
            (Server, b"250 ok\r\n250 ok\r\n"),
            (Client, &chunk),
            (Server, b"250 ok\r\n250 ok\r\n"),
            (Client, b"DATA\r\n"),
            (Server, b"503 no recipients\r\n"),
            (Client, b"RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
            (Server, b"250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n"),
            (Client, b"Help, with no header\r\n17;a\r\n18;b\r\n19;c\r\n.\r\nQUIT\r\n"),
        ]));
        holds(Smtp, &dialogue);
        dialogue.truncate(MAIL.len() + 6);
        dialogue.push((Client, [b"RSET\r\n".as_slice(), &b"17;a\r\n".repeat(3)].concat()));
        breaks(Smtp, &dialogue, Breach::SmtpCommand);
    }

    #[test]
    fn an_empty_message_and_the_next() {
        let mut dialogue = said(MAIL);
        dialogue.extend(said(&[
            (Client, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
            (Server, b"250 Ok\r\n250 Ok\r\n354 go\r\n"),
            (Client, b".\r\n"),
        ]));
        let raw = Noise::new(2).bytes(300);
        breaks(Smtp, &[dialogue.clone(), vec![(Client, raw)]].concat(), Breach::SmtpCommand);
        dialogue.extend(said(&[(Server, b"250 ok\r\n"), (Client, b"RSET\r\n")]));
        holds(Smtp, &dialogue);
    }

    #[test]
    fn secrets_are_lines_of_any_text() {
        let secret = b"dXNlcm5hbWU=\r\n";
        let mut dialogue = said(MAIL);
        dialogue.push((Client, b"AUTH LOGIN\r\n".to_vec()));
        for _ in 0..5 {
            dialogue.extend(said(&[(Server, b"334 VXNlcm5hbWU6\r\n"), (Client, secret)]));
        }
        dialogue.extend(said(&[(Server, b"235 in\r\n"), (Client, b"MAIL FROM:<a@b>\r\n")]));
        holds(Smtp, &dialogue);
        dialogue.push((Client, secret.repeat(3)));
        breaks(Smtp, &dialogue, Breach::SmtpCommand);
    }

    #[test]
    fn what_goes_on_with_tls_is_held_to_its_rules() {
        let ask: [(Protocol, Parts, &[u8], &[u8]); 4] = [
            (Smtp, MAIL, b"STARTTLS\r\n", b"220 Go ahead\r\n"),
            (Ftp, &FILES[..1], b"AUTH TLS\r\n", b"234 Go ahead\r\n"),
            (Pop3, &[(Server, b"+OK hello\r\n")], b"STLS\r\n", b"+OK begin\r\n"),
            (Imap, &[(Server, b"* OK hello\r\n")], b"a1 STARTTLS\r\n", b"a1 OK begin\r\n"),
        ];
        for (protocol, beginning, command, answer) in ask {
            let mut dialogue = said(beginning);
            dialogue.extend(said(&[(Client, command), (Server, answer)]));
            let mut secure = dialogue.clone();
            secure.extend(tls());
            holds(protocol, &secure);
            secure.truncate(dialogue.len() + 2);
            secure.push((Client, b"id,name,card\n".repeat(30)));
            if protocol != Ftp {
                breaks(protocol, &secure, Breach::TlsRecord);
            }
            secure.pop();
            secure.push((Client, Noise::new(3).bytes(400)));
            breaks(protocol, &secure, Breach::TlsRecord);
        }
    }

    #[test]
    fn files_are_listed_and_fetched() {
        let mut dialogue = said(FILES);
        dialogue.extend(said(&[
            (Client, b"PASV\r\n"),
            (Server, b"227 Entering Passive Mode (192,0,2,1,4,1)\r\n"),
            (Client, b"LIST\r\n"),
            (Server, b"150 Here it comes\r\n226 Done\r\n"),
            (Client, b"\xff\xf4\xff\xf2ABOR\r\n"),
            (Server, b"211-Features:\r\n EPRT\r\n UTF8\r\n211 End\r\n"),
        ]));
        holds(Ftp, &dialogue);
    }

    #[test]
    fn lines_of_the_other_mail_protocols() {
        let letter = [b"+OK 900 octets\r\n".as_slice(), &Noise::new(4).bytes(900), b"\r\n.\r\n"].concat();
        holds(
            Pop3,
            &said(&[
                (Server, b"+OK ready <1@b>\r\n"),
                (Client, b"CAPA\r\n"),
                (Server, b"+OK\r\nUSER\r\nSASL PLAIN\r\nX\r\n.\r\n"),
                (Client, b"AUTH PLAIN\r\n"),
                (Server, b"+ \r\n"),
                (Client, b"AGFsaWNlAHNlY3JldA==\r\n"),
                (Server, b"+OK in\r\n"),
                (Client, b"RETR 1\r\n"),
                (Server, &letter),
            ]),
        );
        let literal = Noise::new(5).bytes(700);
        let long = [b"* 1 FETCH (X \"".as_slice(), &[b'x'; 150], b"\" BODY[] {700}\r\n"].concat();
        let longer = [&long, &literal[..], b" UID 7)\r\n"].concat().repeat(4);
        let fetched = [b"* 1 FETCH (BODY[] {700}\r\n", &literal[..], b" UID 7)\r\na3 OK done\r\n"].concat();
        holds(
            Imap,
            &said(&[
                (Server, b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
                (Client, b"a1 LOGIN {5}\r\n"),
                (Server, b"+ go on\r\n"),
                (Client, b"alice {6}\r\nsecret\r\n"),
                (Server, b"a1 OK in\r\n"),
                (Client, b"a2 IDLE\r\n"),
                (Server, b"+ idling\r\n* 3 EXISTS\r\n"),
                (Client, b"DONE\r\n"),
                (Server, b"a2 OK\r\n"),
                (Client, b"a3 UID FETCH 7 (BODY[])\r\n"),
                (Server, &longer),
                (Server, &fetched),
                (Client, b"a4 COMPRESS DEFLATE\r\n"),
                (Client, &Noise::new(6).bytes(500)),
            ]),
        );
    }

    #[test]
    fn a_literal_is_passed_over_however_its_length_is_cut() {
        let long = [b"* 1 FETCH (X \"".as_slice(), &[b'x'; 100], b"\" BODY[] {400}\r\n"].concat();
        let table = b"17;someone\r\n".repeat(40);
        let fetched = [&long, &table[..400], b")\r\na1 OK\r\n"].concat();
        for at in 97..=long.len() {
            let parts = [&fetched[..at], &fetched[at..]];
            let mut dialogue = said(&[(Server, b"* OK hello\r\n")]);
            dialogue.extend(
                parts.into_iter().flat_map(|part| part.chunks(90)).map(|part| (Server, part.to_vec())),
            );
            let heard = super::super::tests::watch(Imap, &dialogue, 9_000);
            assert_eq!(heard, super::super::Heard::GoOn, "{at}");
        }
    }

    #[test]
    fn raw_data_from_either_side() {
        let raw = Noise::new(7).bytes(500);
        let table = b"17;someone;4111 1111\r\n".repeat(30);
        let cases: [(Protocol, Parts, Breach, Breach); 4] = [
            (Smtp, MAIL, Breach::SmtpCommand, Breach::SmtpReply),
            (Ftp, FILES, Breach::FtpCommand, Breach::FtpReply),
            (Pop3, &[(Server, b"+OK hello\r\n")], Breach::Pop3Command, Breach::Pop3Reply),
            (Imap, &[(Server, b"* OK hello\r\n")], Breach::ImapCommand, Breach::ImapReply),
        ];
        for (protocol, beginning, command, reply) in cases {
            breaks(protocol, &after(beginning, (Client, &raw)), command);
            breaks(protocol, &after(beginning, (Server, &raw)), reply);
            breaks(protocol, &after(beginning, (Client, &table)), command);
            if protocol != Pop3 {
                breaks(protocol, &after(beginning, (Server, &table)), reply);
            }
        }
    }

    #[test]
    fn raw_data_for_a_message() {
        let mut dialogue = said(MAIL);
        dialogue.extend(said(&[(Client, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")]));
        dialogue.push((Client, Noise::new(8).bytes(500)));
        breaks(Smtp, &dialogue, Breach::SmtpContent);
    }

    #[test]
    fn servers_that_go_on_where_none_would() {
        let mut dialogue = said(MAIL);
        dialogue.extend(said(&[(Client, b"DATA\r\n"), (Server, b"354 go\r\n")]));
        holds(Smtp, &dialogue);
        dialogue.push((Client, b"Subject: a\r\n\r\nb\r\n.\r\n".to_vec()));
        breaks(Smtp, &dialogue, Breach::SmtpOrder);
        let dialogue = after(&FILES[..1], (Client, b"STOR x\r\n"));
        holds(Ftp, &[dialogue.clone(), said(&[(Server, b"530 Log in first\r\n")])].concat());
        breaks(Ftp, &[dialogue, said(&[(Server, b"150 Go\r\n")])].concat(), Breach::FtpOrder);
    }

    #[test]
    fn a_few_lines_without_form_are_forgiven() {
        let table = b"17;someone\r\n";
        let mut dialogue = said(MAIL);
        dialogue.push((Client, table.repeat(2)));
        holds(Smtp, &dialogue);
        dialogue.push((Client, table.to_vec()));
        breaks(Smtp, &dialogue, Breach::SmtpCommand);
    }
}
