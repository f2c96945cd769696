//! What a line of a dialogue says: verbs, tags, codes, lengths.

use memchr::memchr;

/// Whether a TLS record stands here that a side can begin with: a handshake, or an alert. `None`: that is still open.
pub(super) fn begins_tls(head: &[u8]) -> Option<bool> {
    match *head {
        [0x15 | 0x16, 3, 0..=4, ..] => Some(true),
        [0x15 | 0x16] | [0x15 | 0x16, 3] => None,
        _ => Some(false),
    }
}

/// Whether commands go on here, where a message could begin: none was let in.
pub(super) fn begins_command(head: &[u8]) -> bool {
    let line = &head[..memchr(b'\n', head).unwrap_or(head.len())];
    let words: [&[u8]; 8] = [b"RSET", b"QUIT", b"NOOP", b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA"];
    verb(line.trim_ascii_end()).is_some_and(|verb| words.iter().any(|word| word.eq_ignore_ascii_case(verb)))
}

/// The word that a line begins with, if it can be a command: letters, and what extensions put between or behind them.
pub(super) fn verb(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|&byte| byte == b' ' || byte == b'\t').unwrap_or(line.len());
    let word = &line[..end];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = (2..=16).contains(&end) && word[0].is_ascii_alphabetic() && word.iter().all(is_word);
    fits.then_some(word)
}

/// What follows an IMAP tag (RFC 9051, section 9: any characters but few).
pub(super) fn tagged(line: &[u8]) -> Option<&[u8]> {
    let end = memchr(b' ', line)?;
    let is_tag = |byte: &u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+')
    };
    let fits = (1..=32).contains(&end) && line[..end].iter().all(is_tag);
    fits.then(|| &line[end + 1..])
}

/// The code that a reply's line begins with (RFC 5321, section 4.2; RFC 959, section 4.2; RFC 2228, section 5: up to 6yz).
pub(super) fn code(line: &[u8]) -> Option<u16> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    let fits = matches!(digits[0], b'1'..=b'6')
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(rest.first(), None | Some(b' ' | b'-' | b'\t'));
    fits.then(|| digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

/// A number behind the first word.
pub(super) fn number(line: &[u8]) -> Option<u64> {
    let word = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).nth(1)?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The length of the literal that a line announces at its end: `{310}`, `{310+}`, `~{310}` (RFC 9051, section 9; RFC 7888).
pub(super) fn literal(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}")?;
    let start = inner.iter().rposition(|&byte| byte == b'{')? + 1;
    let digits = inner[start..].strip_suffix(b"+").or_else(|| inner[start..].strip_suffix(b"-"));
    std::str::from_utf8(digits.unwrap_or(&inner[start..])).ok()?.parse().ok()
}

/// Whether a client goes on in commands here, though the reply that ends its challenge was not seen yet: answers are base64
/// (RFC 4954, section 4), which has no space, and a word like DATA would be an answer of three bytes that are no text.
pub(super) fn ends_challenge(line: &[u8]) -> bool {
    memchr(b' ', line).is_some()
        || [&b"DATA"[..], b"QUIT", b"RSET"].iter().any(|word| word.eq_ignore_ascii_case(line))
}

/// A command that what is no line may follow: compression (RFC 4978), the security layers of SASL (RFC 4752, RFC 2831),
/// Exchange's blobs.
pub(super) fn leaves_lines(line: &[u8]) -> bool {
    let words = || line.split(|&byte| byte == b' ').take(3);
    let has = |names: &[&[u8]]| words().any(|word| names.iter().any(|name| name.eq_ignore_ascii_case(word)));
    has(&[b"COMPRESS", b"XEXCH50"])
        || has(&[b"AUTH", b"AUTHENTICATE"]) && has(&[b"GSSAPI", b"KERBEROS_V4", b"DIGEST-MD5"])
}

/// Without Telnet's commands that stand before ABOR and STAT (RFC 959, section 4.1.3).
pub(super) fn without_telnet(mut line: &[u8]) -> &[u8] {
    while let [0xff | 0xf2 | 0xf4, rest @ ..] = line {
        line = rest;
    }
    line
}
