use std::io::{Read, Write};

use crate::fixture::{CLIENT, Driver, SERVER, connected_for_messages, read_blocks};

#[test]
fn each_read_gives_one_message() {
    let mut driver = Driver::new();
    let (server, client) = connected_for_messages(&mut driver);
    for message in ["one", "two", "three"] {
        driver.until("the write before ends", || {
            (&client).write(message.as_bytes()).ok()
        });
    }
    for message in ["one", "two", "three"] {
        assert_eq!(driver.read_some(&server, SERVER), message.as_bytes());
    }
    read_blocks(&server);
}

#[test]
fn a_message_longer_than_the_buffer_comes_in_parts_and_the_next_one_by_itself() {
    let mut driver = Driver::new();
    let (server, client) = connected_for_messages(&mut driver);
    // The read that is under way asks for as much as before.
    server.set_read_buffer_size(4096);
    (&client).write_all(b"first").unwrap();
    assert_eq!(driver.read_some(&server, SERVER), b"first");

    let long: Vec<u8> = (0..10_000).map(|at| (at / 39) as u8).collect();
    driver.until("the write before ends", || (&client).write(&long).ok());
    driver.until("the write before ends", || (&client).write(b"next").ok());
    assert_eq!(driver.read_exactly(&server, SERVER, 10_000), long);
    let mut room = vec![0; 8000];
    driver.readable(SERVER);
    assert_eq!((&server).read(&mut room).unwrap(), 4);
    assert_eq!(&room[..4], b"next");
}

#[test]
fn a_message_longer_than_what_the_reader_brings_is_read_on() {
    let mut driver = Driver::new();
    let (server, client) = connected_for_messages(&mut driver);
    (&client).write_all(b"1234567").unwrap();
    driver.readable(SERVER);
    let mut room = [0; 4];
    assert_eq!((&server).read(&mut room).unwrap(), 4);
    assert_eq!((&server).read(&mut room).unwrap(), 3);
    read_blocks(&server);
}

#[test]
fn a_message_is_sent_whole_whatever_the_buffer_size() {
    let mut driver = Driver::new();
    let (server, client) = connected_for_messages(&mut driver);
    client.set_write_buffer_size(16);
    let long = vec![9; 50_000];
    assert_eq!((&client).write(&long).unwrap(), 50_000);
    driver.readable(SERVER);
    assert_eq!((&server).read(&mut vec![0; 60_000]).unwrap(), 50_000);
}

#[test]
fn an_empty_message_is_a_read_of_nothing_and_not_the_end() {
    let mut driver = Driver::new();
    let (server, client) = connected_for_messages(&mut driver);
    assert_eq!((&client).write(b"").unwrap(), 0);
    driver.readable(SERVER);
    assert_eq!((&server).read(&mut [0; 8]).unwrap(), 0);
    driver.until("the write before ends", || (&client).write(b"more").ok());
    assert_eq!(driver.read_exactly(&server, SERVER, 4), b"more");
    (&server).write_all(b"answer").unwrap();
    assert_eq!(driver.read_some(&client, CLIENT), b"answer");
}
