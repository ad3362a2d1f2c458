//! Signed decisions: made where the user decides, and judged where they count. Pure; the clock comes with the call.
//!
//! An order counts once, for the machine, session, action and digest that it names, until it expires, and only with the
//! signature of a key that may decide here. What was accepted is in the session's record, with the nonce, so that a later
//! host refuses it too.

use super::limits::{
    FLEET_NONCE_CHARS_MAX, FLEET_NONCES_MAX, FLEET_ORDER_BYTES_MAX, FLEET_ORDER_MS, FLEET_SKEW_MS_MAX,
};
use crate::base::{ActionId, Digest, PublicKey, SessionId, UnixMs};
use crate::config::is_subject_word;
use crate::journal::{Signer, is_decision_good};
use crate::model::event::Verdict;
use crate::wire::{Decide, Order, SignedOrder};
use ring::rand::SecureRandom as _;
use std::collections::BTreeMap;

/// An order that may be carried out.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    pub key: PublicKey,
    pub nonce: String,
    pub decide: Decide,
}

/// The reason that an order is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is not an order, or too large")]
    Unreadable,
    #[error("the key {0} may not decide here")]
    Stranger(String),
    #[error("its signature does not fit its text: it was altered, or made with another key than {0}")]
    Altered(String),
    #[error("it is for {0}, not for this session")]
    Elsewhere(String),
    #[error("it has expired")]
    Expired,
    #[error("it would be good for too long: the clocks of the two machines differ too much")]
    TooLong,
    #[error("it came before, and an order counts once")]
    Replayed,
    #[error("it does not say approve, deny or redirect")]
    Verdict,
    #[error("the whole of this action was not shown there: open its session to approve it")]
    NotShown,
    #[error("too many orders came at once")]
    TooMany,
}

impl Refused {
    /// Whether it may be an attack, and belongs into the record.
    pub fn is_alarming(&self) -> bool {
        match self {
            Self::Unreadable
            | Self::Stranger(_)
            | Self::Altered(_)
            | Self::Elsewhere(_)
            | Self::Expired
            | Self::TooLong
            | Self::Replayed
            | Self::Verdict
            | Self::TooMany => true,
            Self::NotShown => false,
        }
    }
}

/// The nonces that came, until their orders have expired.
#[derive(Debug, Default)]
pub struct Nonces(BTreeMap<String, UnixMs>);

impl Nonces {
    /// Notes a nonce; false if it is known. An order that was accepted at `at` has expired after the longest time that
    /// orders are good for.
    pub fn note(&mut self, nonce: &str, at: UnixMs, now: UnixMs) -> Result<(), Refused> {
        self.0.retain(|_, at| now.since(*at) <= FLEET_ORDER_MS + 2 * FLEET_SKEW_MS_MAX);
        if self.0.contains_key(nonce) {
            return Err(Refused::Replayed);
        }
        if self.0.len() >= FLEET_NONCES_MAX {
            return Err(Refused::TooMany);
        }
        self.0.insert(nonce.to_owned(), at);
        Ok(())
    }
}

/// The session that judges.
pub struct Court<'a> {
    pub machine: &'a str,
    pub session: &'a SessionId,
    /// Keys that may decide here.
    pub deciders: &'a [PublicKey],
    /// What was published whole of the actions that are pending.
    pub shown: &'a BTreeMap<ActionId, (Digest, bool)>,
    pub now: UnixMs,
}

impl Court<'_> {
    /// Judges an order as it came. Its nonce is used up as soon as its signature is known to be good.
    pub fn judge(&self, payload: &[u8], nonces: &mut Nonces) -> Result<Accepted, Refused> {
        let text = Some(payload).filter(|payload| payload.len() <= FLEET_ORDER_BYTES_MAX);
        let signed: SignedOrder = text.and_then(|text| serde_json::from_slice(text).ok()).ok_or(Refused::Unreadable)?;
        let key = signed.signed.key;
        if !self.deciders.contains(&key) {
            return Err(Refused::Stranger(key.fingerprint()));
        }
        if !is_decision_good(&signed.order, &signed.signed) {
            return Err(Refused::Altered(key.fingerprint()));
        }
        let order: Order = serde_json::from_str(&signed.order).map_err(|_| Refused::Unreadable)?;
        if !is_subject_word(&order.nonce) || order.nonce.len() > FLEET_NONCE_CHARS_MAX {
            return Err(Refused::Unreadable);
        }
        if order.machine != self.machine || order.session != *self.session {
            return Err(Refused::Elsewhere(format!("{}:{}", order.machine, order.session)));
        }
        if order.expires <= self.now {
            return Err(Refused::Expired);
        }
        if order.expires.since(self.now) > FLEET_ORDER_MS + FLEET_SKEW_MS_MAX {
            return Err(Refused::TooLong);
        }
        nonces.note(&order.nonce, self.now, self.now)?;
        match order.verdict {
            Verdict::ApproveEdited => return Err(Refused::Verdict),
            Verdict::Approve if self.shown.get(&order.action) != Some(&(order.digest, true)) => {
                return Err(Refused::NotShown);
            }
            Verdict::Approve | Verdict::Deny | Verdict::Redirect => {}
        }
        let Order { action, digest, verdict, reason, confirm, despite_comments, nonce, .. } = order;
        let decide = Decide { reason, confirm, despite_comments, ..Decide::new(action, digest, verdict) };
        Ok(Accepted { key, nonce, decide })
    }
}

/// An order with this decision, as it is sent, and its nonce. `None` when no random number can be had.
pub fn order(
    signer: &Signer,
    machine: &str,
    session: &SessionId,
    decide: Decide,
    now: UnixMs,
) -> Option<(SignedOrder, String)> {
    let mut bytes = [0u8; 16];
    ring::rand::SystemRandom::new().fill(&mut bytes).ok()?;
    let nonce: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let Decide { action, digest, verdict, reason, confirm, despite_comments, .. } = decide;
    let order = Order {
        machine: machine.to_owned(),
        session: session.clone(),
        action,
        digest,
        verdict,
        reason,
        confirm,
        despite_comments,
        nonce: nonce.clone(),
        expires: UnixMs(now.0.saturating_add(FLEET_ORDER_MS)),
    };
    let order = serde_json::to_string(&order).ok()?;
    let signed = signer.decision(&order)?;
    Some((SignedOrder { order, signed }, nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_000_000_000);

    struct Bench {
        _dir: tempfile::TempDir,
        signer: Signer,
        stranger: Signer,
        shown: BTreeMap<ActionId, (Digest, bool)>,
        nonces: Nonces,
    }

    impl Bench {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let key = |name: &str| Signer::load_or_make(&dir.path().join(name)).unwrap();
            let shown = [("a1", true), ("a2", false)];
            Self {
                signer: key("one"),
                stranger: key("other"),
                shown: shown.map(|(action, whole)| (action.into(), (Digest::of(b"x"), whole))).into(),
                nonces: Nonces::default(),
                _dir: dir,
            }
        }

        fn text(&self, action: &str, verdict: Verdict) -> String {
            let decide = Decide::new(action.into(), Digest::of(b"x"), verdict);
            let (order, _) = order(&self.signer, "box", &"s1".into(), decide, NOW).unwrap();
            serde_json::to_string(&order).unwrap()
        }

        fn judge(&mut self, text: &str, later_ms: u64) -> Result<Accepted, Refused> {
            let deciders = [self.signer.key()];
            let (session, now) = ("s1".into(), UnixMs(NOW.0 + later_ms));
            let court = Court { machine: "box", session: &session, deciders: &deciders, shown: &self.shown, now };
            court.judge(text.as_bytes(), &mut self.nonces)
        }
    }

    #[test]
    fn an_order_counts_once_for_what_was_shown_and_until_it_expires() {
        let mut bench = Bench::new();
        let text = bench.text("a1", Verdict::Approve);
        let accepted = bench.judge(&text, 0).unwrap();
        assert_eq!((accepted.key, accepted.decide.action), (bench.signer.key(), "a1".into()));
        assert_eq!(bench.judge(&text, 1), Err(Refused::Replayed));
        assert_eq!(bench.judge(&text, FLEET_ORDER_MS), Err(Refused::Expired));
        let late = bench.text("a1", Verdict::Approve);
        assert_eq!(bench.judge(&late, FLEET_ORDER_MS), Err(Refused::Expired));
        // What is cut may be denied, and not approved.
        let cut = bench.text("a2", Verdict::Approve);
        assert_eq!(bench.judge(&cut, 0), Err(Refused::NotShown));
        let denied = bench.text("a2", Verdict::Deny);
        assert!(bench.judge(&denied, 0).is_ok());
        let unknown = bench.text("a3", Verdict::Approve);
        assert_eq!(bench.judge(&unknown, 0), Err(Refused::NotShown));
        let edited = bench.text("a1", Verdict::ApproveEdited);
        assert_eq!(bench.judge(&edited, 0), Err(Refused::Verdict));
    }

    #[test]
    fn a_forged_order_is_refused_whatever_is_changed() {
        let mut bench = Bench::new();
        let text = bench.text("a1", Verdict::Deny);
        let altered = text.replace("deny", "approve");
        assert_ne!(altered, text);
        assert!(matches!(bench.judge(&altered, 0), Err(Refused::Altered(_))));
        let (signer, stranger) = (bench.signer.key(), bench.stranger.key());
        let renamed = text.replace(&signer.to_string(), &stranger.to_string());
        assert_eq!(bench.judge(&renamed, 0), Err(Refused::Stranger(stranger.fingerprint())));
        let own = Signer::decision(&bench.stranger, "{}").unwrap();
        let forged: SignedOrder = serde_json::from_str(&text).unwrap();
        let forged = SignedOrder { signed: crate::base::Signed { key: signer, ..own }, ..forged };
        let forged = serde_json::to_string(&forged).unwrap();
        assert!(matches!(bench.judge(&forged, 0), Err(Refused::Altered(_))));
        for unreadable in ["", "{}", "[]", "{\"order\": 7}", &"x".repeat(FLEET_ORDER_BYTES_MAX + 1)] {
            assert_eq!(bench.judge(unreadable, 0), Err(Refused::Unreadable));
        }
        // Only what was good uses up a nonce.
        assert!(bench.judge(&text, 0).is_ok());
    }

    #[test]
    fn an_order_is_for_one_machine_and_session_and_no_longer_than_orders_are_good_for() {
        let mut bench = Bench::new();
        let decide = || Decide::new("a1".into(), Digest::of(b"x"), Verdict::Deny);
        let mut check = |machine: &str, session: &str, at: u64, expect: fn(&Refused) -> bool| {
            let (order, _) = order(&bench.signer, machine, &session.into(), decide(), UnixMs(at)).unwrap();
            let refused = bench.judge(&serde_json::to_string(&order).unwrap(), 0).unwrap_err();
            assert!(expect(&refused), "{refused}");
        };
        check("other", "s1", NOW.0, |why| matches!(why, Refused::Elsewhere(_)));
        check("box", "s2", NOW.0, |why| matches!(why, Refused::Elsewhere(_)));
        check("box", "s1", NOW.0 + FLEET_SKEW_MS_MAX + 1, |why| *why == Refused::TooLong);
        let (order, _) = order(&bench.signer, "box", &"s1".into(), decide(), UnixMs(NOW.0)).unwrap();
        let unknown = order.order.replacen('{', "{\"more\": 1, ", 1);
        let signed = bench.signer.decision(&unknown).unwrap();
        let text = serde_json::to_string(&SignedOrder { order: unknown, signed }).unwrap();
        assert_eq!(bench.judge(&text, 0), Err(Refused::Unreadable), "what is not known may limit the consent");
    }

    #[test]
    fn nonces_are_bounded_and_forgotten_when_their_orders_have_expired() {
        let mut nonces = Nonces::default();
        for number in 0..FLEET_NONCES_MAX {
            nonces.note(&format!("n{number}"), NOW, NOW).unwrap();
        }
        assert_eq!(nonces.note("one-more", NOW, NOW), Err(Refused::TooMany));
        let later = UnixMs(NOW.0 + FLEET_ORDER_MS + 2 * FLEET_SKEW_MS_MAX + 1);
        nonces.note("one-more", later, later).unwrap();
        assert_eq!(nonces.0.len(), 1);
    }
}
