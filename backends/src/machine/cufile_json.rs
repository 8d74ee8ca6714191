//! The settings of cuFile that are in force: a file, and variables over it.

use serde_json::Value;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use tierproof_core::{Error, ErrorKind, Result};

const NAMED_BY: &str = "CUFILE_ENV_PATH_JSON";
const SYSTEM: &str = "/etc/cufile.json";

/// Where settings come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CuFileSource {
    /// The file that `CUFILE_ENV_PATH_JSON` names.
    Named(PathBuf),
    /// `/etc/cufile.json`.
    System,
    /// No file: what the library does by itself.
    BuiltIn,
}

/// What decides whether and how cuFile goes through host memory.
///
/// ```
/// if let Ok(settings) = tierproof_backends::machine::CuFileSettings::in_force() {
///     println!("compat mode allowed: {}", settings.allow_compat_mode);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CuFileSettings {
    /// The file.
    pub source: CuFileSource,
    /// Whether it may, where there is no direct way.
    pub allow_compat_mode: bool,
    /// Whether it must.
    pub force_compat_mode: bool,
    /// Whether it may use the kernel's PCI peer-to-peer.
    pub peer_to_peer: bool,
    /// Variables that decide over the file, as `NAME=value`.
    pub overrides: Vec<String>,
}

impl CuFileSettings {
    /// Reads what cuFile would read in this process.
    ///
    /// # Errors
    /// `Unavailable` for a file that can't be read, `Config` for one that is no JSON with comments;
    /// both name it.
    pub fn in_force() -> Result<Self> {
        Self::judge(|name| std::env::var_os(name), |path| std::fs::read_to_string(path))
    }

    fn judge(
        variable: impl Fn(&str) -> Option<OsString>,
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Self> {
        let named = variable(NAMED_BY).filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = named.as_deref().unwrap_or(Path::new(SYSTEM));
        let (source, file) = match read(path) {
            Ok(text) => {
                let source = named.clone().map_or(CuFileSource::System, CuFileSource::Named);
                (source, parse(path, &text)?)
            }
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                (CuFileSource::BuiltIn, Value::Null)
            }
            Err(error) => {
                let by = named.as_ref().map_or(String::new(), |_| format!(" ({NAMED_BY})"));
                let context = format!("{}{by}: it can't be read: {error}", path.display());
                return Err(Error::new(ErrorKind::Unavailable, context).with_source(error));
            }
        };
        let mut overrides = Vec::new();
        let mut flag = |key: &str, name: &str, built_in: bool| {
            let set = variable(name).map(|value| value.to_string_lossy().into_owned());
            if let Some(value) = &set {
                overrides.push(format!("{name}={value}"));
            }
            let in_file = || file.get("properties").and_then(|it| it.get(key)?.as_bool());
            set.map_or_else(|| in_file().unwrap_or(built_in), |value| means_yes(&value))
        };
        Ok(Self {
            allow_compat_mode: flag("allow_compat_mode", "CUFILE_ALLOW_COMPAT_MODE", true),
            force_compat_mode: flag("force_compat_mode", "CUFILE_FORCE_COMPAT_MODE", false),
            peer_to_peer: flag("use_pci_p2pdma", "CUFILE_USE_PCIP2PDMA", false),
            source,
            overrides,
        })
    }
}

fn means_yes(value: &str) -> bool {
    ["true", "1", "yes", "on"].contains(&value.trim().to_ascii_lowercase().as_str())
}

fn parse(path: &Path, text: &str) -> Result<Value> {
    let unreadable = |why: String| {
        let context = format!("{}: it is not JSON with comments: {why}", path.display());
        Error::new(ErrorKind::Config, context)
    };
    let value: Value = serde_json::from_str(&uncommented(text))
        .map_err(|error| unreadable(error.to_string()).with_source(error))?;
    if value.is_object() { Ok(value) } else { Err(unreadable("it holds no object".into())) }
}

/// The text without its comments, and without the commas before a closing bracket. Line ends stay
/// where they are, so that errors name the right line.
fn uncommented(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\\', Some(_)) if quoted => {
                out.push(c);
                out.extend(rest.next());
                continue;
            }
            ('"', _) => quoted = !quoted,
            ('/', Some('/')) if !quoted => {
                while rest.next_if(|&c| c != '\n').is_some() {}
                continue;
            }
            ('/', Some('*')) if !quoted => {
                rest.next();
                while let Some(c) = rest.next() {
                    if c == '*' && rest.next_if_eq(&'/').is_some() {
                        break;
                    }
                    out.extend(Some(c).filter(|&c| c == '\n'));
                }
                continue;
            }
            (']' | '}', _) if !quoted => {
                let kept = out.trim_end();
                if kept.ends_with(',') {
                    let comma = kept.len() - 1;
                    out.remove(comma);
                }
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn judge(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<CuFileSettings> {
        let variable = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
        };
        CuFileSettings::judge(variable, |path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned()).ok_or(io::ErrorKind::NotFound.into())
        })
    }

    const SHIPPED: &str = r#"{
        // NOTE : "allow_compat_mode": false in a comment counts for nothing
        "logging": { "level": "ERROR" /* "TRACE" // all */ },
        "properties": {
            // log directory, "quoted"
            "dir": "http://host//a/*b*/",
            "escaped": "a \" // no comment \\",
            "allow_compat_mode": true,
            "use_pci_p2pdma": true, /* over
            lines */
            "list": [1, 2, 3,],
        },
    }"#;

    #[test]
    fn the_file_as_it_is_shipped_is_read() {
        let settings = judge(&[], &[(SYSTEM, SHIPPED)]).unwrap();
        assert_eq!(settings.source, CuFileSource::System);
        assert!(settings.allow_compat_mode && settings.peer_to_peer);
        assert!(!settings.force_compat_mode && settings.overrides.is_empty());
        let value = parse(Path::new(SYSTEM), SHIPPED).unwrap();
        assert_eq!(value["properties"]["dir"], "http://host//a/*b*/");
        assert_eq!(value["properties"]["escaped"], "a \" // no comment \\");
    }

    #[rstest]
    #[case::nothing("{}", true)]
    #[case::allowed(r#"{"properties": {"allow_compat_mode": true}}"#, true)]
    #[case::refused(r#"{"properties": {"allow_compat_mode": false}}"#, false)]
    #[case::commented_out("{\"properties\": {\n//\"allow_compat_mode\": false\n}}", true)]
    #[case::elsewhere(r#"{"allow_compat_mode": false}"#, true)]
    #[case::no_truth_value(r#"{"properties": {"allow_compat_mode": "false"}}"#, true)]
    #[case::comment_to_the_end("{} // and no line end", true)]
    #[case::open_comment("{} /* never closed", true)]
    fn compat_mode_is_allowed_or_not(#[case] text: &str, #[case] allowed: bool) {
        assert_eq!(judge(&[], &[(SYSTEM, text)]).unwrap().allow_compat_mode, allowed);
    }

    #[test]
    fn variables_decide_over_the_file_and_are_named() {
        let file = r#"{"properties": {"allow_compat_mode": false}}"#;
        let variables = [("CUFILE_ALLOW_COMPAT_MODE", "TRUE"), ("CUFILE_FORCE_COMPAT_MODE", "0")];
        let settings = judge(&variables, &[(SYSTEM, file)]).unwrap();
        assert!(settings.allow_compat_mode && !settings.force_compat_mode);
        let named = ["CUFILE_ALLOW_COMPAT_MODE=TRUE", "CUFILE_FORCE_COMPAT_MODE=0"];
        assert_eq!(settings.overrides, named);
    }

    #[test]
    fn the_named_file_comes_first_then_the_systems_then_none() {
        let named = [(NAMED_BY, "/ours.json")];
        let files = [("/ours.json", "{}"), (SYSTEM, "{}")];
        let source = |variables: &[_], files: &[_]| judge(variables, files).unwrap().source;
        assert_eq!(source(&named, &files), CuFileSource::Named("/ours.json".into()));
        assert_eq!(source(&[], &files), CuFileSource::System);
        assert_eq!(source(&[(NAMED_BY, "")], &files), CuFileSource::System);
        assert_eq!(source(&[], &[]), CuFileSource::BuiltIn);
    }

    #[rstest]
    #[case::named_and_missing(&[(NAMED_BY, "/gone.json")], "", ErrorKind::Unavailable, "/gone.json")]
    #[case::no_json(&[], "{\n\"a\": /* x\n */ ?}", ErrorKind::Config, "line 3")]
    #[case::no_object(&[], "[]", ErrorKind::Config, "no object")]
    #[case::empty(&[], "", ErrorKind::Config, SYSTEM)]
    fn a_bad_file_is_named(
        #[case] variables: &[(&str, &str)],
        #[case] text: &str,
        #[case] kind: ErrorKind,
        #[case] words: &str,
    ) {
        let error = judge(variables, &[(SYSTEM, text)]).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(words), "{error}");
    }
}
