//! What the golden cases hold and this runner does not check yet: the only list of it.

/// Files by system and leading words of their names, and what they wait for.
const FILES: &[(&str, &str, &str)] = &[];

/// Arrays by system, leading words of the file's name and of the array's, and what they wait for.
const KEYS: &[(&str, &str, &str, &str)] = &[];

/// Why a whole file waits, if it does.
pub(crate) fn file(system: &str, name: &str) -> Option<&'static str> {
    FILES.iter().find(|(s, prefix, _)| *s == system && name.starts_with(prefix)).map(|(.., reason)| *reason)
}

/// Why an array that nothing read waits, if it does.
pub(crate) fn key(system: &str, name: &str, key: &str) -> Option<&'static str> {
    KEYS.iter()
        .find(|(s, file, prefix, _)| *s == system && name.starts_with(file) && key.starts_with(prefix))
        .map(|(.., reason)| *reason)
}
