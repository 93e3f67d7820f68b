//! The modules of a crate, and which file a path leads to.

use std::path::{Path, PathBuf};

use super::files::read;
use super::source::words;
use super::uses::{Import, Scope};
use crate::shell::Outcome;

/// One module, in a file of its own or in braces.
pub(super) struct Module {
    /// The file that it stands in.
    pub(super) file: PathBuf,
    /// What it takes and declares; modules in braces are modules of their own.
    pub(super) scope: Scope,
    name: String,
    parent: Option<usize>,
}

/// All modules of a crate; the first one is its root.
pub(super) struct Modules(pub(super) Vec<Module>);

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// To a module of this crate, by its number.
    Module(usize),
    /// To an item of a module of this crate: the module's number and the item's name.
    Item(usize, String),
    /// Out of this crate: the path.
    Outside(Vec<String>),
}

impl Modules {
    /// Reads a crate from the file of its root.
    pub(super) fn read(root: &Path) -> Outcome<Self> {
        let mut modules = Self(Vec::new());
        let folder = root.parent().unwrap_or(root).to_owned();
        modules.add_file(root, &folder, String::new(), None)?;
        Ok(modules)
    }

    fn add_file(
        &mut self,
        file: &Path,
        folder: &Path,
        name: String,
        parent: Option<usize>,
    ) -> Outcome {
        let scope = Scope::read(&words(&read(file)?));
        self.add(file, folder, (name, scope), parent)
    }

    fn add(
        &mut self,
        file: &Path,
        folder: &Path,
        (name, mut scope): (String, Scope),
        parent: Option<usize>,
    ) -> Outcome {
        let inner = std::mem::take(&mut scope.inner);
        let own = self.0.len();
        let files = scope.files.clone();
        self.0.push(Module {
            file: file.to_owned(),
            scope,
            name,
            parent,
        });
        for name in files {
            let places = [
                folder.join(format!("{name}.rs")),
                folder.join(&name).join("mod.rs"),
            ];
            // A file that an attribute names is not looked for.
            if let Some(place) = places.iter().find(|place| place.is_file()) {
                self.add_file(place, &folder.join(&name), name, Some(own))?;
            }
        }
        for (name, scope) in inner {
            let below = folder.join(&name);
            self.add(file, &below, (name, scope), Some(own))?;
        }
        Ok(())
    }

    fn child(&self, module: usize, name: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|one| one.parent == Some(module) && one.name == name)
    }

    /// Where a path leads that stands in a module.
    pub(super) fn resolve(&self, module: usize, path: &[String]) -> Place {
        self.follow(module, path, 0)
    }

    fn follow(&self, module: usize, path: &[String], depth: usize) -> Place {
        let Some((first, rest)) = path.split_first() else {
            return Place::Module(module);
        };
        let begins = match first.as_str() {
            "crate" => Some(0),
            "self" => Some(module),
            "super" => Some(self.0[module].parent.unwrap_or(module)),
            name => self.child(module, name),
        };
        match begins {
            Some(begins) => self.walk(begins, rest, depth),
            None => match self.import(module, first).filter(|_| depth < 32) {
                Some(import) => {
                    let whole: Vec<String> = import.path.iter().chain(rest).cloned().collect();
                    // `use a::a;` leads out, not in a ring.
                    let same = import.path.first() == Some(first);
                    if same {
                        Place::Outside(whole)
                    } else {
                        self.follow(module, &whole, depth + 1)
                    }
                }
                None => Place::Outside(path.to_vec()),
            },
        }
    }

    /// Goes down from a module, through re-exports too.
    fn walk(&self, module: usize, path: &[String], depth: usize) -> Place {
        let Some((first, rest)) = path.split_first() else {
            return Place::Module(module);
        };
        if first == "super" {
            return self.walk(self.0[module].parent.unwrap_or(module), rest, depth);
        }
        if let Some(child) = self.child(module, first) {
            return self.walk(child, rest, depth);
        }
        if first == "*" || 32 <= depth {
            return Place::Module(module);
        }
        if let Some(import) = self.import(module, first) {
            let whole: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            return self.follow(module, &whole, depth + 1);
        }
        self.through_globs(module, first, depth)
            .unwrap_or_else(|| Place::Item(module, first.clone()))
    }

    fn import(&self, module: usize, name: &str) -> Option<&Import> {
        self.0[module]
            .scope
            .imports
            .iter()
            .find(|import| import.name == name)
    }

    /// An item that a module takes from another one with all its names.
    fn through_globs(&self, module: usize, name: &str, depth: usize) -> Option<Place> {
        let imports = self.0[module].scope.imports.iter();
        let globs = imports.filter(|import| import.name == "*" && import.public);
        let found = globs.map(
            |import| match self.follow(module, &import.path, depth + 1) {
                Place::Module(other) if self.declares(other, name) => {
                    Some(self.walk(other, &[name.to_owned()], depth + 1))
                }
                _ => None,
            },
        );
        found.flatten().next()
    }

    fn declares(&self, module: usize, name: &str) -> bool {
        let scope = &self.0[module].scope;
        scope.items.iter().any(|item| item == name)
            || scope
                .imports
                .iter()
                .any(|import| import.public && import.name == name)
    }
}
