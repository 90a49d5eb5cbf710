//! What is read of a whole file.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::sink;
use crate::source::live::webhook::Limits;

fn problems(text: &str) -> Vec<String> {
    let problems = Config::parse(text).expect_err("it is wrong");
    problems.iter().map(|p| format!("{}: {}", p.line, p.what)).collect()
}

#[test]
fn the_reference_says_the_defaults() {
    assert_eq!(Config::parse(&reference()), Ok(Config::default()));
    assert_eq!(Config::parse(""), Ok(Config::default()));
    assert_eq!(Config::parse("# nothing\n"), Ok(Config::default()));
}

#[test]
fn every_key_that_is_named_is_set() {
    let text = "cluster: prod\nthreads: 3\nformat: ecs\nmin-severity: low\nfail-on: high\nmax-rejects: 5%\n\
                rejects:\n  path: /tmp/r.jsonl\n  max-bytes: 1 MiB\n\
                detection:\n  disabled-detectors: [new-action]\n\
                queue: 1 GiB\ngrace: 1 min\nlog-format: json\nstate:\n  folder: /s\n\
                admin:\n  listen: none\n  token-file: /t\n";
    let config = Config::parse(text).expect("all right");
    let rejects = Rejects { path: Some("/tmp/r.jsonl".into()), max_bytes: Bytes(1 << 20) };
    let expected = Config {
        cluster: "prod".to_owned(),
        threads: NonZeroUsize::new(3),
        format: Some(Format::Ecs),
        min_severity: Severity::Low,
        fail_on: Some(Severity::High),
        max_rejects: MaxRejects::Percent(5.0),
        rejects,
        detection: Settings { disabled_detectors: vec!["new-action".to_owned()], ..Settings::default() },
        queue: Bytes(1 << 30),
        grace: Duration::from_secs(60),
        log_format: LogFormat::Json,
        state: StateSettings { folder: "/s".into() },
        admin: AdminSettings { listen: None, token_file: Some("/t".into()) },
        ..Config::default()
    };
    assert_eq!(config, expected);
}

#[test]
fn all_problems_are_told_at_once_with_what_would_be_right() {
    let text =
        "min_severity: low\nthreads: 0\nmax-bytes: 5 MiB\nformat: [ocsf]\nrejects: yes\ncluster:\nfail-on: hihg\n";
    let expected = [
        "1: unknown key min_severity; did you mean min-severity?",
        "2: threads: found 0, wanted auto or a number from 1",
        "3: unknown key max-bytes; did you mean rejects.max-bytes?",
        "4: format: found a list, wanted auto, text, ocsf, ecs or falco",
        "5: rejects: found one value, wanted a section with the keys path, max-bytes",
        "6: cluster: found nothing, wanted a text",
        "7: fail-on: found hihg, wanted never, informational, low, medium, high or critical",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn what_is_no_mapping_is_said_to_be_none() {
    assert_eq!(problems("- a\n"), ["1: found a list, wanted keys with values, such as cluster: prod"]);
    assert_eq!(problems("a: b: c\n").len(), 1);
    assert_eq!(problems("cluster: a\ncluster: b\n"), ["2: duplicated key in mapping"]);
    assert_eq!(problems("cluster: a\n---\ncluster: b\n"), ["3: found a second document, wanted one"]);
    assert_eq!(problems("5: a\n"), ["1: unknown key 5"]);
}

#[test]
fn the_example_of_every_kind_says_what_is_read_of_it() {
    let text = reference::without_marks();
    let mut config = Config::parse(&text).expect("the examples are right");
    let kinds: Vec<&str> = config.sources.iter().map(|source| source.kind.as_str()).collect();
    assert_eq!(kinds, ["file", "stdin", "webhook", "kafka"]);
    let SourceKind::Webhook(webhook) = &config.sources[2].kind else { panic!("{:?}", config.sources[2]) };
    assert_eq!(webhook.feeds, ["cp-1", "cp-2"]);
    assert_eq!(webhook.limits, Limits::default());
    assert_eq!(webhook.tls.as_ref().map(|tls| tls.key.as_path()), Some(Path::new("/etc/sawatch/webhook/tls.key")));
    let SourceKind::Kafka(kafka) = &config.sources[3].kind else { panic!("{:?}", config.sources[3]) };
    assert_eq!(kafka.properties.values["bootstrap.servers"], "kafka-1:9092,kafka-2:9092");
    assert_eq!(kafka.properties.files["sasl.password"], Path::new("/run/secrets/kafka-password"));
    let sinks: Vec<_> = config.sinks.iter().map(|sink| (sink.name.as_str(), sink.required, sink.held_back)).collect();
    let people = [("soc", true, false), ("alertmanager", true, false), ("falcosidekick", true, false)];
    let [first, last] =
        [[("stdout", false, true), ("findings", true, true)].to_vec(), [("topic", true, true)].to_vec()];
    assert_eq!(sinks, [first, people.to_vec(), last].concat());
    (config.sources, config.sinks) = (Vec::new(), Vec::new());
    assert_eq!(config, Config::default());
}

#[test]
fn every_example_is_read_as_it_is_written() {
    fn check<T: Named>() {
        let config = Config::default();
        for (kind, key) in T::KINDS.iter().flat_map(|kind| T::KEYS.iter().map(move |key| (kind, key))) {
            let mut one = T::new(kind, kind.example, &config);
            let Some(example) = key.example(&mut one) else { continue };
            let text = format!("{}: {example}\n", key.path.replace('.', "-"));
            let place = Place { at: String::new(), keys: vec![text.split(':').next().unwrap_or("")], named: &[] };
            let mut problems = Vec::new();
            let document = yaml::document(&text, &mut problems).expect("one document");
            let given = yaml::section(document, &place, &mut problems);
            assert_eq!(key.set(&mut one, &given[0].value), Some(Ok(())), "{}.{}", kind.name, key.path);
            assert_eq!(key.show(&mut one), Some(example.replace('"', "")), "{}.{}", kind.name, key.path);
        }
    }
    check::<SourceSettings>();
    check::<SinkSettings>();
}

#[test]
fn a_sink_is_told_what_the_whole_configuration_says_unless_it_says_otherwise() {
    let text = "sinks:\n  a:\n    kind: stdout\n  b:\n    kind: file\n    path: /f\n    min-severity: critical\n    \
                required: false\n    held-back: false\nmin-severity: low\n";
    let sinks = Config::parse(text).expect("all right").sinks;
    let file = sink::Kind::File { path: "/f".into(), format: Format::Ocsf };
    let a = SinkSettings {
        name: "a".to_owned(),
        least: Severity::Low,
        required: false,
        held_back: true,
        ..SinkSettings::default()
    };
    let b = SinkSettings { name: "b".to_owned(), kind: file, least: Severity::Critical, held_back: false, ..a.clone() };
    assert_eq!(sinks, [a, b]);
}

#[test]
fn all_problems_of_sections_are_told_at_once() {
    let text = "\
sources:
  log:
    kind: file
    listen: 127.0.0.1:9443
    form: end
  a b:
    kind: stdin
  hook:
    kind: webhook
    listen: 0.0.0.0:9443
  half:
    kind: webhook
    listen: 127.0.0.1:1
    tls:
      key: /key
sinks:
  pager:
    kind: webhok
    url: https://soc.example/
  am:
    kind: alertmanager
    url: ftp://soc.example
    capacity: many
  one:
    path: /f
  none: 5
  k:
    kind: kafka
    topic: t
    properties:
      sasl.password: s3cret
  h:
    kind: falco
    url: http://falco/
    headers: {Authorization: s3cret}
";
    let kinds = "stdout, file, webhook, alertmanager, falco, kafka";
    let expected = [
        "2: sources.log: path is missing: the live file, or a link to it, such as /var/log/kubernetes/audit.log",
        "4: sources.log.listen: kind file has no such key, only webhook",
        "5: unknown key sources.log.form; did you mean from?",
        "6: sources.a b: a name is up to 64 letters, digits, - and _",
        "8: sources.hook: 0.0.0.0:9443 is no loopback address and there is no tls: make certificates with `sawatch webhook init`",
        "11: sources.half: tls.cert is missing beside tls.key: PEM file: our certificate, then those between it and its authority, such as /etc/sawatch/webhook/tls.crt",
        &format!("18: sinks.pager.kind: found webhok, wanted one of {kinds}"),
        "22: sinks.am.url: an address begins with https:// or http://",
        "23: sinks.am.capacity: found many, wanted a whole number",
        &format!("24: sinks.one: kind is missing, wanted one of {kinds}"),
        "26: sinks.none: found one value, wanted a section with a kind and the keys of that kind",
        "27: sinks.k: properties: sasl.password is a secret: name a file with its value in property-files",
        "27: sinks.k: properties: bootstrap.servers is missing, wanted HOST:PORT of one broker or several",
        "35: sinks.h.headers: Authorization is a secret: name a file with its value, authorization-file",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn what_only_one_can_have_is_had_by_one() {
    let text = "sources:\n  a:\n    kind: stdin\n  b:\n    kind: stdin\nsinks:\n  c:\n    kind: file\n    path: /f\n  \
                d:\n    kind: file\n    path: /f\n";
    let expected = [
        "4: sources.b: it has standard input, as a has: only one can",
        "10: sinks.d: it has path /f, as c has: only one can",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn there_are_at_most_64_sections_of_a_sort() {
    let sections = |n: usize| {
        (0..n).fold("sources:\n".to_owned(), |text, n| text + &format!("  s{n}:\n    kind: file\n    path: /{n}\n"))
    };
    assert_eq!(Config::parse(&sections(64)).expect("all right").sources.len(), 64);
    assert_eq!(problems(&sections(65)), ["2: sources: found 65, wanted 64 at most"]);
    assert_eq!(problems("sinks: []\n"), ["1: sinks: found a list, wanted a section for each sink, by its name"]);
    assert_eq!(problems("sink:\n  a: b\n"), ["1: unknown key sink; did you mean sinks?"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    /// A line of the examples that is lost, doubled, indented or has another value.
    #[test]
    fn whatever_is_wrong_is_told_with_a_line_that_is_there(at in 0_usize..220, how in 0..4, value in "[a-z0-9:{}\\[\\], -]{0,12}") {
        let text = reference::without_marks();
        let mut lines: Vec<String> = text.lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect();
        let at = at % lines.len();
        let line = lines.remove(at);
        match how {
            0 => {}
            1 => lines.splice(at..at, [line.clone(), line]).for_each(drop),
            2 => lines.insert(at, format!("  {line}")),
            _ => lines.insert(at, line.split_once(':').map_or(line.clone(), |(key, _)| format!("{key}: {value}"))),
        }
        if let Err(problems) = Config::parse(&lines.join("\n")) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|p| (1..=lines.len() + 1).contains(&p.line)), "{problems:?}");
        }
    }
}
