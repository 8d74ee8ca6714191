//! What NIXL answers, mapped to the public kinds in one place.

use super::sys::Status;
use std::fmt;
use tierproof_core::ErrorKind;

/// An error of the C API. It tells neither which descriptor nor which system error it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    InvalidParameter,
    Backend,
    InvalidState,
    Exception,
    NoTelemetry,
    NotFound,
    /// A number that no header names.
    Unknown(Status),
    /// Success without the object that was asked for.
    Nothing,
}

/// Where a posted transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Going,
    Done,
}

impl Code {
    fn of(status: Status) -> Self {
        match status {
            -1 => Self::InvalidParameter,
            -2 => Self::Backend,
            -3 => Self::InvalidState,
            -4 => Self::Exception,
            -5 => Self::NoTelemetry,
            -6 => Self::NotFound,
            other => Self::Unknown(other),
        }
    }

    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Self::InvalidParameter => ErrorKind::Unsupported,
            Self::NotFound => ErrorKind::Unavailable,
            _ => ErrorKind::Device,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidParameter => f.write_str("NIXL: invalid parameter (-1)"),
            Self::Backend => f.write_str("NIXL: the plugin failed (-2); its log says more"),
            Self::InvalidState => f.write_str("NIXL: invalid state (-3)"),
            Self::Exception => f.write_str("NIXL: exception (-4)"),
            Self::NoTelemetry => f.write_str("NIXL: no telemetry (-5)"),
            Self::NotFound => f.write_str("NIXL: not found (-6)"),
            Self::Unknown(status) => write!(f, "NIXL: status {status}, which no header names"),
            Self::Nothing => f.write_str("NIXL: success without an answer"),
        }
    }
}

impl std::error::Error for Code {}

/// Success or nothing.
pub(super) fn done(status: Status) -> Result<(), Code> {
    if status == 0 { Ok(()) } else { Err(Code::of(status)) }
}

/// Success, in progress, or an error.
pub(super) fn progress(status: Status) -> Result<Progress, Code> {
    match status {
        0 => Ok(Progress::Done),
        1 => Ok(Progress::Going),
        other => Err(Code::of(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(-1, ErrorKind::Unsupported)]
    #[case(-2, ErrorKind::Device)]
    #[case(-3, ErrorKind::Device)]
    #[case(-4, ErrorKind::Device)]
    #[case(-5, ErrorKind::Device)]
    #[case(-6, ErrorKind::Unavailable)]
    #[case(-99, ErrorKind::Device)]
    #[case(2, ErrorKind::Device)]
    fn every_error_has_one_kind_and_names_its_number(
        #[case] status: Status,
        #[case] kind: ErrorKind,
    ) {
        let code = done(status).unwrap_err();
        assert_eq!(progress(status), Err(code));
        assert_eq!(code.kind(), kind);
        assert!(code.to_string().contains(&status.to_string()), "{code}");
    }

    #[test]
    fn only_a_transfer_can_be_in_progress() {
        assert_eq!((done(0), progress(0)), (Ok(()), Ok(Progress::Done)));
        assert_eq!((progress(1), done(1)), (Ok(Progress::Going), Err(Code::Unknown(1))));
    }
}
