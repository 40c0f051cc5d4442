//! `http`, and the programs that people use with a web server: curl and wrk.

use std::ffi::OsStr;
use std::process::{Command, Output};

use crate::http::page;
use crate::process::{HTTP, Server};
use crate::tools::{Scratch, run, text};

#[track_caller]
fn curl<S: AsRef<OsStr>>(args: &[S]) -> Output {
    let mut command = Command::new("curl");
    // No proxy of the environment, and no ~/.curlrc, which has to come first.
    command.args([
        "--disable",
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "120",
    ]);
    run(command.args(args), "curl")
}

#[track_caller]
fn assert_fine(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn curl_gets_pages() {
    let server = Server::start(HTTP, &[]);
    let url = format!("http://{}", server.address);

    let output = curl(&[&url]);
    assert_fine(&output);
    assert_eq!(text(&output.stdout), "Hello from ferrio.\n");

    let output = curl(&["--head", &format!("{url}/bytes/77")]);
    assert_fine(&output);
    assert!(
        text(&output.stdout).starts_with("HTTP/1.1 200 OK\r\n"),
        "{output:?}"
    );
    assert!(
        text(&output.stdout).contains("Content-Length: 77\r\n"),
        "{output:?}"
    );

    let output = curl(&[&format!("{url}/bytes/10000000")]);
    assert_fine(&output);
    assert!(output.stdout == page(10_000_000), "the page differs");

    let output = curl(&["--fail", &format!("{url}/nothing")]);
    assert_eq!(output.status.code(), Some(22), "{output:?}");
    assert!(text(&output.stderr).contains("404"), "{output:?}");

    let output = curl(&["--http1.0", &url]);
    assert_fine(&output);
    assert_eq!(text(&output.stdout), "Hello from ferrio.\n");
    server.end();
}

#[test]
fn curl_keeps_its_connection() {
    let server = Server::start(HTTP, &[]);
    let url = format!("http://{}/bytes/[1-50]", server.address);
    let output = curl(&[
        "--write-out",
        "%{num_connects} ",
        "--output",
        "/dev/null",
        &url,
    ]);
    assert_fine(&output);
    let connects = format!("1 {}", "0 ".repeat(49));
    assert_eq!(text(&output.stdout), connects);
    let ended = server.end();
    assert_eq!(ended.count("accepted"), 1, "{ended:?}");
    assert!(ended.stdout.contains("\nrequests       50\n"), "{ended:?}");
}

#[test]
fn curl_in_parallel() {
    let server = Server::start(HTTP, &[]);
    let url = format!("http://{}/bytes/[100000-100039]", server.address);
    let args = [
        "--parallel",
        "--parallel-max",
        "40",
        "--parallel-immediate",
        "--fail",
    ];
    let output = curl(
        &[
            &args[..],
            &[
                "--write-out",
                "%{size_download}\n",
                "--output",
                "/dev/null",
                &url,
            ],
        ]
        .concat(),
    );
    assert_fine(&output);
    let mut sizes: Vec<u32> = text(&output.stdout)
        .lines()
        .map(|line| line.parse().expect("a size"))
        .collect();
    sizes.sort_unstable();
    assert!(sizes.into_iter().eq(100_000..100_040));
    server.end();
}

#[test]
fn curl_sends_bodies_with_a_length_and_chunked() {
    let server = Server::start(HTTP, &[]);
    let url = format!("http://{}/", server.address);
    // So long that curl asks for leave: Expect: 100-continue.
    let file = Scratch::containing("body", page(3_000_000));
    let data = format!("@{}", file.as_str());
    let status = [
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code} %{num_connects}\n",
    ];
    for coding in ["X-Nothing: x", "Transfer-Encoding: chunked"] {
        let post = ["--header", coding, "--data-binary", &data, &url];
        // The same again on the same connection: all of the first body was taken.
        let output = curl(&[&status[..], &post, &["--next"], &status, &post].concat());
        assert_fine(&output);
        assert_eq!(text(&output.stdout), "405 1\n405 0\n", "{coding}");
    }
    server.end();
}

#[test]
fn curl_is_told_its_limits() {
    let server = Server::start(HTTP, &[]);
    let url = format!("http://{}/", server.address);
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    let field = format!("X-Long: {}", "x".repeat(9000));
    let output = curl(&[&status[..], &["--header", &field, &url]].concat());
    assert_fine(&output);
    assert_eq!(text(&output.stdout), "431");
    let long = format!("{url}{}", "x".repeat(9000));
    let output = curl(&[&status[..], &[&long]].concat());
    assert_fine(&output);
    assert_eq!(text(&output.stdout), "414");
    let ended = server.end();
    assert_eq!(ended.logged("answered 431"), 1, "{ended:?}");
    assert_eq!(ended.logged("answered 414"), 1, "{ended:?}");
}

/// Runs wrk for a second, and returns how many requests it made.
#[track_caller]
fn wrk(args: &[&str]) -> u64 {
    let mut command = Command::new("wrk");
    let output = run(
        command
            .args(["--threads", "2", "--duration", "1s"])
            .args(args),
        "wrk",
    );
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}{}", text(&output.stderr));
    for bad in ["Socket errors", "Non-2xx"] {
        assert!(!report.contains(bad), "{report}");
    }
    let line = report.lines().find(|line| line.contains(" requests in "));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    count.unwrap_or_else(|| panic!("no count in {report}"))
}

#[test]
fn wrk_finds_no_error() {
    let server = Server::start(HTTP, &[]);
    let url = format!("http://{}/", server.address);
    assert!(wrk(&["--connections", "50", &url]) > 0);
    let long = format!("{url}bytes/200000");
    assert!(wrk(&["--connections", "20", &long]) > 0);
    // It ends by closing connections in the middle of whatever they do.
    server.end();
}

#[test]
fn wrk_finds_no_error_when_it_pipelines() {
    let server = Server::start(HTTP, &[]);
    let lua = "function init(args)
           local all = {}
           for i = 1, 16 do all[i] = wrk.format('GET', '/bytes/' .. i) end
           requests = table.concat(all)
         end
         function request() return requests end";
    let script = Scratch::containing("pipeline.lua", lua);
    let url = format!("http://{}/", server.address);
    assert!(wrk(&["--connections", "20", "--script", script.as_str(), &url]) > 0);
    server.end();
}
