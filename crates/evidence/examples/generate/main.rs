//! Makes flow records up: a store as several sensors would leave it, for measurements and tests.
//!
//! ```text
//! cargo run --release -p offport-evidence --example generate -- FOLDER [--records N] [--sensors S] [--days D]
//!                                                               [--first YYYY-MM-DD] [--seed N]
//!
//!   FOLDER      becomes the store: records in FOLDER/flows, as below store.path; what is there already stays
//!   --records   how many in all, exactly; 1000000. Also 10M, 500k
//!   --sensors   who saw them: tap-1, tap-2, …; 3
//!   --days      from --first on, midnight to midnight UTC; 8
//!   --first     the first day; 2026-11-20
//!   --seed      another seed makes other records; 1
//! ```
//!
//! The same arguments make the same files, byte by byte. Some 200 bytes of memory go to each record of the busiest hour of a sensor.
//!
//! `offport summary 10.0.0.2 --store FOLDER --since 2026-11-20T00:00Z --until 2026-11-28T00:00Z` reads it: hosts are 10.0.0.1, 10.0.0.2,
//! 198.18.0.3, 2001:db8::4 and so on, busiest first. So does whatever reads Parquet.

#![allow(clippy::print_stdout, reason = "says what it made")]

mod made_up;

use std::path::PathBuf;
use std::time::Instant;

use made_up::Plan;

type Problem = Box<dyn std::error::Error>;

fn main() -> Result<(), Problem> {
    let mut folder = None;
    let mut plan = Plan::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--records" => plan.records = number(&value()?)?,
            "--sensors" => plan.sensors = number(&value()?)?.try_into()?,
            "--days" => plan.days = number(&value()?)?.try_into()?,
            "--first" => plan.first = value()?.parse()?,
            "--seed" => plan.seed = number(&value()?)?,
            option if option.starts_with('-') => return Err(format!("unknown option {option}").into()),
            path if folder.is_none() => folder = Some(PathBuf::from(path)),
            more => return Err(format!("one folder, not also {more}").into()),
        }
    }
    let folder = folder.ok_or("where to? generate FOLDER [--records N]; its source says more")?;
    let begun = Instant::now();
    let made = plan.write(&folder.join("flows"))?;
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} records in {} files, {:.1} MB, {seconds:.1} s: {:.0} records/s",
        made.records,
        made.files,
        made.bytes as f64 / 1e6,
        made.records as f64 / seconds
    );
    Ok(())
}

/// `1000`, `500k`, `10M`.
fn number(text: &str) -> Result<u64, Problem> {
    let (digits, times) = match text.as_bytes().last() {
        Some(b'k') => (&text[..text.len() - 1], 1_000),
        Some(b'M') => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    digits.parse::<u64>()?.checked_mul(times).ok_or_else(|| format!("{text} is too many").into())
}
