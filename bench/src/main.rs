use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    ferrio_bench::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("error: ferrio-bench compares the epoll selectors, so it runs on Linux only");
    ExitCode::from(2)
}
