//! Flows that are flagged: raw data on port 80, each from an address of its own, so that none stands for another.

use std::ops::Range;

use crate::lab::{CLIENT, Lab, SERVER};
use crate::traffic::{self, Server};

/// The network of the clients' further addresses, less the last number.
const NETWORK: &str = "10.217.147";

/// The server that they go to.
pub(crate) struct RawFlows<'a> {
    lab: &'a Lab,
    _server: Server,
}

impl<'a> RawFlows<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Self {
        let network = format!("{NETWORK}.0/24");
        lab.exec(&lab.clients, "ip", &["route", "add", "local", &network, "dev", "lo"]);
        lab.exec(&lab.servers, "ip", &["route", "add", &network, "via", CLIENT]);
        Self { lab, _server: Server::start(lab, 80, "", 1) }
    }

    /// One flow from each of these addresses, one after the other; each lasts `seconds`.
    pub(crate) fn run(&self, clients: Range<u8>, seconds: f64) {
        traffic::client(
            self.lab,
            &format!(
                "import socket, time\n\
                 for number in range({}, {}):\n\
                 \x20   s = socket.socket()\n\
                 \x20   s.settimeout(10)\n\
                 \x20   s.bind((f'{NETWORK}.{{number}}', 0))\n\
                 \x20   s.connect(('{SERVER}', 80))\n\
                 \x20   s.sendall(bytes.fromhex('8f0e6cd2a19be30c55f7aa013c9d4e7781f2c06b9a5d3e4f'))\n\
                 \x20   time.sleep({seconds})\n\
                 \x20   s.close()\n",
                clients.start, clients.end
            ),
        );
    }

    /// The address of a client.
    pub(crate) fn address(client: u8) -> String {
        format!("{NETWORK}.{client}")
    }
}
