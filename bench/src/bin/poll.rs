use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    ferrio_bench::run_on_poll()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "error: ferrio-bench-poll needs epoll and eventfd for its comparisons, so it runs on Linux only"
    );
    ExitCode::from(2)
}
