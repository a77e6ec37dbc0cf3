//! Reading a layout: bounds, grammar, version, types, values, references, in this order.
//!
//! All or nothing: a lab comes out only where there is no problem at all.

use super::de::{Document, Misfit, Part, Reader};
use super::positions::Positions;
use super::problem::{Place, Problem};
use super::scan::{BYTES_MAX, ScanError, Scanner};
use super::tree::{ItemId, NO_ITEM, Shape};
use super::values::wrong_values;
use crate::model::{Dangling, Lab, MESSAGE_CHARS_MAX, Path, dangling, shortened};
use serde::Deserialize;
use std::{collections::HashSet, net::Ipv6Addr};

/// The version of layout files that this Sandtable reads and writes: what stands after `sandtable:`.
pub const VERSION: u32 = 1;

/// How many problems of types are collected before the reader gives up: each costs another pass.
const MISFITS_MAX: usize = 20;

/// How many problems are reported of one text; of the others only their number.
const PROBLEMS_MAX: usize = 100;

/// For how many references that lead nowhere the nearest name is looked up: each costs a walk over all names.
const GUESSES_MAX: usize = 20;

/// Reads a layout.
///
/// # Errors
/// Everything that keeps the text from being a lab, in the order of the text; never an empty list.
pub fn read(text: &str) -> Result<Lab, Vec<Problem>> {
    if text.len() > BYTES_MAX {
        return Err(vec![whole_file(format!("the file has more than {} MiB; no layout has", BYTES_MAX / 1024 / 1024))]);
    }
    let mut scanner = Scanner::new(text);
    let scanned = scanner.run();
    let positions = |scanner: Scanner<'_>| Positions::new(text, scanner.tree);
    // A file of a newer version may well have a newer grammar, so its number is looked at first.
    let version = version_item(text, &scanner);
    let first = match (&version, scanned) {
        (Some((_, Version::Newer(number))), _) => Some(Problem {
            hint: Some(format!("install a Sandtable that reads version {number}")),
            ..whole_file(format!(
                "this layout is of version {number}, and this Sandtable reads version {VERSION}: a newer Sandtable is needed"
            ))
        }),
        (_, Err(error)) => return Err(vec![from_scan(&positions(scanner), error)]),
        (Some((_, Version::Known)), Ok(())) => None,
        (Some((_, Version::Wrong)), Ok(())) => {
            Some(whole_file(format!("expected the version of the layout after \"sandtable:\", which is {VERSION}")))
        }
        (None, Ok(())) => Some(whole_file(format!(
            "this is no layout: the field \"sandtable\" is missing; a layout begins with (sandtable: {VERSION}, name: \"…\""
        ))),
    };
    if let Some(mut problem) = first {
        if let Some((id, _)) = version {
            problem.place = positions(scanner).item_place(id, Part::Value);
            problem.path = Path::root().field("sandtable");
        }
        return Err(vec![problem]);
    }
    let skipped: HashSet<ItemId> = version.iter().map(|(id, _)| *id).collect();
    let mut document = Document { text, tree: &scanner.tree, skipped };
    let mut misfits = Vec::new();
    let lab = loop {
        match Lab::deserialize(Reader::new(&document, 0)) {
            Ok(lab) => break Some(lab),
            Err(misfit) => {
                let again = skip(&mut document, &misfit);
                misfits.push(misfit);
                if !again || misfits.len() >= MISFITS_MAX {
                    break None;
                }
            }
        }
    };
    let mut problems = Vec::new();
    if !misfits.is_empty() {
        let positions = positions(scanner);
        problems.extend(misfits.into_iter().map(|misfit| from_misfit(&positions, misfit)));
    } else if let Some(lab) = lab {
        let (wrong, lost) = (wrong_values(&lab), dangling(&lab));
        if wrong.is_empty() && lost.is_empty() {
            return Ok(lab);
        }
        problems = not_a_lab(&lab, &positions(scanner), wrong, lost);
    }
    problems.sort_by_key(|problem| problem.place);
    Err(problems)
}

/// The problems of a text that reads and is no lab: values that none can have, and references that lead nowhere. The first
/// of them in the order of the text, and the number of the others.
fn not_a_lab(lab: &Lab, positions: &Positions, wrong: Vec<(Path, String)>, lost: Vec<Dangling>) -> Vec<Problem> {
    enum Why {
        Value(String),
        Lost(Dangling),
    }
    let values = wrong.into_iter().map(|(path, message)| (positions.value_place(&path), path, Why::Value(message)));
    let references = lost.into_iter().map(|lost| (positions.value_place(&lost.path), lost.path.clone(), Why::Lost(lost)));
    let mut all: Vec<(Place, Path, Why)> = values.chain(references).collect();
    all.sort_by_key(|(place, ..)| *place);
    let left_out = all.split_off(all.len().min(PROBLEMS_MAX));
    let more = left_out.len();
    let mut guesses = 0..GUESSES_MAX;
    let problem = |(place, path, why): (Place, Path, Why)| match why {
        Why::Value(message) => Problem { place, path, message, hint: None },
        Why::Lost(lost) => {
            let near = guesses.next().and_then(|_| lost.nearest(lab));
            Problem {
                place,
                path,
                message: format!("there is no {} {:?} in this lab", lost.sort, lost.name),
                hint: near.map(|near| format!("did you mean {near:?}?")),
            }
        }
    };
    let mut problems: Vec<Problem> = all.into_iter().map(problem).collect();
    if let Some((place, path, _)) = left_out.into_iter().next() {
        let message = if more == 1 { "1 more problem from here on".to_owned() } else { format!("{more} more problems from here on") };
        problems.push(Problem { place, path, message, hint: None });
    }
    problems
}

/// Reads a layout from the bytes of a file.
///
/// # Errors
/// As [`read`]; also where the bytes are not UTF-8.
pub fn read_bytes(bytes: &[u8]) -> Result<Lab, Vec<Problem>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => read(text),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or("");
            let line = good.matches('\n').count() + 1;
            let column = good.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let place = Place { line: number(line), column: number(column) };
            Err(vec![Problem { place, ..whole_file("this is not text (UTF-8), so it is no layout".into()) }])
        }
    }
}

/// Where things stand in a text that [`read`] accepts: what a finding's line is taken from.
pub fn positions(text: &str) -> Positions {
    let mut scanner = Scanner::new(text);
    // What stands before an error has positions all the same.
    let _error = scanner.run();
    Positions::new(text, scanner.tree)
}

fn whole_file(message: String) -> Problem {
    Problem { place: Place::START, path: Path::root(), message, hint: None }
}

enum Version {
    Known,
    Newer(u64),
    Wrong,
}

fn version_item(text: &str, scanner: &Scanner<'_>) -> Option<(ItemId, Version)> {
    let id = scanner.tree.child(text, 0, &crate::model::Segment::Field("sandtable".into()))?;
    let item = scanner.tree.item(id)?;
    let number = if item.shape == Shape::Number { item.span.of(text).parse::<u64>().ok() } else { None };
    Some((
        id,
        match number {
            Some(number) if number == u64::from(VERSION) => Version::Known,
            Some(number) if number > u64::from(VERSION) => Version::Newer(number),
            _ => Version::Wrong,
        },
    ))
}

/// Leaves out what does not fit, so that the next pass finds what else does not. `false` where that would leave nothing.
fn skip(document: &mut Document<'_>, misfit: &Misfit) -> bool {
    let Some((id, _)) = misfit.at else { return false };
    if id == 0 {
        return false;
    }
    if misfit.unknown_field {
        return document.skipped.insert(id);
    }
    // The nearest element of a list or entry of a map: all of these may be missing. Else the lab's own field.
    let chain = super::positions::chain(document.tree, id);
    let optional = |id: &ItemId| {
        let parent = chain.iter().position(|other| other == id).and_then(|at| at.checked_sub(1)).and_then(|at| chain.get(at));
        let shape = parent.and_then(|parent| document.tree.item(*parent)).map(|item| item.shape);
        matches!(shape, Some(Shape::List | Shape::Map))
    };
    let skipped = chain.iter().rev().copied().find(|id| optional(id)).or_else(|| chain.get(1).copied());
    skipped.is_some_and(|id| document.skipped.insert(id))
}

fn from_scan(positions: &Positions, error: ScanError) -> Problem {
    let path = if error.inside == NO_ITEM { Path::root() } else { positions.path_of(error.inside) };
    Problem { place: positions.offset_place(error.at), path, message: error.message, hint: error.hint }
}

fn from_misfit(positions: &Positions, misfit: Misfit) -> Problem {
    let (id, part) = misfit.at.unwrap_or((0, Part::Value));
    let written = positions.written(id);
    let plain = written.trim_matches('"');
    let is_ipv6 = plain.parse::<Ipv6Addr>().is_ok() || plain.parse::<ipnet::Ipv6Net>().is_ok();
    // The parsers of addresses say no more than that they failed.
    let message = match misfit.message.as_str() {
        "invalid IPv4 address syntax" | "invalid IP address syntax" if is_ipv6 => {
            format!("{written} is an IPv6 address; Sandtable supports IPv4 only")
        }
        "invalid IPv4 address syntax" => {
            format!("{written} is not an address; write four numbers from 0 to 255, such as \"192.168.56.10\"")
        }
        "invalid IP address syntax" => format!("{written} is not a subnet; write an address and a length, such as \"192.168.56.0/24\""),
        other => shortened(other, MESSAGE_CHARS_MAX).into_owned(),
    };
    let hint = misfit.hint.map(|hint| shortened(&hint, MESSAGE_CHARS_MAX).into_owned());
    Problem { place: positions.item_place(id, part), path: positions.path_of(id), message, hint }
}
