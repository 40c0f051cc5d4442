//! UDP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::on_both;

async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("bind");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}

#[test]
fn each_datagram_is_answered() {
    on_both(|| async {
        let (server, address) = socket().await;
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            loop {
                let (n, from) = server.recv_from(&mut buffer).await.expect("receive");
                server.send_to(&buffer[..n], from).await.expect("send");
            }
        });
        let (client, _) = socket().await;
        client.connect(address).await.expect("connect");
        for length in (1..1400).step_by(7) {
            let sent = crate::pattern(length);
            client.send(&sent).await.expect("send");
            let mut buffer = [0; 2048];
            let n = client.recv(&mut buffer).await.expect("receive");
            assert_eq!(&buffer[..n], &sent[..]);
        }
    });
}

#[test]
fn one_task_sends_and_another_receives() {
    on_both(|| async {
        let (left, left_address) = socket().await;
        let (right, right_address) = socket().await;
        left.connect(right_address).await.expect("connect");
        right.connect(left_address).await.expect("connect");
        let left = Arc::new(left);
        let sender = Arc::clone(&left);
        // One at a time is under way, so none is lost for lack of room.
        let sending = tokio::spawn(async move {
            for number in 0..500_u32 {
                sender.send(&number.to_le_bytes()).await.expect("send");
                let mut answer = [0; 4];
                sender.recv(&mut answer).await.expect("receive");
                assert_eq!(answer, number.to_le_bytes());
            }
        });
        let mut buffer = [0; 4];
        for number in 0..500_u32 {
            right.recv(&mut buffer).await.expect("receive");
            assert_eq!(buffer, number.to_le_bytes());
            right.send(&buffer).await.expect("send");
        }
        sending.await.expect("the sending task");
        drop(left);
    });
}

#[test]
fn a_receiver_that_was_given_up_is_no_loss() {
    on_both(|| async {
        let (receiver, address) = socket().await;
        let (sender, from) = socket().await;
        for round in 0..20_u8 {
            let mut buffer = [0; 8];
            let short = Duration::from_millis(2);
            let given_up = timeout(short, receiver.recv_from(&mut buffer)).await;
            assert!(given_up.is_err(), "nobody has sent");
            sender.send_to(&[round], address).await.expect("send");
            let received = receiver.recv_from(&mut buffer).await.expect("receive");
            assert_eq!((received, buffer[0]), ((1, from), round));
        }
    });
}
