//! Rows of two files brought together by id, never by position.

use std::collections::{HashMap, HashSet};

use crate::formats::Id;

/// Which rows belong together, and which have no partner.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PairReport {
    /// Positions (left, right) of rows with the same id, in the order of the left side.
    pub pairs: Vec<(usize, usize)>,
    /// Ids that only the left side has, in its order.
    pub missing: Vec<Id>,
    /// Ids that only the right side has, in its order.
    pub extra: Vec<Id>,
    /// Ids that stand more than once on a side, each once; such rows are not paired.
    pub repeated: Vec<Id>,
}

impl PairReport {
    /// Whether every row of both sides has exactly one partner.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.repeated.is_empty()
    }
}

/// Pairs two lists of ids.
///
/// Ids are equal when their JSON is: `1` and `"1"` are different.
pub fn pair_by_id<'a>(
    left: impl IntoIterator<Item = &'a Id>,
    right: impl IntoIterator<Item = &'a Id>,
) -> PairReport {
    let (left, right) = (Side::new(left), Side::new(right));
    let mut report = PairReport::default();
    let mut told = HashSet::new();
    for (at, (id, key)) in left.ids.iter().enumerate() {
        match (
            left.places[key].as_slice(),
            right.places.get(key).map(Vec::as_slice),
        ) {
            ([_], None) => report.missing.push((*id).clone()),
            ([_], Some(&[other])) => report.pairs.push((at, other)),
            _ if told.insert(key) => report.repeated.push((*id).clone()),
            _ => {}
        }
    }
    for (id, key) in right
        .ids
        .iter()
        .filter(|(_, key)| !left.places.contains_key(key))
    {
        match right.places[key].as_slice() {
            [_] => report.extra.push((*id).clone()),
            _ if told.insert(key) => report.repeated.push((*id).clone()),
            _ => {}
        }
    }
    report
}

/// One side's ids with their JSON as key, and where each key stands.
struct Side<'a> {
    ids: Vec<(&'a Id, String)>,
    places: HashMap<String, Vec<usize>>,
}

impl<'a> Side<'a> {
    fn new(ids: impl IntoIterator<Item = &'a Id>) -> Self {
        let ids: Vec<_> = ids.into_iter().map(|id| (id, id.to_string())).collect();
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, (_, key)) in ids.iter().enumerate() {
            places.entry(key.clone()).or_default().push(at);
        }
        Self { ids, places }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_without_one_partner_is_reported() {
        let left = [json!(1), json!("1"), json!(2), json!(3), json!(3), json!(4)];
        let right = [
            json!(4),
            json!(1),
            json!(9),
            json!(2),
            json!(2),
            json!(8),
            json!(8),
        ];
        let report = pair_by_id(&left, &right);
        let expected = PairReport {
            pairs: vec![(0, 1), (5, 0)],
            missing: vec![json!("1")],
            extra: vec![json!(9)],
            repeated: vec![json!(2), json!(3), json!(8)],
        };
        assert_eq!(report, expected);
        assert!(!report.is_complete());
    }
}
