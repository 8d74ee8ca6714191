//! Every way through a program that asks what to do: run it until [`Choices::next_way`] says that was all.

/// What was chosen so far, and among how many.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    made: Vec<(usize, usize)>,
    asked: usize,
}

impl Choices {
    /// One of `0..of`.
    pub(crate) fn choose(&mut self, of: usize) -> usize {
        if self.asked == self.made.len() {
            self.made.push((0, of));
        }
        let (chosen, among) = self.made[self.asked];
        assert_eq!(among, of, "equal choices lead to equal questions");
        self.asked += 1;
        chosen
    }

    /// Goes back to the start, to go another way; false if there is none.
    pub(crate) fn next_way(&mut self) -> bool {
        self.asked = 0;
        while let Some((chosen, of)) = self.made.pop() {
            if chosen + 1 < of {
                self.made.push((chosen + 1, of));
                return true;
            }
        }
        false
    }
}

#[test]
fn every_way_is_gone_once() {
    let mut choices = Choices::default();
    let mut ways = Vec::new();
    loop {
        let first = choices.choose(3);
        // The second question depends on the first answer.
        let second = if first == 1 { 0 } else { choices.choose(2) };
        ways.push((first, second));
        if !choices.next_way() {
            break;
        }
    }
    assert_eq!(ways, [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]);
}
