//! "Did you mean": the name that was probably meant.

/// The closest of `names` by edits (transpositions count once), if it is close enough to be a slip of the pen, or the
/// only one that `given` abbreviates.
pub(crate) fn nearest<'n>(given: &str, names: impl IntoIterator<Item = &'n str> + Clone) -> Option<&'n str> {
    let given = given.to_ascii_lowercase().replace('-', "_");
    let plain = |name: &str| name.replace('-', "_");
    let allowed = ((given.chars().count() + 1) / 3).min(3);
    let closest = names
        .clone()
        .into_iter()
        .map(|name| (strsim::osa_distance(&given, &plain(name)), name))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= allowed);
    if let Some((_, name)) = closest {
        return Some(name);
    }
    let mut longer = names.into_iter().filter(|name| given.len() >= 3 && plain(name).starts_with(&given));
    longer.next().filter(|_| longer.next().is_none())
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_slips_and_abbreviations_but_does_not_guess() {
        let names = ["workers", "zero_copy", "netbios-ssn", "postgresql"];
        let nearest = |given| super::nearest(given, names);
        assert_eq!(nearest("wokrers"), Some("workers"));
        assert_eq!(nearest("zero-copy"), Some("zero_copy"));
        assert_eq!(nearest("Workers"), Some("workers"));
        assert_eq!(nearest("netbios_ssn"), Some("netbios-ssn"));
        assert_eq!(nearest("postgres"), Some("postgresql"));
        assert_eq!(super::nearest("icmp", ["tcp", "udp"]), None);
        assert_eq!(nearest("colour"), None);
        assert_eq!(nearest(""), None);
    }
}
