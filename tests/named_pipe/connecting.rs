use std::io::{ErrorKind, Read, Write};

use ferrio::windows::NamedPipe;
use ferrio::{Interest, Token};

use crate::fixture::{
    BOTH, CLIENT, Driver, SERVER, client_of, connected, join, message_server, name, read_blocks,
    would_block,
};

/// `ERROR_NO_DATA`
const CLIENT_GONE: i32 = 232;

#[test]
fn connect_blocks_until_a_client_comes_and_a_writable_event_tells() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, BOTH);
    driver.expect_silence();
    would_block(server.connect());
    would_block(server.connect());
    driver.expect_silence();

    let _client = client_of(&name);
    let event = driver.writable(SERVER);
    assert!(!event.is_readable() && !event.is_error() && !event.is_write_closed());
    server.connect().unwrap();
    server.connect().unwrap();
    assert!(server.take_error().unwrap().is_none());
    driver.expect_silence();
}

#[test]
fn a_server_made_elsewhere_is_not_ready_before_its_client_comes() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = message_server(&name);
    driver.add(&mut server, SERVER, BOTH);
    driver.expect_silence();
    read_blocks(&server);
    would_block(server.connect());
    read_blocks(&server);
    let _client = client_of(&name);
    driver.writable(SERVER);
    server.connect().unwrap();
}

#[test]
fn a_client_that_came_before_is_connected_at_once() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, BOTH);
    let mut client = client_of(&name);
    driver.add(&mut client, CLIENT, BOTH);
    client.write_all(b"early").unwrap();
    server.connect().unwrap();
    driver.writable(SERVER);
    assert_eq!(driver.read_exactly(&server, SERVER, 5), b"early");
}

#[test]
fn connect_before_registration_is_not_found() {
    let server = NamedPipe::new(name()).unwrap();
    assert_eq!(server.connect().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn after_a_client_that_came_and_went_the_next_is_served() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, BOTH);
    drop(client_of(&name));
    // Windows says that it has gone. Wine says that it is there, and reading tells.
    match server.connect() {
        Ok(()) => assert_eq!(driver.read_to_end(&server, SERVER), b""),
        Err(error) => assert_eq!(error.raw_os_error(), Some(CLIENT_GONE)),
    }
    server.disconnect().unwrap();
    driver.all();
    would_block(server.connect());
    let mut client = client_of(&name);
    driver.writable(SERVER);
    server.connect().unwrap();
    driver.add(&mut client, CLIENT, BOTH);
    client.write_all(b"second").unwrap();
    assert_eq!(driver.read_exactly(&server, SERVER, 6), b"second");
}

#[test]
fn a_client_that_writes_and_leaves_while_it_is_waited_for_is_heard() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, BOTH);
    would_block(server.connect());
    let mut other = Driver::new();
    let mut client = client_of(&name);
    other.add(&mut client, CLIENT, BOTH);
    client.write_all(b"bye").unwrap();
    drop(client);
    other.all();
    driver.writable(SERVER);
    server.connect().unwrap();
    assert_eq!(driver.read_to_end(&server, SERVER), b"bye");
}

#[test]
fn one_server_serves_client_after_client_and_mixes_nothing_up() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, BOTH);
    for round in 0..20_u8 {
        would_block(server.connect());
        let mut client = client_of(&name);
        driver.writable(SERVER);
        server.connect().unwrap();
        driver.add(&mut client, CLIENT, BOTH);
        client.write_all(&[round; 300]).unwrap();
        server.write_all(&[round; 200]).unwrap();
        // Not all of it is read, by either side, before the server throws the client out.
        let got = driver.read_some(&server, SERVER);
        assert!(got.iter().all(|byte| *byte == round));
        if round % 2 == 0 {
            drop(client);
        }
        server.disconnect().unwrap();
        read_blocks(&server);
        driver.all();
    }
}

#[test]
fn a_disconnected_client_is_at_its_end() {
    let mut driver = Driver::new();
    let (server, mut client) = connected(&mut driver);
    server.disconnect().unwrap();
    let event = driver.readable(CLIENT);
    assert!(event.is_read_closed());
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    assert!(client.write(b"x").is_err());
    assert!(server.disconnect().is_err());
}

#[test]
fn a_hundred_pipes_of_one_name_each_serve_their_client() {
    const PIPES: usize = 100;
    let mut driver = Driver::new();
    let name = name();
    let mut servers = Vec::new();
    for index in 0..PIPES {
        let mut server = NamedPipe::new(&name).unwrap();
        driver.add(&mut server, Token(index), BOTH);
        would_block(server.connect());
        servers.push(server);
    }
    let mut clients = Vec::new();
    for index in 0..PIPES {
        let mut client = client_of(&name);
        driver.add(&mut client, Token(1000 + index), BOTH);
        clients.push(client);
    }
    for (index, mut server) in servers.iter().enumerate() {
        driver.writable(Token(index));
        server.connect().unwrap();
        server.write_all(&[index as u8; 64]).unwrap();
    }
    let mut heard = Vec::new();
    for (index, client) in clients.iter().enumerate() {
        let data = driver.read_exactly(client, Token(1000 + index), 64);
        assert!(data.iter().all(|byte| *byte == data[0]));
        heard.push(data[0]);
    }
    heard.sort_unstable();
    let all: Vec<u8> = (0..PIPES as u8).collect();
    assert_eq!(heard, all);
}

#[test]
fn a_registration_for_writing_alone_hears_of_the_client() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, Interest::WRITABLE);
    would_block(server.connect());
    let _client = client_of(&name);
    let event = driver.writable(SERVER);
    assert!(!event.is_readable());
}

#[test]
fn a_registration_for_reading_alone_hears_of_the_client() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, Interest::READABLE);
    would_block(server.connect());
    let mut client = client_of(&name);
    driver.add(&mut client, CLIENT, Interest::READABLE);
    driver.writable(SERVER);
    assert!(server.take_error().unwrap().is_none());
    server.write_all(b"welcome").unwrap();
    assert_eq!(driver.read_exactly(&client, CLIENT, 7), b"welcome");
    client.write_all(b"thanks").unwrap();
    let event = driver.readable(SERVER);
    assert!(!event.is_writable());
}

#[test]
fn a_bad_name_is_an_error() {
    assert!(NamedPipe::new(r"C:\not\a\pipe").is_err());
    let error = NamedPipe::new("\\\\.\\pipe\\a\0b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn what_was_opened_without_overlapped_is_refused_at_registration() {
    let driver = Driver::new();
    let name = name();
    let _server = NamedPipe::new(&name).unwrap();
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&name)
        .unwrap();
    let mut client = NamedPipe::from(std::os::windows::io::OwnedHandle::from(file));
    let result = driver.poll.registry().register(&mut client, CLIENT, BOTH);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn joining_leaves_nothing_behind() {
    let mut driver = Driver::new();
    let name = name();
    let server = NamedPipe::new(&name).unwrap();
    let (server, client) = join(&mut driver, server, || client_of(&name));
    read_blocks(&server);
    read_blocks(&client);
    driver.expect_silence();
}
