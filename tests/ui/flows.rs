//! Two flows with the same ends in the window: mini-cloud has such a pair, and each is selected, changed and deleted alone.

use super::support::Window;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sandtable::{
    app::{Command, EditCommand, FaultCommand, RunCommand, SelectCommand, ops},
    model::{FlowId, Subject},
};

const SITE: &str = "outside -> lb/haproxy";
const PAGE: &str = "outside -> lb/haproxy:8404";

fn entries(window: &Window) -> Vec<String> {
    window.state().lab().flows.iter().map(ToString::to_string).filter(|flow| flow.starts_with("outside")).collect()
}

fn selected(window: &Window) -> String {
    window.state().selected().map(ToString::to_string).unwrap_or_default()
}

/// The window with the second flow of the pair selected by a click on its entry.
fn with_page_selected() -> Window {
    let mut window = Window::with_template("Mini cloud");
    assert_eq!(entries(&window), [SITE, PAGE]);
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Outside])));
    window.click("lb/haproxy:8404");
    assert_eq!(selected(&window), PAGE);
    window
}

#[test]
fn the_second_of_a_pair_is_selected_and_deleted() {
    let mut window = with_page_selected();
    window.click("Delete the flow");
    assert_eq!(entries(&window), [SITE]);
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!(entries(&window), [SITE, PAGE]);
    // The same from the keyboard, for the first.
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Outside])));
    window.click("lb/haproxy");
    assert_eq!(selected(&window), SITE);
    window.harness.key_press(egui::Key::Delete);
    window.settle();
    assert_eq!(entries(&window), [PAGE]);
}

#[test]
fn a_flow_stays_selected_while_its_port_and_its_ends_get_other_names() {
    let mut window = with_page_selected();
    let port = window.harness.get_by_role_and_label(Role::TextInput, "Port");
    assert_eq!(port.accesskit_node().value().as_deref(), Some("8404"));
    port.focus();
    window.settle();
    window.harness.get_by_role_and_label(Role::TextInput, "Port").type_text("9");
    window.settle();
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    let changed = window.state().lab().flows[1].port.unwrap();
    assert_ne!(changed, 8404);
    assert_eq!(entries(&window), [SITE.to_owned(), format!("{SITE}:{changed}")]);
    assert_eq!(selected(&window), format!("{SITE}:{changed}"));
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!(selected(&window), PAGE, "undo keeps it selected as well");
    let renamed =
        ops::rename(window.state().lab(), &Subject::Node("lb".parse().unwrap()), "edge").map(|step| ops::Step { select: None, ..step });
    window.send(Command::Edit(EditCommand::Act(renamed)));
    assert_eq!(selected(&window), "outside -> edge/haproxy:8404");
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!(selected(&window), PAGE);
}

#[test]
fn what_is_observed_of_each_is_told_once_and_shown_on_it() {
    let mut window = with_page_selected();
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    window.pass(20_000);
    let told = |window: &Window, flow: &str| {
        let subject = Subject::Flow(flow.parse::<FlowId>().unwrap());
        window
            .state()
            .run
            .events
            .iter()
            .filter(|event| event.subject().as_ref() == Some(&subject))
            .map(|event| event.what())
            .collect::<Vec<_>>()
    };
    let before = [SITE, PAGE].map(|flow| told(&window, flow).len());
    window.send(Command::Fault(FaultCommand::Inject("stop lb/haproxy".parse().unwrap(), None)));
    window.pass(8_000);
    for (flow, before) in [SITE, PAGE].into_iter().zip(before) {
        let told = told(&window, flow);
        assert_eq!(told.len(), before + 1, "{flow}: {told:?}");
        assert!(told.iter().any(|what| what.starts_with(&format!("cannot reach {}", flow.trim_start_matches("outside -> ")))), "{told:?}");
    }
}
