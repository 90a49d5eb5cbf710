//! What an analyst says of how a credential was used. Of one that is forgotten there is nothing to say.

use std::net::IpAddr;

use super::{Credentials, Life, Use, key};
use crate::alert::Feedback;
use crate::event::Timestamp;

impl Credentials {
    /// Makes an address normal for a credential, or keeps it from ever becoming so by itself; false if the credential is
    /// forgotten.
    pub fn teach_address(&mut self, feedback: Feedback, id: &str, ip: IpAddr, at: Timestamp) -> bool {
        let Some(life) = self.known(id).filter(|life| !life.uses.is_empty()) else { return false };
        let before = life.elsewhere(ip).len();
        if life.uses.iter().all(|known| known.ip != ip) {
            life.add_use(Use::new(ip, at, true));
        }
        let blocked = feedback == Feedback::Malicious;
        let mut is_normal_now = false;
        for known in life.uses.iter_mut().filter(|known| known.ip == ip) {
            is_normal_now = known.quarantined && !blocked;
            (known.quarantined, known.blocked) = (blocked, blocked);
        }
        if let (true, Some(kind), Some(account)) = (is_normal_now, life.kind, life.account) {
            self.count_address(kind, account.get(), before);
        }
        true
    }

    /// Makes a client normal for a credential, or not; false if the credential is forgotten.
    pub fn teach_client(&mut self, feedback: Feedback, id: &str, client: u64) -> bool {
        let Some(life) = self.known(id) else { return false };
        match feedback {
            Feedback::Benign => life.add_client(client),
            Feedback::Malicious => life.clients.retain(|known| *known != client),
        }
        true
    }

    /// Makes a credential's issue no reason to suspect what it does, or one; false if the credential is forgotten.
    pub fn teach_issue(&mut self, feedback: Feedback, id: &str) -> bool {
        let Some(life) = self.known(id) else { return false };
        life.is_suspect = feedback == Feedback::Malicious;
        true
    }

    fn known(&mut self, id: &str) -> Option<&mut Life> {
        let key = key(id);
        self.lives.find_mut(key, |life| life.key == key)
    }
}
