//! Access keys.

use std::path::Path;

/// Who asks. Never shown.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Keys {
    /// Of a file as Amazon's tools have it, its first profile; of the environment, if there is none.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, String> {
        let Some(path) = file else {
            let of = |name: &str| std::env::var(name).ok();
            return Self::of(|name| of(&name.to_ascii_uppercase())).ok_or_else(|| {
                "no access keys: name a file in `credentials`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned()
            });
        };
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).ok_or_else(|| {
            format!("{}: no lines aws_access_key_id = … and aws_secret_access_key = …", path.display())
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let lines = || text.lines().filter_map(|line| line.split_once('='));
        Self::of(|name| lines().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned()))
    }

    fn of(value: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let value = |name| value(name).filter(|value| !value.is_empty());
        Some(Self {
            id: value("aws_access_key_id")?,
            secret: value("aws_secret_access_key")?,
            token: value("aws_session_token"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_profile_of_a_file_counts() {
        let file = "[default]\naws_access_key_id = one\naws_secret_access_key=a=b\n[other]\naws_access_key_id = two\n";
        let keys = Keys::parse(file).unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.as_str(), keys.token), ("one", "a=b", None));
        assert!(Keys::parse("aws_access_key_id = one\naws_secret_access_key =\n").is_none());
    }
}
