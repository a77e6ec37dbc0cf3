//! What a rule is: a code, a severity, a look at one sort of thing, and a manual page in its own file.

use super::contract::Verdict;
use super::{Facts, Finding, Fix, Severity};
use crate::model::{
    ClusterName, Edit, Flow, MESSAGE_CHARS_MAX, Network, NetworkName, Node, NodeName, Path, Subject, Vip, VipName, shortened,
};

/// What rules are about: the chapters of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chapter {
    /// Who can reach what.
    Exposure,
    /// What belongs on which node.
    Roles,
    /// Addresses and names.
    Addressing,
    /// Whether what must talk can talk.
    Reachability,
    /// What survives a failure.
    Availability,
    /// What should be alike, and what fits the machine.
    Consistency,
}

impl Chapter {
    /// The heading that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Exposure => "Exposure",
            Self::Roles => "Roles",
            Self::Addressing => "Addressing",
            Self::Reachability => "Reachability",
            Self::Availability => "Availability",
            Self::Consistency => "Consistency and capacity",
        }
    }
}

/// What a [`Check::Lab`] reads: it runs again only when one of these has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// Any node.
    pub nodes: bool,
    /// Any network.
    pub networks: bool,
    /// Any flow.
    pub flows: bool,
    /// Any VIP.
    pub vips: bool,
    /// Any saved view.
    pub views: bool,
}

impl Reads {
    const NOTHING: Self = Self { nodes: false, networks: false, flows: false, vips: false, views: false };
    /// Everything but the views.
    pub const ALL: Self = Self { nodes: true, networks: true, flows: true, vips: true, ..Self::NOTHING };
    /// The views, and all that they may name.
    pub const VIEWS: Self = Self { views: true, ..Self::ALL };
    /// Nodes only.
    pub const NODES: Self = Self { nodes: true, ..Self::NOTHING };
    /// Networks only.
    pub const NETWORKS: Self = Self { networks: true, ..Self::NOTHING };
    /// What settings name, and the flows that lead there.
    pub const NAMED: Self = Self { nodes: true, flows: true, vips: true, ..Self::NOTHING };
    /// All that has a name.
    pub const NAMES: Self = Self { nodes: true, networks: true, vips: true, ..Self::NOTHING };
    /// VIPs only.
    pub const VIPS: Self = Self { vips: true, ..Self::NOTHING };
}

/// A look at one sort of thing. It may read only what is said here, because it is looked at again only when that has
/// changed. Sites, links and the lab's header may be read by all.
#[derive(Clone, Copy)]
pub enum Check {
    /// A node, all networks and how they meet, the flows and VIPs that name it, the flows of the nodes at their other ends, the
    /// other members of its clusters, and the few nodes that others depend on: routers, port forwards, bastions, backups, and
    /// replicas with their primaries. Of the nodes at the other ends of its flows, and at the other ends of theirs: which
    /// services they have, with the kind, cluster, primary and yes-or-no settings of each.
    Node(fn(&Facts<'_>, &NodeName, &Node, &mut Report)),
    /// A network and all adapters on it, with their nodes; VIPs in it.
    Network(fn(&Facts<'_>, &NetworkName, &Network, &mut Report)),
    /// A flow, whether it can happen, the nodes, services and VIPs at its ends, all networks, how they meet, routers, gateways of
    /// sites and port forwards; the flows of the nodes at its ends.
    Flow(fn(&Facts<'_>, &Flow, &Verdict<'_>, &mut Report)),
    /// A VIP, its network and its holders.
    Vip(fn(&Facts<'_>, &VipName, &Vip, &mut Report)),
    /// The members of a cluster, with their nodes, and how their networks meet.
    Cluster(fn(&Facts<'_>, &ClusterName, &mut Report)),
    /// What two services must have in common: the members of a cluster, and the services at the ends of a flow.
    Between(fn(&Facts<'_>, &ClusterName, &mut Report), fn(&Facts<'_>, &Flow, &mut Report)),
    /// Whatever it says that it reads.
    Lab(Reads, fn(&Facts<'_>, &mut Report)),
}

/// A rule.
pub struct Rule {
    /// Its code, which is also its file's name and its manual page's.
    pub code: &'static str,
    /// How much its findings matter.
    pub severity: Severity,
    /// Its chapter of the manual.
    pub chapter: Chapter,
    /// The text of its file, whose doc comment is its manual page.
    pub(super) source: &'static str,
    /// The look itself.
    pub check: Check,
}

impl Rule {
    /// Its manual page: the doc comment at the head of its file, as Markdown.
    pub fn manual(&self) -> String {
        let lines = self.source.lines().take_while(|line| line.starts_with("//!"));
        lines.map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or("")).collect::<Vec<_>>().join("\n")
    }

    /// Its manual page with a title and a line that says how much it matters, as Markdown.
    pub fn page(&self) -> String {
        format!("# {}\n\n*{} · {}*\n\n{}\n", self.code, self.severity.title(), self.chapter.title(), self.manual())
    }

    /// Its manual page for a terminal of so many columns: paragraphs wrapped, headings without marks, examples indented.
    pub fn text(&self, columns: usize) -> String {
        let mut out = format!("{} ({}, {})\n", self.code, self.severity.title(), self.chapter.title().to_lowercase());
        let mut paragraph = String::new();
        let mut in_example = false;
        for line in self.manual().lines() {
            if line.starts_with("```") {
                flush(&mut paragraph, &mut out, columns);
                in_example = !in_example;
                out.push('\n');
            } else if in_example {
                out.push_str("    ");
                out.push_str(line);
                out.push('\n');
            } else if let Some(heading) = line.strip_prefix("## ") {
                flush(&mut paragraph, &mut out, columns);
                out.push('\n');
                out.push_str(heading);
                out.push_str(":\n");
            } else if line.trim().is_empty() {
                flush(&mut paragraph, &mut out, columns);
            } else {
                paragraph.push_str(line);
                paragraph.push(' ');
            }
        }
        flush(&mut paragraph, &mut out, columns);
        while out.contains("\n\n\n") {
            out = out.replace("\n\n\n", "\n\n");
        }
        out
    }

    /// The first sentence of its manual page.
    pub fn summary(&self) -> String {
        let manual = self.manual();
        let paragraph: Vec<&str> =
            manual.lines().skip_while(|line| line.trim().is_empty()).take_while(|line| !line.trim().is_empty()).collect();
        paragraph.join(" ")
    }
}

/// Puts a gathered paragraph out, indented by two and wrapped, with an empty line before it unless a heading is there.
fn flush(paragraph: &mut String, out: &mut String, columns: usize) {
    if paragraph.trim().is_empty() {
        return;
    }
    if !out.ends_with(":\n") {
        out.push('\n');
    }
    let mut used = 0;
    for word in paragraph.split_whitespace() {
        let width = word.chars().count();
        if used > 0 && used + 1 + width > columns {
            out.push('\n');
            used = 0;
        }
        out.push_str(if used == 0 { "  " } else { " " });
        used += if used == 0 { 2 } else { 1 } + width;
        out.push_str(word);
    }
    out.push('\n');
    paragraph.clear();
}

/// Where a rule puts what it finds.
pub struct Report {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Reports something: what it is about, and what is wrong, in a sentence that names the things involved.
    pub fn add(&mut self, subject: Subject, message: impl Into<String>) -> Reported<'_> {
        let message: String = message.into();
        // A message repeats names and texts of the layout, which may be of any length.
        let message = if message.len() > MESSAGE_CHARS_MAX { shortened(&message, MESSAGE_CHARS_MAX).into_owned() } else { message };
        self.findings.push(Finding {
            rule: self.rule,
            severity: self.severity,
            message,
            subject,
            within: Path::root(),
            involved: Vec::new(),
            fixes: Vec::new(),
            accepted: None,
        });
        Reported { findings: &mut self.findings }
    }
}

/// A finding just reported, to which more can be said.
pub struct Reported<'a> {
    findings: &'a mut Vec<Finding>,
}

impl Reported<'_> {
    /// Says where in the text of its subject it stands.
    pub fn within(self, path: Path) -> Self {
        if let Some(finding) = self.findings.last_mut() {
            finding.within = path;
        }
        self
    }

    /// Names another thing that takes part.
    pub fn involving(self, subject: Subject) -> Self {
        if let Some(finding) = self.findings.last_mut() {
            finding.involved.push(subject);
        }
        self
    }

    /// Also about these.
    pub(super) fn involving_all(self, subjects: impl IntoIterator<Item = Subject>) -> Self {
        subjects.into_iter().fold(self, Self::involving)
    }

    /// Offers edits that would clear it. No edits, no offer.
    pub fn fix(self, title: impl Into<String>, edits: Vec<Edit>) -> Self {
        if let Some(finding) = self.findings.last_mut().filter(|_| !edits.is_empty()) {
            finding.fixes.push(Fix { title: title.into(), edits });
        }
        self
    }
}
