//! `sandtable explain`: whether one end of a lab reaches another, over which hops, and why not.

use super::args::Target;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::model::{Endpoint, Lab, NodeName};
use crate::plan::desired;
use crate::reach::{Design, Explained, Question, Target as To, explain};
use crate::session::Session;
use serde::Serialize;
use std::net::Ipv4Addr;

/// What `explain` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// Who opens the connection: outside, NODE, NODE/SERVICE or vip:NAME
    from: String,
    /// To whom: outside, NODE, NODE/SERVICE, vip:NAME, an address or a name, and the port; without one its main port
    #[arg(value_name = "TO[:PORT]")]
    to: String,
    /// Evaluate the layout alone, also where the lab is deployed
    #[arg(long)]
    drawn: bool,
}

/// The answer, and what it was evaluated with.
#[derive(Serialize)]
struct Document {
    /// `layout`: as the plan sets it up; `observed`: with the state of the deployed lab.
    state: &'static str,
    /// Nodes of an observed lab whose state is not known: they did not report lately.
    unknown: Vec<NodeName>,
    #[serde(flatten)]
    answer: Explained,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let session = args.target.open_or_sim()?;
    let question = question(&session.lab, &args.from, &args.to)?;
    let document = document(&session, &question, args.drawn)?;
    match args.target.format() {
        Format::Json => terminal.json(&document)?,
        Format::Text => show(&document, terminal),
    }
    Ok(if document.answer.reaches { Outcome::Good } else { Outcome::Unwell })
}

fn document(session: &Session, question: &Question, drawn: bool) -> Result<Document> {
    let catalog = Catalog::embedded();
    let wanted = desired(&session.lab, catalog, &session.id);
    let design = Design::of(wanted.specs(), catalog);
    let (answer, state, unknown) = if drawn || !session.is_deployed() {
        (explain(&design, &design.state, question), "layout", Vec::new())
    } else {
        let observed = session.handle()?.observe()?;
        (explain(&design, &design.seen(&observed), question), "observed", observed.silent().cloned().collect())
    };
    let answer = answer.map_err(|error| {
        // What is drawn and cannot be deployed is said in the words of the plan.
        let ends = [question.from.to_string(), question.to.to_string()];
        let why = wanted.unplannable.iter().find(|one| ends.iter().any(|end| one.why.contains(end.as_str())));
        Failure::input(why.map_or_else(|| error.to_string(), |one| format!("{error}: {}", one.why)))
    })?;
    Ok(Document { state, unknown, answer })
}

fn question(lab: &Lab, from: &str, to: &str) -> Result<Question> {
    let from = endpoint(lab, from).ok_or_else(|| unknown(lab, from))?;
    if let Some(to) = endpoint(lab, to) {
        return Ok(Question { from, to: To::Endpoint(to), port: None });
    }
    // A name may have colons of its own, so the whole of it comes first.
    let (name, port) = match to.rsplit_once(':') {
        Some((name, port)) if name != "vip" => {
            let number = port.parse::<u16>().ok().filter(|port| *port > 0);
            (name, Some(number.ok_or_else(|| Failure::input(format!("{port:?} is no port; write a number from 1 to 65535")))?))
        }
        _ => (to, None),
    };
    let to = match (endpoint(lab, name), name.parse::<Ipv4Addr>()) {
        (Some(end), _) => To::Endpoint(end),
        (None, Ok(address)) => To::Address(address),
        (None, Err(_)) if name.contains('/') || name.starts_with("vip:") || name.is_empty() => return Err(unknown(lab, name)),
        (None, Err(_)) => To::Name(name.to_owned()),
    };
    Ok(Question { from, to, port })
}

/// An end that the lab has.
fn endpoint(lab: &Lab, text: &str) -> Option<Endpoint> {
    let end: Endpoint = text.parse().ok()?;
    let is_there = match &end {
        Endpoint::Outside => true,
        Endpoint::Node(node) => lab.nodes.contains_key(node),
        Endpoint::Service(at) => lab.service(at).is_some(),
        Endpoint::Vip(vip) => lab.vips.contains_key(vip),
    };
    is_there.then_some(end)
}

fn unknown(lab: &Lab, text: &str) -> Failure {
    let services = lab.services().map(|(node, service, _)| format!("{node}/{service}"));
    let known = lab.nodes.keys().map(ToString::to_string).chain(services).chain(lab.vips.keys().map(|vip| format!("vip:{vip}")));
    let known: Vec<String> = known.collect();
    let hint = crate::model::nearest(text, &mut known.iter().map(String::as_str)).map_or_else(String::new, |near| format!("; did you mean {near}?"));
    let hint = if hint.is_empty() { "." } else { &hint };
    Failure::input(format!("the lab has no {text:?}{hint} Write outside, NODE, NODE/SERVICE or vip:NAME."))
}

fn show(document: &Document, terminal: &mut Terminal) {
    let answer = &document.answer;
    let style = if answer.reaches { Style::Good } else { Style::Bad };
    let at = answer.address.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
    let by = answer.service.as_ref().map_or_else(String::new, |service| format!(" by {service}"));
    let outcome = terminal.paint(style, answer.outcome.title());
    terminal.line(format_args!("{} -> {}{at}: {outcome}{by}", answer.from, answer.to));
    if let Some(network) = &answer.enters_by {
        terminal.line(format_args!("  it enters the lab by {network}"));
    }
    for hop in &answer.hops {
        terminal.line(format_args!("  {hop}"));
    }
    if let Some(source) = &answer.source {
        terminal.line(format_args!("  The target sees {source}."));
    }
    if answer.loss_percent > 0 || answer.delay_ms > 0 {
        let loss = (answer.loss_percent > 0).then(|| format!("lose {} % of the packets", answer.loss_percent));
        let delay = (answer.delay_ms > 0).then(|| format!("add {} ms to each round trip", answer.delay_ms));
        let both: Vec<String> = loss.into_iter().chain(delay).collect();
        terminal.line(format_args!("  Links on the way {}.", both.join(" and ")));
    }
    if let Some(why) = &answer.why {
        let label = terminal.paint(Style::Bad, "why:");
        terminal.line(format_args!("{label} {}", why.message));
    }
    let basis = match document.state {
        "observed" => "Evaluated with the observed state of the deployed lab.",
        _ => "Evaluated from the layout alone.",
    };
    terminal.line(format_args!("{}", terminal.paint(Style::Faint, basis)));
    if !document.unknown.is_empty() {
        let nodes = document.unknown.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ");
        terminal.line(format_args!("{} {nodes} did not report lately: the answer may be wrong about them.", terminal.paint(Style::Bad, "unknown:")));
    }
}
