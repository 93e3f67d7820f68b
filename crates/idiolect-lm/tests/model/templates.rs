//! Templates of files: kept beside adapters, and another one once they are edited.

use idiolect_lm::{LanguageModel, ModelSettings};

use crate::tiny::{settings, tiny, user};

#[test]
fn a_jinja_file_is_the_template_and_is_saved_as_such() {
    let Some(settings) = settings() else { return };
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("own.jinja");
    let source = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}</s>{% endfor %}\
                  {% if add_generation_prompt %}[assistant]{% endif %}";
    std::fs::write(&file, source).unwrap();
    let template = file.display().to_string();
    let settings = ModelSettings {
        template: Some(template.clone()),
        ..settings
    };
    let model = LanguageModel::from_settings(&settings).unwrap();
    let rendered = model.template().prompt(&user("hi")).unwrap().text("", "");
    assert_eq!(rendered, "[user]hi</s>[assistant]");
    let saved = place.path().join("saved");
    std::fs::create_dir(&saved).unwrap();
    let files = model.save_text_files(&saved).unwrap();
    assert!(
        files.contains(&"chat_template.jinja".to_string()),
        "{files:?}"
    );
    let text = std::fs::read_to_string(saved.join("chat_template.jinja")).unwrap();
    assert_eq!(text, source);
    let plain = tiny().unwrap();
    let again = plain.with_template(&template).unwrap();
    assert_eq!(
        again.text_fingerprint().unwrap(),
        model.text_fingerprint().unwrap()
    );
    assert_ne!(
        plain.text_fingerprint().unwrap(),
        model.text_fingerprint().unwrap()
    );
    let named = plain.with_template("alpaca").unwrap();
    assert_eq!(named.template().name(), "alpaca");
}

#[test]
fn a_template_of_a_file_that_was_edited_is_another() {
    let Some(model) = tiny() else { return };
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("own.toml");
    let fingerprint = |user: &str| {
        let text = format!("name = \"own\"\nuser = [{{ text = \"{user}\" }}]\n");
        std::fs::write(&file, text).unwrap();
        let model = model.with_template(&file.display().to_string()).unwrap();
        model.text_fingerprint().unwrap()
    };
    let asked = fingerprint("Q: {{content}} A: ");
    assert_eq!(fingerprint("Q: {{content}} A: "), asked);
    assert_ne!(fingerprint("Question: {{content}} Answer: "), asked);
}
