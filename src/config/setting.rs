//! A value that can be configured: what it is given, and how lists and maps are read and written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;

use saphyr::Scalar;

use crate::detector;
use crate::text::Text;

/// A value that can be configured.
pub(super) trait Setting {
    /// Takes a value, or says what is wrong with it: `found …, wanted …`.
    fn set(&mut self, value: &Value<'_>) -> Result<(), String>;

    /// The value as the file has it.
    fn show(&self) -> String;
}

/// What a key is given.
pub(super) enum Value<'a> {
    /// One value.
    One(Scalar<'a>),
    /// A list of values.
    List(Vec<Scalar<'a>>),
    /// Values with names.
    Map(Vec<(Scalar<'a>, Scalar<'a>)>),
}

impl Value<'_> {
    pub(super) fn refused(&self, wanted: &str) -> String {
        match self {
            Self::One(value) => format!("found {}, wanted {wanted}", shown(value)),
            Self::List(_) => format!("found a list, wanted {wanted}"),
            Self::Map(_) => format!("found a section, wanted {wanted}"),
        }
    }
}

/// A value as it may be shown.
pub(super) fn shown(value: &Scalar<'_>) -> String {
    if *value == Scalar::Null { "nothing".to_owned() } else { Text::new(&plain(value)).to_string() }
}

/// A value as it was written.
fn plain<'a>(value: &'a Scalar<'_>) -> Cow<'a, str> {
    match value {
        Scalar::Null => "".into(),
        Scalar::Boolean(b) => b.to_string().into(),
        Scalar::Integer(n) => n.to_string().into(),
        Scalar::FloatingPoint(x) => x.to_string().into(),
        Scalar::String(text) => Cow::Borrowed(text),
    }
}

/// A value that is text wherever it comes from: `0.10` is no number that may lose its zero.
fn text(value: &Scalar<'_>) -> Result<String, String> {
    match value {
        Scalar::String(text) if !text.is_empty() => Ok(text.to_string()),
        Scalar::Null | Scalar::String(_) => Err(format!("found {}, wanted a text", shown(value))),
        _ => Err(format!("found {}, wanted a text: put it in quotes", shown(value))),
    }
}

/// A setting where it stands.
pub(super) struct At<'a, S>(pub(super) &'a mut S);

impl<S: Setting> Setting for At<'_, S> {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        self.0.set(value)
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

impl Setting for String {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        let Value::One(value) = value else { return Err(value.refused("a text")) };
        *self = text(value)?;
        Ok(())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Setting for Vec<String> {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        let Value::List(list) = value else { return Err(value.refused("a list, such as [one, two]")) };
        let texts: Result<_, _> = list.iter().map(text).collect();
        *self = texts.map_err(|what| format!("in the list: {what}"))?;
        Ok(())
    }

    fn show(&self) -> String {
        format!("[{}]", self.join(", "))
    }
}

/// Ids of detectors.
pub(super) struct Detectors<'a>(pub(super) &'a mut Vec<String>);

impl Setting for Detectors<'_> {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        let known: Vec<&str> = detector::ALL.iter().map(|detector| detector.id()).collect();
        let wanted = || format!("a list of detectors, of {}", known.join(", "));
        let Value::List(list) = value else { return Err(value.refused(&wanted())) };
        if let Some(unknown) = list.iter().find(|id| !known.contains(&&*plain(id))) {
            return Err(format!("found {} in the list, wanted {}", shown(unknown), wanted()));
        }
        *self.0 = list.iter().map(|id| plain(id).into_owned()).collect();
        Ok(())
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

/// Numbers and switches are texts here: what they mean is another's to say.
impl<V: From<String> + AsRef<OsStr>> Setting for BTreeMap<String, V> {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        let Value::Map(pairs) = value else { return Err(value.refused("a section of names with texts")) };
        let pair = |(name, value): &(Scalar<'_>, Scalar<'_>)| match value {
            Scalar::Boolean(_) | Scalar::Integer(_) => Ok((plain(name).into_owned(), plain(value).into_owned().into())),
            // what was found may be a secret that stands in the wrong place
            _ => text(value)
                .map(|text| (plain(name).into_owned(), text.into()))
                .map_err(|_| format!("the value of {} is no text: put it in quotes", shown(name))),
        };
        *self = pairs.iter().map(pair).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn show(&self) -> String {
        let pairs = self.iter().map(|(name, value)| format!("{name}: {}", value.as_ref().display()));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
    }
}

/// Headers of a request.
pub(super) struct Headers<'a>(pub(super) &'a mut Vec<(String, String)>);

impl Setting for Headers<'_> {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        let mut headers = BTreeMap::<String, String>::new();
        headers.set(value)?;
        if let Some(name) = headers.keys().find(|name| name.eq_ignore_ascii_case("authorization")) {
            return Err(format!("{} is a secret: name a file with its value, authorization-file", Text::new(name)));
        }
        *self.0 = headers.into_iter().collect();
        Ok(())
    }

    fn show(&self) -> String {
        self.0.iter().cloned().collect::<BTreeMap<_, _>>().show()
    }
}

/// A value that is read from one word, or a few.
pub(super) trait Word: Sized {
    /// What is right, for one who wrote something else.
    const WANTED: &'static str;

    fn read(text: &str) -> Option<Self>;

    fn write(&self) -> String;
}

impl<T: Word> Setting for T {
    fn set(&mut self, value: &Value<'_>) -> Result<(), String> {
        let read = if let Value::One(value) = value { T::read(plain(value).trim()) } else { None };
        *self = read.ok_or_else(|| value.refused(T::WANTED))?;
        Ok(())
    }

    fn show(&self) -> String {
        self.write()
    }
}
