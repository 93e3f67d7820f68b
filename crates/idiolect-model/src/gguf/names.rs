//! Tensors of a GGUF file as a Hugging Face folder has them: their names, and the order of query and key rows.

use crate::source::StoredTensor;

/// `blk.3.attn_q.weight` to `model.layers.3.self_attn.q_proj.weight`; unknown names stay.
pub(super) fn hugging_face_name(own: &str) -> String {
    let parts: Vec<&str> = own.split('.').collect();
    match parts.as_slice() {
        ["token_embd", end] => format!("model.embed_tokens.{end}"),
        ["output_norm", end] => format!("model.norm.{end}"),
        ["output", end] => format!("lm_head.{end}"),
        ["blk", layer, part, end] => match block_part(part) {
            Some(part) => format!("model.layers.{layer}.{part}.{end}"),
            None => own.into(),
        },
        _ => own.into(),
    }
}

fn block_part(own: &str) -> Option<&'static str> {
    Some(match own {
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "attn_q_norm" => "self_attn.q_norm",
        "attn_k_norm" => "self_attn.k_norm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        _ => return None,
    })
}

/// Undoes the converter's order of rows: in each head, row `2 i + j` becomes row `j * head_dim / 2 + i`.
pub(super) fn join_halves(tensor: &mut StoredTensor, head_dim: usize) {
    let width: usize = tensor.shape.iter().skip(1).product();
    let half = head_dim / 2;
    let mut head = vec![0.0; head_dim * width];
    for rows in tensor.values.chunks_exact_mut(head_dim * width) {
        for (from, row) in rows.chunks_exact(width).enumerate() {
            let to = from % 2 * half + from / 2;
            head[to * width..][..width].copy_from_slice(row);
        }
        rows.copy_from_slice(&head);
    }
}
