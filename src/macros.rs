/// A record for the `log` crate, or nothing without the feature `log`.
macro_rules! trace {
    ($($arguments:tt)*) => {{
        #[cfg(feature = "log")]
        log::trace!($($arguments)*);
        #[cfg(not(feature = "log"))]
        let _ = format_args!($($arguments)*);
    }};
}
