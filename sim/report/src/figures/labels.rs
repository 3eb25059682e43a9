//! Labels that do not overlap: blocks of text pushed apart as little as possible.

/// Places blocks of these heights in a column between `top` and `bottom`, each as near as can be to where it wants its
/// middle; returns the middles, in the order given.
///
/// Blocks keep the order of their wishes. Those that collide form a group that moves as one (pool adjacent
/// violators), so the squared way they are moved is the least possible. If all of them are too high for the column,
/// they start at its top.
pub fn push_apart(wishes: &[f64], heights: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    struct Group {
        /// Sum over the blocks of where each wants the top of the group.
        wished: f64,
        count: f64,
        height: f64,
    }
    impl Group {
        fn start(&self, top: f64, bottom: f64) -> f64 {
            (self.wished / self.count).min(bottom - self.height).max(top)
        }
    }
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|&left, &right| wishes[left].total_cmp(&wishes[right]).then(left.cmp(&right)));
    let mut groups: Vec<Group> = Vec::new();
    for &block in &order {
        let height = heights[block];
        let mut group = Group { wished: wishes[block] - height / 2.0, count: 1.0, height };
        while let Some(above) =
            groups.pop_if(|above| above.start(top, bottom) + above.height > group.start(top, bottom))
        {
            group = Group {
                wished: above.wished + group.wished - above.height * group.count,
                count: above.count + group.count,
                height: above.height + group.height,
            };
        }
        groups.push(group);
    }
    let mut middles = vec![0.0; wishes.len()];
    let mut blocks = order.iter();
    for group in &groups {
        let mut at = group.start(top, bottom);
        for &block in blocks.by_ref().take(group.count as usize) {
            middles[block] = at + heights[block] / 2.0;
            at += heights[block];
        }
    }
    middles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_room_stay_where_they_are() {
        assert_eq!(push_apart(&[80.0, 20.0], &[16.0, 16.0], 0.0, 100.0), [80.0, 20.0]);
    }

    #[test]
    fn colliding_labels_share_the_way() {
        assert_eq!(push_apart(&[50.0, 50.0], &[10.0, 10.0], 0.0, 100.0), [45.0, 55.0]);
        assert_eq!(push_apart(&[50.0, 51.0, 90.0], &[10.0, 20.0, 4.0], 0.0, 100.0), [43.0, 58.0, 90.0]);
    }

    #[test]
    fn labels_at_an_edge_stack_up_inside() {
        assert_eq!(push_apart(&[100.0, 100.0, 100.0], &[10.0, 10.0, 10.0], 0.0, 100.0), [75.0, 85.0, 95.0]);
        assert_eq!(push_apart(&[0.0, 2.0], &[10.0, 10.0], 0.0, 100.0), [5.0, 15.0]);
    }

    #[test]
    fn too_many_labels_never_overlap_either() {
        let middles = push_apart(&[5.0; 9], &[10.0; 9], 0.0, 20.0);
        assert!(middles.windows(2).all(|pair| pair[1] - pair[0] >= 10.0), "{middles:?}");
        assert!(push_apart(&[], &[], 0.0, 1.0).is_empty());
    }
}
