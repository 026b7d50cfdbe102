//! What a phone with an account does: it registers, and says who it is when it calls.

use crate::Phone;
use crate::digest::Account;
use crate::world::PhoneState;

impl Phone {
    /// Gives the phone an account. It says from now on that it is from the server.
    pub fn has_account(&self, user: &str, password: &str) {
        self.with(|phone| phone.sip.account = Some(Account::new(user, password)));
    }

    /// Which digest algorithm the phone knows: `MD5` or `SHA-256`.
    pub fn knows_only(&self, algorithm: &'static str) {
        self.with(|phone| account(phone).algorithm = algorithm);
    }

    /// Forgets the last challenge: the next request has no credentials.
    pub fn forgets_challenge(&self) {
        self.with(|phone| account(phone).challenge = None);
    }

    /// Counts the nonce's uses as if the last one had not been.
    pub fn counts_wrong(&self) {
        self.with(|phone| account(phone).count -= 1);
    }

    /// Sends a REGISTER with these header lines (`{user}` and `{me}` are filled in), with credentials if it was asked for
    /// them before, and repeats it until it is answered.
    pub fn sends_register(&self, lines: &str) {
        let now_ns = self.world.borrow().now.mono_ns;
        let text = self.with(|phone| {
            account(phone).lines = lines.to_owned();
            let (text, cseq) = phone.sip.register();
            phone.sip.keep_repeating(now_ns, "REGISTER", cseq, text.clone());
            text
        });
        self.send(text);
    }

    /// Registers itself for so long: asked for a password, it gives it. Waits for the 200.
    pub fn registers(&self, expires_s: u32) {
        self.registers_with(&format!("Contact: <sip:{{user}}@{{me}}>\r\nExpires: {expires_s}\r\n"));
    }

    /// The same with these header lines.
    pub fn registers_with(&self, lines: &str) {
        self.sends_register(lines);
        if self.with(|phone| account(phone).challenge.is_none()) {
            self.is_told(401);
            self.sends_register(lines);
        }
        self.is_told(200);
    }

    /// Sends the last REGISTER again, with credentials for what it was asked last.
    pub fn answers_challenge(&self) {
        let lines = self.with(|phone| account(phone).lines.clone());
        self.sends_register(&lines);
    }

    /// Registers from now on as somebody else, with its own user name and password.
    pub fn pretends_to_be(&self, other: &str) {
        self.with(|phone| account(phone).to = other.to_owned());
    }

    /// Waits for a response with this status to the last REGISTER.
    pub fn is_told(&self, status: u16) {
        self.waits_until(&format!("got {status} for its REGISTER"), |phone| {
            let current = phone.sip.account.as_ref().map(|account| account.cseq);
            phone.sip.dialog.responses.iter().any(|(found, method, message)| {
                let number = message.cseq().map_or(0, |cseq| cseq.number);
                *found == status && method == "REGISTER" && Some(number) == current
            })
        });
    }

    /// Whether the last challenge said that the password was right and only the nonce too old.
    pub fn was_told_stale(&self) -> bool {
        self.with(|phone| account(phone).challenge.as_ref().is_some_and(|challenge| challenge.stale))
    }

    /// Sends the INVITE again with credentials for the challenge that it was answered by (RFC 3261 §22.2).
    pub fn calls_again_with_password(&self) {
        let offer = self.offer().text();
        self.with(|phone| phone.sip.dialog.to_tag.clear());
        self.request("INVITE", Some(&offer));
    }

    /// Calls `user`, is asked for the password, and gives it.
    pub fn calls_with_password(&self, user: &str) {
        self.forgets_challenge();
        self.calls(user);
        self.gets(407);
        self.waits_ms(20);
        self.calls_again_with_password();
    }
}

fn account(phone: &mut PhoneState) -> &mut Account {
    phone.sip.account.as_mut().expect("the phone has an account")
}
