//! From the file to what was learnt. What cannot be understood is an error that names its place.

use std::num::NonZeroU64;

use super::scalar::Hash;
use super::wire;
use crate::address::{self, Addresses};
use crate::baseline::map::Baselines;
use crate::baseline::peers::{self, Adoption, PeerValues, Pool};
use crate::baseline::{Baseline, Entry, Facet, Learning, Novelties, SLOT, Sleep, Snapshot, Volume};
use crate::burst::{Burst, Bursts, SPANS, Window, key_of_account, key_of_address};
use crate::clock::Clock;
use crate::cluster::{Bodies, Cluster};
use crate::credential::{self, Credentials, Habit, Kind, Life, Refusal, Tenant, Use};
use crate::engine::{Learned, Settings};
use crate::event::Span;
use crate::requests::{self, Requests, Starts};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub(super) struct Problem {
    place: String,
    what: String,
}

fn problem(place: impl Into<String>, what: impl Into<String>) -> Problem {
    Problem { place: place.into(), what: what.into() }
}

/// What the file says was learnt.
pub(super) fn learned(file: wire::File, settings: &Settings) -> Result<Learned, Problem> {
    let baselines = Baselines::new(settings.max_principals);
    baselines.count_evicted(file.accounts_evicted);
    for (username, account) in file.accounts {
        let place = format!("account {username:?}");
        baselines.insert(&username, baseline(account, &place, &baselines)?);
    }
    Ok(Learned {
        requests: Requests::restore(settings.repeat_window, requests(file.requests)?),
        baselines,
        cluster: Cluster {
            peers: peers(file.peers)?,
            credentials: Credentials::restore(settings.max_credentials, credentials(file.credentials)?),
            addresses: addresses(file.addresses)?,
            denials: bursts(file.denials, "denials")?,
            spreads: bursts(file.spreads, "spreads")?,
            surges: window(file.surges),
            bodies: Bodies { writes: file.bodies.writes, logged: file.bodies.logged },
            control_plane: file.control_plane.into_iter().collect(),
            first: file.first.map(|time| time.0),
            declared: file.declared,
            epoch: file.epoch.map(|time| time.0),
            clock: Clock { now: file.now.0, ahead: file.ahead },
        },
    })
}

fn requests(kept: wire::Requests) -> Result<requests::Snapshot, Problem> {
    let hashes = |generation: Vec<Hash>| generation.into_iter().map(|hash| hash.0).collect();
    let kinds = |words: &[String]| {
        Starts::bits(words).ok_or_else(|| problem("requests, starts", format!("unknown kind of request in {words:?}")))
    };
    let starts =
        |kept: wire::Starts| Ok(Starts { since: kept.since.0, seen: kinds(&kept.seen)?, missed: kinds(&kept.missed)? });
    Ok(requests::Snapshot {
        recent: hashes(kept.recent),
        older: hashes(kept.older),
        since: [kept.recent_since.0, kept.older_since.0],
        starts: kept.starts.into_iter().map(starts).collect::<Result<_, _>>()?,
    })
}

fn facet(word: &str, place: &str) -> Result<Facet, Problem> {
    let known = || Facet::ALL.map(Facet::as_str).join(", ");
    Facet::named(word).ok_or_else(|| problem(place, format!("unknown facet {word:?}, known are: {}", known())))
}

fn baseline(account: wire::Account, place: &str, baselines: &Baselines) -> Result<Baseline, Problem> {
    let mut novelties = [Novelties::default(); Facet::COUNT];
    let mut entries = Vec::new();
    for (word, facts) in account.facets {
        let facet = facet(&word, place)?;
        novelties[facet as usize] =
            Novelties { minutes: facts.novel_minutes, last: facts.last_novel.0, evicted: facts.evicted };
        for value in facts.values {
            let shown = format!("{place}, {word} {:?}", value.value);
            entries.push((entry(facet, &value, &shown, baselines)?, shown));
        }
    }
    let mut baseline = Baseline::restore(&Snapshot {
        first: account.first.0,
        last: account.last.0,
        requests: account.requests,
        chances: account.chances,
        minutes: account.minutes,
        hour: account.hour,
        hour_chances: account.hour_chances,
        epoch: account.epoch.0,
        sleep: sleep(&account.silence),
        volume: volume(&account.volume, place)?,
        novelties,
    });
    for (entry, shown) in entries {
        if !baseline.hold(entry) {
            let most = entry.facet.capacity();
            return Err(problem(shown, format!("stands there twice, or is one more than the {most} of its facet")));
        }
    }
    Ok(baseline)
}

fn sleep(kept: &wire::Silence) -> Sleep {
    let woke = u32::try_from(kept.woke.0.0 / 1_000_000).unwrap_or_default();
    Sleep { longest: kept.longest, last: kept.last_dormancy, woke }
}

fn volume(kept: &wire::Volume, place: &str) -> Result<Volume, Problem> {
    let mut slots = Volume::default().slots;
    let (powers, most) = (kept.slots.len(), slots.len());
    let known = slots.get_mut(..powers);
    let known = known.ok_or_else(|| problem(place, format!("{powers} powers of two in its volume, at most {most}")))?;
    known.copy_from_slice(&kept.slots);
    Ok(Volume {
        slot: u32::try_from(kept.slot.0.0 / SLOT.0).unwrap_or_default(),
        requests: kept.requests,
        slots,
        quarantined: kept.quarantined,
        days: kept.days,
        day: u16::try_from(kept.day.0.0 / Span::days(1).0).unwrap_or_default(),
    })
}

fn entry(facet: Facet, value: &wire::Value, place: &str, baselines: &Baselines) -> Result<Entry, Problem> {
    let hash = value.hash.map(|hash| hash.0).or_else(|| facet.parse(&value.value));
    let hash = hash.ok_or_else(|| problem(place, format!("is no {}", facet.as_str())))?;
    let learning = Learning { quarantine: value.quarantined, declared: value.declared };
    let entry = Entry::new((facet, hash), baselines.intern(&value.value), value.first.0, learning);
    let entry = entry.continued(value.last.0, value.count, value.days);
    Ok(if value.blocked { entry.blocked() } else { entry })
}

fn peers(kept: wire::Peers) -> Result<PeerValues, Problem> {
    let mut peers = PeerValues { overflow: kept.overflow, ..PeerValues::default() };
    for wire::Members { pool: name, accounts } in kept.members {
        let hash = Hash::read(&name).map(|hash| hash.0);
        let key = hash.map_or_else(|| Ok(pool(&name, "peers, members")?.key()), Ok)?;
        peers.members.insert(key, accounts);
    }
    for wire::Adoption { facet, value, accounts, in_wave, wave } in kept.values {
        let key = key(Pool::Cluster, facet.as_deref(), &value, "peers, values")?;
        peers.adoptions.insert(key, Adoption { accounts, wave: wave.0, in_wave });
    }
    for wire::Known { pool: name, facet, value, accounts } in kept.known {
        let pool = name.as_deref().map_or(Ok(Pool::Cluster), |name| pool(name, "peers, known"))?;
        peers.known.insert(key(pool, facet.as_deref(), &value, "peers, known")?, accounts);
    }
    Ok(peers)
}

fn pool<'a>(name: &'a str, place: &str) -> Result<Pool<'a>, Problem> {
    Pool::parse(name).ok_or_else(|| problem(place, format!("unknown pool {name:?}")))
}

/// Without a facet the value is the hash of all.
fn key(pool: Pool<'_>, word: Option<&str>, value: &str, place: &str) -> Result<u64, Problem> {
    let wrong = || problem(place, format!("{value:?} is no {}", word.unwrap_or("hash")));
    let Some(word) = word else { return Hash::read(value).map(|hash| hash.0).ok_or_else(wrong) };
    let facet = facet(word, place)?;
    Ok(peers::key(pool, facet, facet.parse(value).ok_or_else(wrong)?))
}

fn addresses(kept: wire::Addresses) -> Result<Addresses, Problem> {
    let network = |wire::Network { network, arrivals }: wire::Network| match network.parse() {
        Ok(network) => Ok((network, arrivals)),
        Err(_) => Err(problem("addresses, networks", format!("{network:?} is no network"))),
    };
    Ok(Addresses::restore(address::Snapshot {
        networks: kept.networks.into_iter().map(network).collect::<Result<_, _>>()?,
        arrivals: kept.arrivals,
        node_joined: kept.node_joined.0,
        awaited: kept.awaited,
    }))
}

fn credentials(kept: wire::Credentials) -> Result<credential::Snapshot, Problem> {
    let by_kind = |habit: wire::Habit| Ok((kind(&habit.of, "credentials")?, counts(&habit)));
    let by_account = |habit: wire::Habit| (Hash::of(&habit.of, credential::key), counts(&habit));
    let tenant = |wire::Tenant { ip, pod, node, credential }: wire::Tenant| {
        let credential = Hash::of(&credential, credential::key);
        (ip, Tenant { pod: pod.into(), node: node.into(), credential })
    };
    let caller = |wire::Caller { ip, credential }: wire::Caller| (ip, Hash::of(&credential, credential::key));
    Ok(credential::Snapshot {
        lives: kept.lives.into_iter().map(life).collect::<Result<_, _>>()?,
        sharing: kept.sharing.into_iter().map(by_kind).collect::<Result<_, _>>()?,
        sharing_of_accounts: kept.sharing_of_accounts.into_iter().map(by_account).collect(),
        unissued: kept.unissued.into_iter().map(by_kind).collect::<Result<_, _>>()?,
        moves: Habit { credentials: kept.moves.credentials, exceptions: kept.moves.exceptions },
        tenants: kept.tenants.into_iter().map(tenant).collect(),
        callers: kept.callers.into_iter().map(caller).collect(),
        first: kept.first.map(|time| time.0),
        evicted: kept.evicted,
    })
}

const fn counts(habit: &wire::Habit) -> Habit {
    Habit { credentials: habit.credentials, exceptions: habit.exceptions }
}

fn kind(word: &str, place: &str) -> Result<Kind, Problem> {
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
    kind.ok_or_else(|| problem(place, format!("unknown kind {word:?}, known are: {}", known())))
}

fn life(kept: wire::Life) -> Result<Life, Problem> {
    let new = Life::new(&kept.id);
    let account = kept.account.map(|name| Hash::of(&name, credential::key));
    let used = |used: wire::Use| Use {
        ip: used.ip,
        first: used.first.0,
        last: used.last.0,
        count: used.count,
        quarantined: used.quarantined || used.blocked,
        blocked: used.blocked,
        days: used.days,
    };
    let client = |name: &String| Hash::of(name, |name| Facet::Agent.parse(name).expect("any text is an agent"));
    Ok(Life {
        key: kept.hash.map_or(new.key, |hash| hash.0),
        account: account.and_then(NonZeroU64::new),
        kind: kept.kind.map(|word| kind(&word, &format!("credential {:?}", kept.id))).transpose()?,
        issued: kept.issued.map(|issue| (issue.by.into(), issue.at.0)),
        is_suspect: kept.suspect,
        uses: kept.uses.into_iter().map(used).collect(),
        clients: kept.clients.iter().map(client).collect(),
        first: kept.first.0,
        last: kept.last.0,
        expires: kept.expires.map(|time| time.0),
        refused: kept.refused.map(|refusal| Box::new(Refusal { at: refusal.at.0, ip: refusal.ip })),
        ..new
    })
}

fn bursts(kept: Vec<wire::Burst>, place: &str) -> Result<Bursts, Problem> {
    let burst = |kept: wire::Burst| {
        let key = match (kept.address, kept.account) {
            (None, Some(name)) => Hash::of(&name, key_of_account),
            (address, _) => key_of_address(address),
        };
        let windows: Vec<Window> = kept.windows.into_iter().map(window).collect();
        let windows = windows.try_into().map_err(|wrong: Vec<Window>| {
            problem(place, format!("{} windows, and there are {} spans", wrong.len(), SPANS.len()))
        });
        Ok((key, Burst { windows: windows? }))
    };
    Ok(Bursts { open: kept.into_iter().map(burst).collect::<Result<_, _>>()? })
}

fn window(kept: wire::Window) -> Window {
    let things = kept.things.into_iter().map(|hash| hash.0).collect();
    Window { start: kept.start.0, count: kept.count, things, usual: kept.usual }
}
