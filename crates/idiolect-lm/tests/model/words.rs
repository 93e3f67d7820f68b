//! Words that a model learns, and those that an adapter's folder brings.

use burn::module::Module;
use burn::tensor::Device;
use idiolect_lm::{LanguageModel, LmError, ModelPrompt};
use idiolect_lora::{LoraAdapter, LoraConfig, save_adapter};

use idiolect_testkit::Nudge;

use crate::tiny::{loss, model, peft, tiny};

fn words() -> [String; 2] {
    ["<say>", "<said>"].map(str::to_owned)
}

/// An adapter that trains rows for the words, in a folder with the tokenizer.
fn adapter(model: &LanguageModel) -> (LoraAdapter, tempfile::TempDir) {
    let config = LoraConfig {
        modules_to_save: vec!["embed_tokens".into(), "lm_head".into()],
        ..LoraConfig::default()
    };
    let adapter = LoraAdapter::new(&config, model.base_decoder(), 3, &Device::flex()).unwrap();
    let adapter = adapter.map(&mut Nudge(0.0));
    let folder = tempfile::tempdir().unwrap();
    save_adapter(&adapter, folder.path(), model.name()).unwrap();
    model.save_text_files(folder.path()).unwrap();
    (adapter, folder)
}

#[test]
fn new_words_have_ids_of_their_own_and_change_nothing_else() {
    let Some(model) = tiny() else { return };
    let more = model.with_tokens(&words()).unwrap();
    assert_eq!(more.tokenizer().vocab_size(), 386);
    assert_eq!(more.decoder().config.vocab_size, 386);
    let ids = more
        .prompt_ids(&ModelPrompt::user("<say>red<said>"))
        .unwrap();
    assert!(ids.contains(&384) && ids.contains(&385), "{ids:?}");
    assert_eq!(more.added_words().collect::<Vec<_>>(), ["<say>", "<said>"]);
    assert_eq!(model.tokenizer().vocab_size(), 384);
    // Two more words in the sum of the softmax.
    let (plain, grown) = (loss(&model), loss(&more));
    assert!(grown > plain && grown < plain * 1.01, "{plain} {grown}");
    assert_ne!(more.model_hash().unwrap(), model.model_hash().unwrap());
    assert_eq!(
        more.clone().model_hash().unwrap(),
        more.model_hash().unwrap()
    );
    assert_eq!(
        loss(&model.with_tokens(&[]).unwrap()).to_bits(),
        plain.to_bits()
    );
    let known = model.with_tokens(&["</s>".into()]).unwrap_err();
    assert!(matches!(known, LmError::Tokens(_)), "{known}");
    let tuned = model.load_adapter(&peft("qv")).unwrap();
    let error = tuned.with_tokens(&words()).unwrap_err().to_string();
    assert!(error.contains("without an adapter"), "{error}");
}

#[test]
fn an_adapters_folder_brings_its_words() {
    for name in ["tiny-llama3", "tiny-llama-tied"] {
        let Some(model) = model(name) else { return };
        let more = model.with_tokens(&words()).unwrap();
        let (adapter, folder) = adapter(&more);
        let adapted = model.load_adapter(folder.path()).unwrap();
        assert_eq!(adapted.tokenizer().vocab_size(), 386);
        assert_eq!(adapted.decoder().config.vocab_size, 386);
        assert_eq!(
            adapted.text_fingerprint().unwrap(),
            more.text_fingerprint().unwrap()
        );
        let memory = more.with_adapter(&adapter).unwrap();
        assert_eq!(loss(&adapted).to_bits(), loss(&memory).to_bits(), "{name}");
        assert_eq!(adapted.without_adapter().tokenizer().vocab_size(), 384);
        // To train on from there: the words without the adapter.
        let start = model.with_words_of(folder.path()).unwrap();
        assert_eq!(loss(&start).to_bits(), loss(&more).to_bits(), "{name}");
        assert_eq!(start.added_words().collect::<Vec<_>>(), ["<say>", "<said>"]);
    }
}

#[test]
fn a_tokenizer_with_other_words_is_refused() {
    let Some(model) = tiny() else { return };
    let more = model.with_tokens(&words()).unwrap();
    let (_, folder) = adapter(&more);
    let other = model
        .with_tokens(&["<other>".into(), "<word>".into()])
        .unwrap();
    // As many words as the folder has, so that they are taken for the same.
    assert!(other.with_words_of(folder.path()).is_ok());
    let larger = model
        .with_tokens(&["<a>".into(), "<b>".into(), "<c>".into()])
        .unwrap();
    let error = larger.load_adapter(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("tokenizer.json") && error.contains("386"),
        "{error}"
    );
    let one = model.with_tokens(&["<other>".into()]).unwrap();
    let error = one.load_adapter(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("<other>") && error.contains("<say>"),
        "{error}"
    );
    let peft = model.with_words_of(&peft("qv")).unwrap();
    assert_eq!(peft.tokenizer().vocab_size(), 384);
}
