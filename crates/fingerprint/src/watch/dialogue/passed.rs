//! What is passed over between lines: ends of long ones, literals, messages.

use memchr::{memchr, memmem, memrchr};

use super::words::literal;
use super::{At, Service, Side};
use crate::watch::line::Line;
use crate::watch::{Breach, Step, is_junk};

/// What announces a literal, with the line end: `{4294967295+}`.
const LITERAL: usize = 16;

pub(super) fn line_end(service: Service, side: &mut Side, head: &[u8], breach: Breach) -> Step {
    let end = memchr(b'\n', head);
    let line = &head[..end.unwrap_or(head.len())];
    if is_junk(line) {
        return Step::Broken(breach);
    }
    let has_literals = service == Service::Imap;
    let Some(end) = end else {
        // What may be a literal's length is left for the line's end.
        let kept = memrchr(b'{', line).map_or(0, |at| line.len() - at);
        return match line.len() - if has_literals && kept <= LITERAL { kept } else { 0 } {
            0 => Step::More,
            taken => Step::Took(taken as u64),
        };
    };
    let length = literal(line.strip_suffix(b"\r").unwrap_or(line)).filter(|_| has_literals);
    side.at = if length.is_some() { At::BehindLiteral } else { At::Line };
    Step::Took((end as u64 + 1).saturating_add(length.unwrap_or(0)))
}

/// What follows a literal: the line's end, or more of it, with another literal maybe.
pub(super) fn behind_literal(side: &mut Side, head: &[u8], breach: Breach) -> Step {
    let line = match Line::of(head, breach) {
        Ok(line) => line,
        Err(step) => return step,
    };
    let more = literal(line.bytes).filter(|_| line.ended);
    side.at = match (line.ended, more) {
        (true, None) => At::Line,
        (true, Some(_)) => At::BehindLiteral,
        (false, _) => At::LineEnd,
    };
    Step::Took(line.length.saturating_add(more.unwrap_or(0)))
}

/// Looks for the line that ends a message: a dot (RFC 5321, section 4.1.1.4). Only with CR LF is it one for all servers.
pub(super) fn content(side: &mut Side, head: &[u8]) -> Step {
    const END: &[u8] = b"\r\n.\r\n";
    // An empty message: the line end before the dot is that of DATA.
    let empty = &END[2..];
    if side.at == At::Content && empty.starts_with(&head[..head.len().min(empty.len())]) {
        if head.len() < empty.len() {
            return Step::More;
        }
        side.at = At::Line;
        return Step::Took(empty.len() as u64);
    }
    side.at = At::InContent;
    if let Some(end) = memmem::find(head, END) {
        side.at = At::Line;
        return Step::Took((end + END.len()) as u64);
    }
    let partial = (1..END.len()).rev().find(|&length| head.ends_with(&END[..length])).unwrap_or(0);
    match head.len() - partial {
        0 => Step::More,
        taken => Step::Took(taken as u64),
    }
}
