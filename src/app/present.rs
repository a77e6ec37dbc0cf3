//! Walking through the pages of a presentation: the lab's saved views.

use super::ViewMove;
use crate::model::{Lab, Subject, SubjectNames, View};

/// Which page is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Presentation {
    page: usize,
}

impl Presentation {
    /// The page that is shown, from 0.
    pub fn page(self) -> usize {
        self.page
    }

    /// The page's view; `None` where the lab has no views: then all of it is shown.
    pub fn view(self, lab: &Lab) -> Option<&View> {
        lab.views.get(self.page)
    }

    /// Another page, as far as there is one.
    pub fn go(&mut self, lab: &Lab, page: usize) {
        self.page = page.min(lab.views.len().saturating_sub(1));
    }

    /// Where the canvas is to look on this page.
    pub fn camera(self, lab: &Lab) -> ViewMove {
        match self.view(lab).and_then(|view| view.area) {
            Some((from, to)) => ViewMove::Area(from, to),
            None => ViewMove::Fit,
        }
    }

    /// What stands out on this page; empty: everything.
    pub fn highlight(self, lab: &Lab) -> Vec<Subject> {
        let Some(view) = self.view(lab) else { return Vec::new() };
        let names = SubjectNames::of(lab, view.highlight.iter().map(String::as_str));
        view.highlight.iter().filter_map(|text| names.get(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Node, Pos, Role, Service};

    #[test]
    fn a_highlight_names_one_of_two_flows_with_the_same_ends() {
        let mut lab = crate::layout::template("mini-cloud").unwrap().lab.clone();
        let found = |lab: &Lab, text: &str| SubjectNames::find(lab, text).map(|subject| subject.to_string());
        for text in ["outside -> lb/haproxy", "outside -> lb/haproxy:8404"] {
            assert_eq!(found(&lab, text).as_deref(), Some(text));
        }
        lab.flows.remove(0);
        assert_eq!(found(&lab, "outside -> lb/haproxy").as_deref(), Some("outside -> lb/haproxy:8404"));
        assert_eq!(found(&lab, "outside -> lb/haproxy:8405"), None);
    }

    #[test]
    fn pages_stay_within_the_views_and_name_things_of_the_lab() {
        let mut lab = Lab::new("x");
        let galera = Service { cluster: Some("galera".parse().unwrap()), ..Service::new("galera".parse().unwrap()) };
        let services = [("sql".parse().unwrap(), galera)].into_iter().collect();
        lab.nodes.insert("db1".parse().unwrap(), Node { services, ..Node::new(Role::Database) });
        let mut show = Presentation::default();
        assert_eq!(show.camera(&lab), ViewMove::Fit);
        let area = Some((Pos(0, 0), Pos(100, 50)));
        lab.views =
            vec![View::default(), View { area, highlight: vec!["db1".into(), "gone".into(), "cluster:galera".into()], ..View::default() }];
        show.go(&lab, 7);
        assert_eq!((show.page(), show.camera(&lab)), (1, ViewMove::Area(Pos(0, 0), Pos(100, 50))));
        assert_eq!(show.highlight(&lab), [Subject::Node("db1".parse().unwrap()), Subject::Cluster("galera".parse().unwrap())]);
    }
}
