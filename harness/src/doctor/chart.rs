//! A checkup as text for people: a line for each fact, and what to do beneath it.

use super::checkup::Checkup;
use super::trial::Trial;

const WIDTH: usize = 100;
/// Where what was found begins.
const COLUMN: usize = 24;

/// All of a checkup, in lines of at most 100 columns, but for paths and lines to be copied.
///
/// ```
/// let checkup = tierproof::doctor::checkup(None, &[])?;
/// assert!(tierproof::doctor::chart(&checkup).contains("file-system"));
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[must_use]
pub fn chart(checkup: &Checkup) -> String {
    let mut text = format!("{}\n\n", checkup.directory.display());
    for finding in &checkup.findings {
        entry(&mut text, &finding.state.to_string(), finding.topic.name(), &finding.what);
        remedy(&mut text, finding.remedy.as_deref());
    }
    text.push_str("\none verified block through each backend\n\n");
    for trial in &checkup.trials {
        tried(&mut text, trial);
    }
    let (not, all) = (if checkup.fit { "" } else { " not" }, checkup.required.join(", "));
    if !all.is_empty() {
        text.push_str(&format!("\nrequired, and{not} all working: {all}\n"));
    }
    text
}

fn tried(text: &mut String, trial: &Trial) {
    let state = if trial.works { "ok" } else { "fails" };
    let routes = format!("every byte right: {}", trial.routes.join(", "));
    entry(text, state, &trial.backend, trial.why.as_ref().unwrap_or(&routes));
    for note in &trial.fallbacks {
        let note = format!("wanted {}, got {}: {}", note.wanted, note.instead, note.reason);
        indented(text, &note, COLUMN, COLUMN);
    }
    remedy(text, trial.remedy.as_deref());
}

fn entry(text: &mut String, state: &str, name: &str, what: &str) {
    let head = format!("{state:<8} {name:<14} ");
    text.push_str(&head);
    indented(text, what, 0, COLUMN);
}

/// Its first line is words; all others are to be copied and stay as they are.
fn remedy(text: &mut String, remedy: Option<&str>) {
    let mut lines = remedy.into_iter().flat_map(str::lines);
    if let Some(words) = lines.next() {
        text.push_str(&" ".repeat(COLUMN - 3));
        text.push_str("-> ");
        indented(text, words, 0, COLUMN);
    }
    for line in lines {
        text.push_str(&format!("    {line}\n"));
    }
}

/// Words in lines of `WIDTH`, the first of which begins with `first` blanks and all others with
/// `others`.
fn indented(text: &mut String, words: &str, first: usize, others: usize) {
    text.push_str(&" ".repeat(first));
    let mut room = WIDTH - others;
    for (number, word) in words.split_whitespace().enumerate() {
        let len = word.chars().count();
        if number > 0 && len + 1 > room {
            text.push('\n');
            text.push_str(&" ".repeat(others));
            room = WIDTH - others;
        } else if number > 0 {
            text.push(' ');
            room -= 1;
        }
        text.push_str(word);
        room = room.saturating_sub(len);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Finding, Topic};

    fn checkup(findings: Vec<Finding>) -> Checkup {
        Checkup {
            directory: "/data".into(),
            required: vec!["posix".into()],
            fit: false,
            findings,
            nixl: None,
            trials: vec![Trial::not_working("posix", "it hangs".into(), "look")],
        }
    }

    #[test]
    fn lines_end_before_the_margin_and_commands_stay_whole() {
        let long = "word ".repeat(40);
        let command = format!("printf {}", "x".repeat(120));
        let remedy = format!("{long}\n{command}");
        let text = chart(&checkup(vec![Finding::missing(Topic::Udev, long, remedy)]));
        assert!(text.contains(&format!("\n    {command}\n")), "{text}");
        let others = text.lines().filter(|line| !line.contains("printf"));
        assert!(others.map(|line| line.chars().count()).max() <= Some(WIDTH), "{text}");
    }

    #[test]
    fn what_is_required_and_does_not_work_is_the_last_word() {
        let text = chart(&checkup(vec![]));
        assert!(text.ends_with("required, and not all working: posix\n"), "{text}");
        assert!(text.contains("fails    posix          it hangs\n"), "{text}");
    }
}
