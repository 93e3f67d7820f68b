//! Tensors of a GGUF file and of a Hugging Face folder: names, and the order of query and key rows, both ways.

use crate::source::StoredTensor;

/// Parts of a block: the name in a GGUF file, and that in a Hugging Face folder.
const BLOCK: [(&str, &str); 11] = [
    ("attn_norm", "input_layernorm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];
/// What stands beside the blocks, likewise.
const BESIDE: [(&str, &str); 3] = [
    ("token_embd", "model.embed_tokens"),
    ("output_norm", "model.norm"),
    ("output", "lm_head"),
];

/// `blk.3.attn_q.weight` to `model.layers.3.self_attn.q_proj.weight`; unknown names stay.
pub(super) fn hugging_face_name(own: &str) -> String {
    let known = |table: &[(&str, &'static str)], part: &str| {
        let found = table.iter().find(|(own, _)| *own == part);
        found.map(|(_, theirs)| *theirs)
    };
    let parts: Vec<&str> = own.split('.').collect();
    let found = match parts.as_slice() {
        ["blk", layer, part, end] => {
            known(&BLOCK, part).map(|part| format!("model.layers.{layer}.{part}.{end}"))
        }
        [part, end] => known(&BESIDE, part).map(|part| format!("{part}.{end}")),
        _ => None,
    };
    found.unwrap_or_else(|| own.into())
}

/// `model.layers.3.self_attn.q_proj.weight` to `blk.3.attn_q.weight`; none for a name that GGUF files have not.
#[cfg(feature = "gguf")]
pub(super) fn gguf_name(theirs: &str) -> Option<String> {
    let known = |table: &[(&'static str, &str)], path: &str| {
        let found = table.iter().find(|(_, theirs)| *theirs == path);
        found.map(|(own, _)| *own)
    };
    let (path, end) = theirs.rsplit_once('.')?;
    match path
        .strip_prefix("model.layers.")
        .and_then(|rest| rest.split_once('.'))
    {
        Some((layer, part)) => Some(format!("blk.{layer}.{}.{end}", known(&BLOCK, part)?)),
        None => Some(format!("{}.{end}", known(&BESIDE, path)?)),
    }
}

/// Whether a tensor of this name in the file has rotary pairs in its rows: queries and keys, weights and biases.
pub(super) fn has_pairs(own: &str) -> bool {
    let parts: Vec<&str> = own.split('.').collect();
    matches!(parts.as_slice(), ["blk", _, "attn_q" | "attn_k", _])
}

/// Undoes the converter's order of rows: in each head, row `2 i + j` becomes row `j * head_dim / 2 + i`.
pub(crate) fn join_halves(tensor: &mut StoredTensor, head_dim: usize) {
    let width = width(&tensor.shape);
    join_rows(&mut tensor.values, [head_dim, width]);
}

/// [`join_halves`] of rows of `width` elements.
pub(super) fn join_rows<T: Copy + Default>(rows: &mut [T], [head_dim, width]: [usize; 2]) {
    let half = head_dim / 2;
    let place = |row: usize| row % 2 * half + row / 2;
    move_rows(rows, [head_dim, width], place);
}

/// The converter's order of rows: in each head, row `j * head_dim / 2 + i` becomes row `2 i + j`.
#[cfg(feature = "gguf")]
pub(super) fn split_halves(values: &mut [f32], shape: &[usize], head_dim: usize) {
    let half = head_dim / 2;
    let place = |row: usize| row % half * 2 + row / half;
    move_rows(values, [head_dim, width(shape)], place);
}

fn width(shape: &[usize]) -> usize {
    shape.iter().skip(1).product()
}

/// Moves each row of each head to its `place` in the head.
fn move_rows<T: Copy + Default>(
    values: &mut [T],
    [rows, width]: [usize; 2],
    place: impl Fn(usize) -> usize,
) {
    let mut head = vec![T::default(); rows * width];
    for of_head in values.chunks_exact_mut(rows * width) {
        for (from, row) in of_head.chunks_exact(width).enumerate() {
            head[place(from) * width..][..width].copy_from_slice(row);
        }
        of_head.copy_from_slice(&head);
    }
}

#[cfg(test)]
#[cfg(feature = "gguf")]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        let names = BLOCK.map(|(own, _)| format!("blk.3.{own}.weight"));
        let beside = BESIDE.map(|(own, _)| format!("{own}.weight"));
        for own in names.into_iter().chain(beside) {
            let theirs = hugging_face_name(&own);
            assert_ne!(theirs, own);
            assert_eq!(gguf_name(&theirs), Some(own));
        }
        assert_eq!(
            gguf_name("model.layers.0.self_attn.q_proj.bias").as_deref(),
            Some("blk.0.attn_q.bias")
        );
        assert_eq!(gguf_name("model.vision.weight"), None);
    }

    #[test]
    fn rows_go_both_ways() {
        let values: Vec<f32> = (0_u8..48).map(f32::from).collect();
        let mut tensor = StoredTensor {
            shape: vec![16, 3],
            values: values.clone(),
            stored: "F32".into(),
        };
        split_halves(&mut tensor.values, &[16, 3], 8);
        assert_eq!(tensor.values[3..6], values[12..15]);
        join_halves(&mut tensor, 8);
        assert_eq!(tensor.values, values);
    }
}
