//! Rendering a recipe's templates: each value is quoted for the place where it lands.
//!
//! A template that names what is not there, goes round in circles or grows without end is an error, never a hang. It reaches
//! for nothing: it sees the values that it is given and the other templates of its folder.

use super::{
    ProvisionError,
    quote::{LANDINGS, name_of, quote},
};
use crate::catalog::{Landing, RecipeFolder};
use minijinja::{
    AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter,
    value::{Rest, ValueKind},
};

/// Steps of the template engine for one template: the largest of ours takes a hundredth of it.
const FUEL: u64 = 2_000_000;
/// The most that a template may come to, in bytes.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The templates of a kind, ready for values.
pub struct Renderer<'a> {
    kind: &'a str,
    folder: &'a RecipeFolder,
}

impl<'a> Renderer<'a> {
    /// The templates of a kind.
    pub fn new(kind: &'a str, folder: &'a RecipeFolder) -> Self {
        Self { kind, folder }
    }

    /// Renders a template of the folder.
    ///
    /// # Errors
    /// Where it is no template, names what is not there, or a value cannot be carried where it lands.
    pub fn file(&self, template: &str, landing: Landing, values: &Value) -> Result<String, ProvisionError> {
        let environment = environment(landing, Some(self.folder));
        let text =
            environment.get_template(template).and_then(|found| found.render(values)).map_err(|error| self.fail(template, &error))?;
        self.checked(template, landing, text)
    }

    /// Renders a short text of the recipe itself, such as a path.
    ///
    /// # Errors
    /// As [`Renderer::file`].
    pub fn text(&self, text: &str, values: &Value) -> Result<String, ProvisionError> {
        if !text.contains('{') {
            return Ok(text.to_owned());
        }
        let rendered = environment(Landing::Plain, None).render_str(text, values).map_err(|error| self.fail(text, &error))?;
        self.checked(text, Landing::Plain, rendered)
    }

    /// Whether an expression of the recipe holds; without one it does.
    ///
    /// # Errors
    /// Where it is no expression, or names what is not there.
    pub fn holds(&self, expression: Option<&str>, values: &Value) -> Result<bool, ProvisionError> {
        let Some(text) = expression else { return Ok(true) };
        let environment = environment(Landing::Plain, None);
        let value = environment.compile_expression(text).and_then(|found| found.eval(values)).map_err(|error| self.fail(text, &error))?;
        if value.is_undefined() {
            return Err(ProvisionError::recipe(self.kind, format!("{text}: names what is not there")));
        }
        Ok(value.is_true())
    }

    fn checked(&self, template: &str, landing: Landing, text: String) -> Result<String, ProvisionError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ProvisionError::recipe(self.kind, format!("{template} comes to more than {TEXT_BYTES_MAX} bytes")));
        }
        // A value in base64 begins with the second colon, so the template must not have put a blank after the first.
        if landing == Landing::Ldif && text.lines().any(|line| line.split_once(": : ").is_some_and(|(name, _)| !name.contains([' ', ':'])))
        {
            let why = format!("{template} writes `name: {{{{ value }}}}`; an LDIF value brings its own blank: `name:{{{{ value }}}}`");
            return Err(ProvisionError::recipe(self.kind, why));
        }
        Ok(text)
    }

    fn fail(&self, template: &str, error: &minijinja::Error) -> ProvisionError {
        let line = error.line().map_or_else(String::new, |line| format!(" line {line}"));
        // What a template includes fails with what is wrong in there as its reason.
        let mut error = error;
        while let Some(reason) = std::error::Error::source(error).and_then(|reason| reason.downcast_ref::<minijinja::Error>()) {
            error = reason;
        }
        let detail = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
        let name = error.name().filter(|name| *name != "<string>" && *name != "<expression>").unwrap_or(template);
        ProvisionError::recipe(self.kind, format!("{name}{line}: {detail}"))
    }
}

fn environment(landing: Landing, folder: Option<&RecipeFolder>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(move |_| AutoEscape::Custom(name_of(landing)));
    environment.set_formatter(write_quoted);
    // The two ways to write a value unquoted by mistake.
    environment.remove_filter("safe");
    environment.remove_filter("escape");
    environment.remove_filter("e");
    for landing in LANDINGS {
        environment
            .add_filter(name_of(landing), move |value: Value, _more: Rest<Value>| written(landing, &value).map(Value::from_safe_string));
    }
    if let Some(folder) = folder {
        let templates = folder.templates.clone();
        environment.set_loader(move |name| Ok(templates.get(name).cloned()));
    }
    environment
}

/// Writes a value for the template's landing; what a filter has quoted is written as it is.
fn write_quoted(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let landing = match state.auto_escape() {
        AutoEscape::Custom(name) => LANDINGS.into_iter().find(|landing| name_of(*landing) == name),
        _ => None,
    };
    let Some(landing) = landing else {
        return escape_formatter(out, state, value);
    };
    if value.is_safe() {
        return out.write_str(value.as_str().unwrap_or_default()).map_err(minijinja::Error::from);
    }
    out.write_str(&written(landing, value)?).map_err(minijinja::Error::from)
}

fn written(landing: Landing, value: &Value) -> Result<String, minijinja::Error> {
    let refuse = |why: String| minijinja::Error::new(ErrorKind::InvalidOperation, why);
    match value.kind() {
        ValueKind::Number => Ok(value.to_string()),
        // The engine's own words are Python's.
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::String => quote(landing, value.as_str().unwrap_or_default()).map_err(|error| refuse(error.to_string())),
        // A shell takes a list as so many words; no other landing has one writing for it.
        ValueKind::Seq | ValueKind::Iterable if landing == Landing::Sh => {
            let words = value.try_iter()?.map(|word| written(landing, &word)).collect::<Result<Vec<_>, _>>()?;
            Ok(words.join(" "))
        }
        ValueKind::Undefined => Err(minijinja::Error::new(ErrorKind::UndefinedError, "the value is not there")),
        ValueKind::None => Err(refuse("the value is none".to_owned())),
        kind => Err(refuse(format!("a {kind} cannot be written"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Recipes;
    use std::collections::BTreeMap;

    fn render(landing: Landing, text: &str) -> Result<String, ProvisionError> {
        let files = BTreeMap::from([
            ("recipe.ron".to_owned(), "(families: {debian: (packages: [])})".to_owned()),
            ("a".to_owned(), text.to_owned()),
            ("part".to_owned(), "[{{ evil }}]".to_owned()),
        ]);
        let (_, folder) = Recipes::read("web", files).unwrap().unwrap();
        let values = minijinja::context! {
            evil => "$(touch x) 'q'", port => 80, yes => true, none => (), names => vec!["a", "b c"], settings => minijinja::context! { a => "x" },
        };
        Renderer::new("web", &folder).file("a", landing, &values)
    }

    #[test]
    fn values_are_quoted_for_their_landing() {
        for (landing, text, written) in [
            (Landing::Sh, "echo {{ evil }} {{ port }} {{ yes }}\n", "echo '$(touch x) '\\''q'\\''' 80 true\n"),
            (Landing::Sh, "{{ names }}", "'a' 'b c'"),
            (Landing::Json, "{{ evil }}", "\"$(touch x) 'q'\""),
            (Landing::Plain, "{{ evil|json }}", "\"$(touch x) 'q'\""),
            (Landing::Sh, "{{ evil|json|sh }}", "'\"$(touch x) '\\''q'\\''\"'"),
            (Landing::Sh, "{% include 'part' %}", "['$(touch x) '\\''q'\\''']"),
            (Landing::Sh, "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(evil) }}", "<'$(touch x) '\\''q'\\'''>"),
            (Landing::Sh, "{% set x %}{{ evil }}{% endset %}{{ x }}", "'$(touch x) '\\''q'\\'''"),
            (Landing::Plain, "{% if settings.b is defined %}b{% else %}a{% endif %}", "a"),
            (Landing::Ldif, "cn:{{ evil }}\n", "cn: $(touch x) 'q'\n"),
        ] {
            assert_eq!(render(landing, text).as_deref(), Ok(written), "{landing:?} {text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (landing, text, says) in [
            (Landing::Plain, "\n{{ evil }}", "a line 2"),
            (Landing::Sh, "{{ settings.b }}", "undefined"),
            (Landing::Sh, "{{ evil|safe }}", "safe"),
            (Landing::Sh, "{{ none }}", "none"),
            (Landing::Json, "{{ names }}", "cannot be written"),
            (Landing::Sh, "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", "fuel"),
            (Landing::Sh, "{% include 'a' %}", "recursion"),
            (Landing::Sh, "{% include '../x' %}", "template not found"),
            (Landing::Sh, "{% if %}", "syntax error"),
        ] {
            let error = render(landing, text).unwrap_err().to_string();
            assert!(error.contains(says), "{text:?}: {error}");
            assert!(!error.contains("touch"), "{error}");
        }
    }
}
