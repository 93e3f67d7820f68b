//! `idiolect push`: an adapter or a model with its card to the Hub.

use std::fmt::Write;
use std::path::Path;

use idiolect::Progress;
use idiolect::data::write_atomically;
use idiolect::hub::{Event, Hub, Repo, RepoKind, Upload, upload_files};
use idiolect::lm::tell_download;
use idiolect::report::{ModelCard, card_license, published};

use crate::args::Push;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &Push) -> Result<(), CliError> {
    let (bar, hub) = (Bar::default(), Hub::of_user()?);
    let told = |event: Event<'_>| tell_download(&bar, event);
    let repo = Repo::new(RepoKind::Model, &args.to, None)?;
    let folder = published(&args.folder).map_err(idiolect::Error::from)?;
    write_card(args, &repo, &hub, &folder, &bar)?;
    let files = upload_files(&folder)?;
    if args.dry_run {
        let mut text = String::new();
        for (name, path) in &files {
            let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
            let _ = writeln!(text, "{bytes:>12} {name}");
        }
        return output::text(&text);
    }
    let upload = Upload {
        message: format!("Upload {} with idiolect", repo.name()),
        private: args.private,
        repo,
        files,
    };
    let done = hub.upload(&upload, &told);
    bar.end();
    let done = done?;
    for name in &done.ignored {
        bar.note(&format!("{name} is ignored by the repository"));
    }
    output::text(&format!("{} at commit {}\n", done.page, done.commit))
}

/// Writes the card beside the files, unless there is one already: it may be the user's own.
fn write_card(
    args: &Push,
    repo: &Repo,
    hub: &Hub,
    folder: &Path,
    bar: &Bar,
) -> Result<(), CliError> {
    let place = folder.join("README.md");
    if place.exists() {
        bar.note(&format!(
            "{} is there, and is the card; without it another is written",
            place.display()
        ));
        return Ok(());
    }
    let mut card = ModelCard::read(folder).map_err(idiolect::Error::from)?;
    if args.license.is_some() {
        card.license.clone_from(&args.license);
    } else if let (Some(base), true) = (&card.base, card.base_is_on_hub) {
        card.license = license(hub, base, bar);
    }
    let text = card.text(repo.name());
    write_atomically(&place, |out| out.write_all(text.as_bytes()))
        .map_err(idiolect::Error::from)?;
    bar.note(&format!("wrote the card {}", place.display()));
    Ok(())
}

/// The licence that the base model's card on the Hub names; a card that cannot be had is told and names none.
fn license(hub: &Hub, base: &str, bar: &Bar) -> Option<String> {
    let told = |event: Event<'_>| tell_download(bar, event);
    let repo = Repo::new(RepoKind::Model, base, None).ok()?;
    let card = hub.pinned(&repo, "README.md", &told);
    let text = card.and_then(|card| card.text());
    if let Err(problem) = &text {
        bar.note(&format!("the licence of {base} is not known: {problem}"));
    }
    card_license(&text.ok()?)
}
