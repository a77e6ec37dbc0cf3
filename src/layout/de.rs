//! From a [`Tree`] to a typed value, by serde, with the place of whatever does not fit.
//!
//! Not `ron`'s own deserializer, for three reasons: it keeps the last of two equal keys without a word, it stops at the
//! first mistake, and it does not say where a value of ours was wrong. It reads the same texts as `ron` does with
//! `implicit_some` and `unwrap_newtypes`; a test compares the two.

use super::tree::{Children, Item, ItemId, Label, Shape, Tree, field_name, text_of};
use crate::model::nearest;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use std::{borrow::Cow, collections::HashSet, fmt};

/// A text and its tree, without the values that are left out because they are wrong or not the lab's.
pub(super) struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) tree: &'t Tree,
    pub(super) skipped: HashSet<ItemId>,
}

/// Which part of an item is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Label,
    Value,
}

/// What does not fit.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) at: Option<(ItemId, Part)>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Whether the file would be right without the field that this is about.
    pub(super) unknown_field: bool,
}

impl Misfit {
    fn new(message: impl Into<String>) -> Self {
        Self { at: None, message: message.into(), hint: None, unknown_field: false }
    }

    fn at(mut self, id: ItemId, part: Part) -> Self {
        self.at.get_or_insert((id, part));
        self
    }

    fn unknown(what: &str, name: &str, known: &[&str]) -> Self {
        let list = if known.is_empty() { "nothing is known here".to_owned() } else { format!("known here: {}", known.join(", ")) };
        let hint = match nearest(name, &mut known.iter().copied()) {
            Some(near) => format!("did you mean {near}? {list}"),
            None => list,
        };
        Self { hint: Some(hint), ..Self::new(format!("unknown {what} {:?}", crate::model::shortened(name, 60))) }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("word", variant, expected)
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self { unknown_field: true, ..Self::unknown("field", field, expected) }
    }
    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the field {field:?} is missing here"))
    }
    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("the field {field:?} is already there; it may be said once only"))
    }
}

type Fit<T> = Result<T, Misfit>;

/// Reads one value of a document.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    document: &'a Document<'a>,
    id: ItemId,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Document<'a>, id: ItemId) -> Self {
        Self { document, id }
    }

    fn item(&self) -> Fit<&'a Item> {
        // Every id comes from the tree itself.
        self.document.tree.item(self.id).ok_or_else(|| Misfit::new("nothing is here"))
    }

    fn entries(&self) -> Entries<'a> {
        Entries { document: self.document, children: self.document.tree.children(self.id), current: None }
    }

    fn written(&self, item: &Item) -> &'a str {
        item.span.of(self.document.text)
    }

    fn wrong<T>(&self, expected: &str) -> Fit<T> {
        self.wrong_unless(expected, None)
    }

    /// As [`Reader::wrong`], with what was probably meant.
    fn wrong_unless<T>(&self, expected: &str, hint: Option<String>) -> Fit<T> {
        let item = self.item()?;
        let found = match item.shape {
            Shape::Word | Shape::Number => self.written(item).chars().take(40).collect(),
            Shape::Text | Shape::RawText(_) => {
                let text = text_of(self.document.text, item.span, item.shape);
                format!("the text {:?}", text.chars().take(40).collect::<String>())
            }
            Shape::List => "a list".to_owned(),
            Shape::Map => "a map".to_owned(),
            Shape::Fields => "fields in round brackets".to_owned(),
            Shape::Tuple if item.count == 0 => "empty round brackets".to_owned(),
            Shape::Tuple => "values in round brackets".to_owned(),
        };
        let misfit = Misfit { hint, ..Misfit::new(format!("expected {expected} here, found {found}")) };
        Err(misfit.at(self.id, Part::Value))
    }

    fn text(&self) -> Fit<Cow<'a, str>> {
        let item = self.item()?;
        match item.shape {
            Shape::Text | Shape::RawText(_) => Ok(text_of(self.document.text, item.span, item.shape)),
            _ => self.wrong("a text in quotes"),
        }
    }

    fn number(&self, least: i128, most: i128) -> Fit<i128> {
        let item = self.item()?;
        let number = if item.shape == Shape::Number { whole_number(self.written(item)) } else { None };
        match number {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => {
                let field = if let Label::Field(span) = item.label { field_name(span.of(self.document.text)) } else { "" };
                let Some(unit) = Unit::of(field) else { return self.wrong(&format!("a whole number from {least} to {most}")) };
                let meant = match item.shape {
                    Shape::Text | Shape::RawText(_) => unit.amount(&self.text()?),
                    _ => unit.amount(self.written(item)),
                };
                let hint = meant.map(|amount| format!("{field} is in {}: write {amount}", unit.title()));
                self.wrong_unless(&format!("a whole number of {} from {least} to {most}", unit.title()), hint)
            }
        }
    }

    /// What was probably meant where a word was expected: the word without its quotes, or the form that takes a value.
    fn meant(&self, type_name: &str, words: &[&str]) -> Option<String> {
        let item = self.item().ok()?;
        if item.shape == Shape::List && type_name == "Allow" {
            return Some(format!("write only({})", self.written(item).chars().take(60).collect::<String>()));
        }
        let text = self.text().ok()?;
        let text: String = text.chars().take(60).collect();
        if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(&text)) {
            return Some(format!("write {word} without quotes"));
        }
        match type_name {
            "Bind" if text.parse::<std::net::Ipv4Addr>().is_ok() => Some(format!("write address({text:?})")),
            "Bind" => Some(format!("write on({text:?}) for a network, or address(\"…\") for an address")),
            "Allow" => Some(format!("write only([{text:?}])")),
            _ => nearest(&text, &mut words.iter().copied()).map(|near| format!("did you mean {near}? Words stand without quotes")),
        }
    }

    /// Whether a struct or a variant may be read from this item as fields.
    fn is_fields(item: &Item) -> bool {
        item.shape == Shape::Fields || (item.shape == Shape::Tuple && item.count == 0)
    }
}

/// The unit of a field that holds an amount.
#[derive(Clone, Copy)]
enum Unit {
    Mebibytes,
    Gibibytes,
    Milliseconds,
}

impl Unit {
    fn of(field: &str) -> Option<Self> {
        match field {
            "memory" => Some(Self::Mebibytes),
            "disk" => Some(Self::Gibibytes),
            "advertise_ms" => Some(Self::Milliseconds),
            _ => None,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Mebibytes => "MiB",
            Self::Gibibytes => "GiB",
            Self::Milliseconds => "milliseconds",
        }
    }

    /// The amount in this unit that a text with a unit of its own means: "2G" is 2048 MiB.
    fn amount(self, text: &str) -> Option<u64> {
        let text = text.trim();
        let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let (number, written) = text.split_at_checked(end)?;
        let number: u64 = number.parse().ok()?;
        let written = written.trim().to_ascii_lowercase();
        let (times, divided): (u64, u64) = match (self, written.as_str()) {
            (Self::Mebibytes | Self::Gibibytes | Self::Milliseconds, "") => (1, 1),
            (Self::Mebibytes, "m" | "mb" | "mib") | (Self::Gibibytes, "g" | "gb" | "gib") | (Self::Milliseconds, "ms") => (1, 1),
            (Self::Mebibytes, "g" | "gb" | "gib") | (Self::Gibibytes, "t" | "tb" | "tib") => (1024, 1),
            (Self::Mebibytes, "k" | "kb" | "kib") | (Self::Gibibytes, "m" | "mb" | "mib") => (1, 1024),
            (Self::Milliseconds, "s") => (1000, 1),
            _ => return None,
        };
        let amount = number.checked_mul(times)?;
        (amount % divided == 0 && amount > 0).then_some(amount / divided)
    }
}

fn whole_number(written: &str) -> Option<i128> {
    let plain: String = written.chars().filter(|char| *char != '_').collect();
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, plain.get(1..)?),
        b'+' => (false, plain.get(1..)?),
        _ => (false, plain.as_str()),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        _ => (10, digits),
    };
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { number.checked_neg()? } else { number })
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty),+ $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
            let number = self.number(i128::from(<$type>::MIN), i128::from(<$type>::MAX))?;
            // The range was checked just now.
            visitor.$visit(<$type>::try_from(number).unwrap_or_default())
        }
    )+};
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
        let item = self.item()?;
        match item.shape {
            Shape::Word if matches!(self.written(item), "true" | "false") => self.deserialize_bool(visitor),
            Shape::Number => self.deserialize_i64(visitor),
            Shape::Text | Shape::RawText(_) => self.deserialize_str(visitor),
            Shape::List => self.deserialize_seq(visitor),
            _ => self.wrong("true or false, a whole number, a text or a list of texts"),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
        let item = self.item()?;
        match (item.shape, self.written(item)) {
            (Shape::Word, "true") => visitor.visit_bool(true),
            (Shape::Word, "false") => visitor.visit_bool(false),
            _ => self.wrong("true or false"),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
        match self.text()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
        let item = self.item()?;
        if item.shape == Shape::Word && self.written(item) == "None" {
            return visitor.visit_none();
        }
        let is_some = item.shape == Shape::Tuple && item.count == 1 && item.name.of(self.document.text) == "Some";
        let id = if is_some { item.first } else { self.id };
        visitor.visit_some(Self { id, ..self })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Fit<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
        if self.item()?.shape != Shape::List { self.wrong("a list in [square brackets]") } else { visitor.visit_seq(self.entries()) }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Fit<V::Value> {
        let item = self.item()?;
        if item.shape == Shape::Tuple && item.count as usize == len && item.name.start == item.name.end {
            visitor.visit_seq(self.entries())
        } else {
            self.wrong(&format!("{len} values in (round brackets)"))
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _name: &'static str, len: usize, visitor: V) -> Fit<V::Value> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
        if self.item()?.shape != Shape::Map { self.wrong("a map in {curly brackets}") } else { visitor.visit_map(self.entries()) }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, name: &'static str, _fields: &'static [&'static str], visitor: V) -> Fit<V::Value> {
        let item = self.item()?;
        let called = item.name.of(self.document.text);
        if !Self::is_fields(item) || !(called.is_empty() || called == name) {
            return self.wrong("fields in (round brackets)");
        }
        visitor.visit_map(self.entries())
    }

    fn deserialize_enum<V: Visitor<'de>>(self, name: &'static str, variants: &'static [&'static str], visitor: V) -> Fit<V::Value> {
        let item = self.item()?;
        let word = if item.shape == Shape::Word { self.written(item) } else { item.name.of(self.document.text) };
        if word.is_empty() {
            return self.wrong_unless(&format!("one of the words {}", variants.join(", ")), self.meant(name, variants));
        }
        visitor.visit_enum(Variant { reader: self, word: field_name(word) })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Fit<V::Value> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { f32 f64 char bytes byte_buf unit unit_struct identifier }
}

/// The entries of a list, a map or a struct that are not skipped.
struct Entries<'a> {
    document: &'a Document<'a>,
    children: Children<'a>,
    current: Option<ItemId>,
}

impl<'a> Entries<'a> {
    fn next_entry(&mut self) -> Option<(ItemId, &'a Item)> {
        let skipped = &self.document.skipped;
        self.children.by_ref().find(|(id, _)| !skipped.contains(id))
    }
}

impl<'de> de::SeqAccess<'de> for Entries<'de> {
    type Error = Misfit;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Fit<Option<T::Value>> {
        let Some((id, _)) = self.next_entry() else { return Ok(None) };
        seed.deserialize(Reader::new(self.document, id)).map(Some).map_err(|misfit| misfit.at(id, Part::Value))
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Misfit;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Fit<Option<K::Value>> {
        let Some((id, item)) = self.next_entry() else { return Ok(None) };
        self.current = Some(id);
        let label = match item.label {
            Label::Field(span) => Cow::Borrowed(field_name(span.of(self.document.text))),
            Label::Key(span, shape) => text_of(self.document.text, span, shape),
            Label::None => return Err(Misfit::new("expected a name and ':' here").at(id, Part::Value)),
        };
        seed.deserialize(label.into_deserializer()).map(Some).map_err(|misfit: Misfit| misfit.at(id, Part::Label))
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Fit<T::Value> {
        let id = self.current.take().ok_or_else(|| Misfit::new("a value without a name"))?;
        seed.deserialize(Reader::new(self.document, id)).map_err(|misfit| misfit.at(id, Part::Value))
    }
}

/// A word, and what follows it in brackets.
struct Variant<'a> {
    reader: Reader<'a>,
    word: &'a str,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Misfit;
    type Variant = Self;
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Fit<(T::Value, Self)> {
        let word: de::value::StrDeserializer<'_, Misfit> = self.word.into_deserializer();
        let value = seed.deserialize(word).map_err(|misfit| misfit.at(self.reader.id, Part::Value))?;
        Ok((value, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Misfit;
    fn unit_variant(self) -> Fit<()> {
        if self.reader.item()?.shape == Shape::Word { Ok(()) } else { self.reader.wrong(&format!("only the word {}", self.word)) }
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Fit<T::Value> {
        let item = self.reader.item()?;
        if item.shape != Shape::Tuple || item.count != 1 {
            return self.reader.wrong(&format!("{} and one value in (round brackets)", self.word));
        }
        seed.deserialize(Reader { id: item.first, ..self.reader }).map_err(|misfit| misfit.at(item.first, Part::Value))
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Fit<V::Value> {
        let item = self.reader.item()?;
        if item.shape != Shape::Tuple || item.count as usize != len {
            return self.reader.wrong(&format!("{} and {len} values in (round brackets)", self.word));
        }
        visitor.visit_seq(self.reader.entries())
    }
    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], visitor: V) -> Fit<V::Value> {
        let item = self.reader.item()?;
        if !Reader::is_fields(item) {
            return self.reader.wrong(&format!("{}() with its fields in the round brackets", self.word));
        }
        visitor.visit_map(self.reader.entries())
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::read;

    /// What is said of a node with this field.
    fn said_of(field: &str) -> (String, Option<String>) {
        let text = format!(
            r#"(sandtable: 1, name: "x", networks: {{"lan": internal()}}, nodes: {{"n": (role: app, adapters: [(network: "lan")], {field})}})"#
        );
        let problems = read(&text).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        (problems[0].message.clone(), problems[0].hint.clone())
    }

    #[test]
    fn an_amount_is_refused_in_its_unit() {
        let (message, hint) = said_of(r#"memory: "2G""#);
        assert_eq!(message, "expected a whole number of MiB from 0 to 4294967295 here, found the text \"2G\"");
        assert_eq!(hint.as_deref(), Some("memory is in MiB: write 2048"));
        assert_eq!(said_of(r#"memory: "512 MB""#).1.as_deref(), Some("memory is in MiB: write 512"));
        assert_eq!(said_of(r#"disk: "1T""#).1.as_deref(), Some("disk is in GiB: write 1024"));
        assert_eq!(said_of(r#"disk: "much""#).1, None);
        assert_eq!(said_of(r#"cpus: "two""#).0, "expected a whole number from 0 to 65535 here, found the text \"two\"");
    }

    #[test]
    fn a_text_in_the_place_of_a_word_names_the_form_that_is_meant() {
        let bound = |bind: &str| said_of(&format!(r#"services: {{"web": (kind: "nginx", {bind})}}"#)).1.unwrap_or_default();
        assert_eq!(bound(r#"bind: "10.1.0.5""#), r#"write address("10.1.0.5")"#);
        assert_eq!(bound(r#"bind: "lan""#), r#"write on("lan") for a network, or address("…") for an address"#);
        assert_eq!(bound(r#"bind: "any""#), "write any without quotes");
        assert_eq!(bound(r#"allow: ["app1"]"#), r#"write only(["app1"])"#);
        assert_eq!(bound(r#"allow: "app1""#), r#"write only(["app1"])"#);
        let role = read(r#"(sandtable: 1, name: "x", nodes: {"n": (role: "databse")})"#).unwrap_err();
        assert_eq!(role[0].hint.as_deref(), Some("did you mean database? Words stand without quotes"));
    }
}
