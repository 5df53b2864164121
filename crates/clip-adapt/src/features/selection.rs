//! Which views a method believes: those whose predictions have the lowest entropy ("confidence selection", TPT,
//! arXiv 2209.07511).

/// How many of `views` views the `share` of them is: rounded down, at least one.
#[must_use]
pub fn count(views: usize, share: f64) -> usize {
    ((views as f64 * share) as usize).clamp(1, views.max(1))
}

/// All views, the most confident first; of equal ones the earlier first.
#[must_use]
pub fn by_confidence(entropies: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entropies.len()).collect();
    order.sort_by(|&a, &b| entropies[a].total_cmp(&entropies[b]));
    order
}

/// The most confident `share` of the views, the most confident first.
#[must_use]
pub fn most_confident(entropies: &[f64], share: f64) -> Vec<usize> {
    let mut order = by_confidence(entropies);
    order.truncate(count(entropies.len(), share));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_never_empty() {
        assert_eq!((count(64, 0.1), count(64, 0.3), count(64, 1.0)), (6, 19, 64));
        assert_eq!((count(4, 0.1), count(1, 0.0), count(3, 7.0)), (1, 1, 3));
    }

    #[test]
    fn the_lowest_entropies_come_first_and_equal_ones_in_their_order() {
        let entropies = [2.0, 0.5, 0.5, 0.1];
        assert_eq!(by_confidence(&entropies), [3, 1, 2, 0]);
        assert_eq!(most_confident(&entropies, 0.5), [3, 1]);
        assert!(by_confidence(&[]).is_empty());
    }
}
