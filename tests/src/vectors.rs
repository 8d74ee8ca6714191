//! Promise: engine and model reproduce the numbered vectors of the block manager that the rule book restates:
//! block ids, prepopulated lengths (`pos`) and free counts. The numbers are those of the vectors.

use crate::bench::Bench;
use crate::words::{DIRECTORY, R, Request, config, image};
use tierproof::lockstep::model::Outcome;
use tierproof::lockstep::model::Refusal::Invalid;

/// Every request of these ids is there, or none of these is.
fn ids(from: u64) -> std::ops::Range<u64> {
    from..from + 8
}

#[test]
fn v14_the_last_block_is_shared_only_when_it_is_full() {
    let mut bench = Bench::new(config(64, 24, 4096).without_reuse());
    let unshared = |id| Request::of(id, R(0, 191)).beams(8);
    assert_eq!(bench.add(unshared(0)), Outcome::Done);
    assert_eq!(bench.free(), 14);
    let beams = bench.beams(0);
    assert!(beams.iter().all(|beam| beam.len() == 3 && beam[..2] == [0, 1]));
    let last: Vec<usize> = beams.iter().map(|beam| beam[2]).collect();
    assert_eq!(last, (2..10).collect::<Vec<_>>());
    bench.remove(0);
    assert_eq!(bench.free(), 24);

    bench.add(Request::of(1, R(0, 192)).beams(8));
    assert_eq!(bench.free(), 21);
    assert!(bench.beams(1).iter().all(|beam| *beam == bench.beams(1)[0]));
    bench.remove(1);

    assert_eq!(bench.add(unshared(2)), Outcome::Done);
    assert_eq!(bench.add(unshared(3)), Outcome::Done);
    assert_eq!(bench.free(), 4);
    assert_eq!(bench.add(unshared(3)), Outcome::Refused(Invalid));
    assert_eq!(bench.add(unshared(4)), Outcome::Rejected);
}

#[test]
fn v15_every_beam_grows_by_itself() {
    let mut bench = Bench::new(config(64, 128, 640).without_reuse());
    bench.add(Request::of(0, R(0, 575)).beams(4));
    assert_eq!(bench.free(), 128 - 12);
    bench.append(0, 1);
    assert_eq!(bench.free(), 128 - 12);
    bench.append(0, 1);
    assert_eq!(bench.free(), 128 - 16);
    bench.remove(0);
    assert_eq!(bench.free(), 128);
    for id in ids(1) {
        bench.add(Request::of(id, R(0, 575)).beams(4));
        bench.append(id, 1);
        bench.append(id, 1);
    }
    assert_eq!(bench.free(), 0);
}

#[test]
fn v17_rewinding_gives_blocks_back() {
    let mut bench = Bench::new(config(64, 80, 640).without_reuse());
    bench.add(Request::of(0, R(0, 575)));
    assert_eq!(bench.free(), 80 - 9);
    bench.append(0, 1);
    assert_eq!(bench.free(), 80 - 9);
    bench.append(0, 1);
    assert_eq!(bench.free(), 80 - 10);
    for _ in 0..3 {
        bench.append(0, 1);
    }
    assert_eq!(bench.free(), 80 - 10);
    assert_eq!(bench.rewind(0, 4), Outcome::Done);
    assert_eq!(bench.free(), 80 - 9);
}

#[test]
fn v18_a_window_as_long_as_the_prompt_does_not_slide_yet() {
    let mut bench = Bench::new(config(64, 80, 640).without_reuse().window(575));
    bench.add(Request::of(0, R(0, 575)));
    bench.append(0, 1);
    assert_eq!(bench.free(), 80 - 9);
    bench.append(0, 1);
    assert_eq!(bench.free(), 80 - 10);
    bench.remove(0);
    for id in ids(1) {
        bench.add(Request::of(id, R(0, 575)));
        bench.append(id, 1);
    }
    assert_eq!(bench.free(), 8);
}

#[test]
fn v20_v21_v22_reuse_and_partial_reuse() {
    let mut bench = Bench::new(config(4, 8, 64));
    // 20: nothing is there yet.
    bench.add(Request::of(0, R(0, 9)));
    assert_eq!((bench.pos(0), bench.ids(0)), (0, vec![0, 1, 2]));
    bench.generate(0, &[9, 10]);
    bench.remove(0);
    assert_eq!(bench.stored(), ["0 -1", "1 0", "2 1"]);
    assert_eq!(bench.free(), 8);

    // 21: two full blocks are found; the third is a duplicate and not stored.
    bench.add(Request::of(1, R(0, 9)));
    assert_eq!((bench.pos(1), bench.ids(1)), (8, vec![0, 1, 3]));
    bench.generate(1, &[9, 10]);
    bench.remove(1);
    assert_eq!(bench.stored(), [""; 0]);

    // 22: the third block is taken in place, so the second request does not find it.
    bench.add(Request::of(2, R(0, 10)));
    assert_eq!((bench.pos(2), bench.ids(2)), (9, vec![0, 1, 2]));
    bench.add(Request::of(3, R(0, 11)));
    assert_eq!((bench.pos(3), bench.ids(3)), (8, vec![0, 1, 4]));
    assert_eq!(bench.free(), 4);
    bench.remove(2);
    assert_eq!(bench.stored(), ["2 1"]);
    bench.generate(3, &[11]);
    bench.remove(3);
    assert_eq!(bench.stored(), ["4 1"]);
    assert_eq!(bench.free(), 8);
    // The stored lengths, seen by who finds them: [8] and [8, 9, 10].
    assert_eq!(bench.find(4, R(0, 10)), 9);
    assert_eq!(bench.find(5, R(0, 12)), 11);
}

#[test]
fn v27_images_tell_blocks_of_equal_tokens_apart() {
    let mut bench = Bench::new(config(4, 16, 64));
    let tokens = [100, 101, 102, 103, 104, 105, 0, 1, 2];
    let a = |id, items: &[_]| Request::of(id, tokens).images(items);
    let (image_a, image_b) = (1, 2);
    let long = [image(image_a, 2, 4)];
    bench.add(a(0, &long));
    assert_eq!((bench.pos(0), bench.ids(0)), (0, vec![0, 1, 2]));
    bench.generate(0, &[3, 4]);
    bench.remove(0);
    bench.add(a(1, &long));
    assert_eq!((bench.pos(1), bench.ids(1)), (8, vec![0, 1, 3]));
    bench.generate(1, &[3, 4]);
    bench.remove(1);
    bench.add(a(2, &[image(image_b, 2, 4)]));
    assert_eq!((bench.pos(2), bench.ids(2)), (0, vec![4, 5, 6]));
    bench.generate(2, &[9]);
    bench.remove(2);
    bench.add(a(3, &[image(image_a, 2, 2), image(image_b, 4, 2)]));
    assert_eq!((bench.pos(3), bench.ids(3)), (4, vec![0, 7, 8]));
}

#[test]
fn v28_adapters_tell_blocks_of_equal_tokens_apart() {
    let mut bench = Bench::new(config(4, 16, 64));
    let of = |id, tokens: Vec<i32>, lora| Request::of(id, tokens).lora(lora);
    bench.add(of(0, R(0, 9), 0));
    assert_eq!((bench.pos(0), bench.ids(0)), (0, vec![0, 1, 2]));
    bench.generate(0, &[9, 10]);
    bench.remove(0);
    bench.add(of(1, R(0, 9), 0));
    assert_eq!((bench.pos(1), bench.ids(1)), (8, vec![0, 1, 3]));
    bench.generate(1, &[9, 10]);
    bench.remove(1);
    bench.add(of(2, R(0, 9), 0));
    assert_eq!(bench.ids(2), [0, 1, 4]);
    bench.add(of(3, R(0, 11), 0));
    assert_eq!((bench.pos(3), bench.ids(3)), (10, vec![0, 1, 2]));
    bench.remove(2);
    bench.remove(3);

    bench.add(of(4, R(0, 9), 1));
    assert_eq!((bench.pos(4), bench.ids(4)), (0, vec![5, 6, 7]));
    bench.generate(4, &[9]);
    bench.remove(4);
    let mut tokens = R(0, 10);
    tokens.push(11);
    bench.add(of(5, tokens, 1));
    assert_eq!((bench.pos(5), bench.ids(5)), (9, vec![5, 6, 7]));
    bench.remove(5);

    bench.add(of(6, R(0, 5), 0));
    assert_eq!((bench.pos(6), bench.ids(6)), (4, vec![0, 8]));
    bench.remove(6);
    bench.add(Request::of(7, R(0, 9)));
    assert_eq!((bench.pos(7), bench.ids(7)), (0, vec![9, 10, 11]));
}

#[test]
fn v30_what_was_found_is_counted() {
    let mut bench = Bench::new(config(4, 8, 64));
    bench.add(Request::of(0, R(0, 9)));
    let first = bench.model().counters();
    assert_eq!((first.hits_total(), first.alloc_total, first.missed), (0, 3, 3));
    bench.remove(0);
    bench.add(Request::of(1, R(0, 9)));
    let both = bench.model().counters();
    assert_eq!((both.hits_total(), both.alloc_total, both.missed), (2, 4, 4));
}

#[test]
fn v34_low_priorities_leave_first() {
    let mut bench = Bench::new(config(4, 4, 64));
    bench.add(Request::of(0, R(0, 8)).range(0, 4, 90).range(4, 8, 10).decode(20));
    bench.add(Request::of(1, R(8, 16)));
    bench.remove(0);
    bench.remove(1);
    bench.add(Request::of(2, R(16, 24)).range(0, 8, 20).decode(20));
    assert_eq!(bench.ids(2), [1, 3]);
    bench.remove(2);
    assert_eq!(bench.find(3, R(8, 16)), 4);
    assert_eq!(bench.free(), 4);
    assert_eq!(bench.find(4, R(0, 8)), 4);
    assert_eq!(bench.find(5, R(16, 24)), 0);
}

#[test]
fn v35_generated_tokens_have_a_priority_of_their_own() {
    let mut bench = Bench::new(config(4, 8, 64));
    assert_eq!(bench.free(), 8);
    bench.add(Request::of(0, R(0, 12)).range(0, 12, 90).decode(90));
    assert_eq!(bench.free(), 5);
    bench.append(0, 0);
    assert_eq!(bench.free(), 4);
    bench.add(Request::of(1, R(12, 24)).range(0, 12, 5).decode(5));
    assert_eq!(bench.free(), 1);
    bench.append(1, 0);
    assert_eq!(bench.free(), 0);
    bench.remove(0);
    bench.remove(1);
    assert_eq!(bench.free(), 8);
    bench.add(Request::of(2, R(24, 36)));
    assert_eq!(bench.ids(2), [7, 6, 5]);
    bench.remove(2);
    assert_eq!(bench.find(3, R(0, 12)), 11);
}

#[test]
fn v41_a_pin_outlives_its_request() {
    let mut bench = Bench::new(config(4, 4, 64));
    bench.add(Request::of(0, R(0, 8)));
    assert_eq!(bench.pin(0), Outcome::Done);
    bench.remove(0);
    assert_eq!(bench.free(), 2);
    assert_eq!(bench.unpin(0), Outcome::Done);
    assert_eq!(bench.free(), 4);
    assert_eq!(bench.unpin(0), Outcome::Refused(Invalid));
}

#[test]
fn v42_whole_and_partial_contents_come_back() {
    let mut bench = Bench::new(config(8, 4, 64).host(4));
    bench.add(Request::of(0, R(0, 17)));
    assert_eq!(bench.ids(0), [0, 1, 2]);
    for index in 0..3 {
        assert_eq!(bench.offload(0, index), Outcome::Done);
        assert_eq!(bench.model().views()[0].blocks[index].tier, 1);
        assert_eq!(bench.onboard(0, index), Outcome::Done);
        assert_eq!(bench.model().views()[0].blocks[index].tier, 0);
    }
    bench.remove(0);
    // Each onboarding brought an id of the host to the device, so upstream's next fresh block is
    // another one; the found ones are the same.
    bench.add(Request::of(1, R(0, 17)));
    assert_eq!((bench.pos(1), bench.ids(1)[..2].to_vec()), (16, vec![0, 1]));
    bench.store(1);
    bench.add(Request::of(2, R(0, 12)));
    assert_eq!((bench.pos(2), bench.ids(2)[0]), (11, 0));
    let copy = bench.ids(2)[1];
    let content = bench.model().expected_content(0, copy).unwrap();
    assert_eq!(content[..3], bench.model().expected_content(0, 1).unwrap()[..3]);
    // The copied three tokens, the prompt's last one, and nothing behind it.
    assert_eq!(content.iter().filter(|print| print.is_some()).count(), 4);
}

/// One host block, findable, with a child on the device. Upstream made room for the copy by
/// evicting the copy's own source.
#[test]
fn v49_the_source_of_a_copy_is_nobodys_victim() {
    let mut bench = Bench::new(config(4, 2, 64).host(1));
    bench.add(Request::of(0, R(0, 8)));
    bench.store(0);
    assert_eq!(bench.offload(0, 0), Outcome::Done);
    bench.generate(0, &[8]);
    bench.remove(0);
    let log = bench.decide(Request::of(1, [0, 1, 2, 77, 78, 79, 80, 81]));
    assert_eq!(log[0], "partial 0 0 3");
    assert!(log.contains(&format!("copy 0 0 {} 3", bench.ids(1)[0])), "{log:?}");
}

#[test]
fn v50_a_timed_block_expires_in_every_tier() {
    for below in [config(4, 1, 64).host(1), config(4, 1, 64).disk(1)] {
        let mut bench = Bench::new(below);
        bench.add(Request::of(0, R(0, 4)).timed(0, 4, 80, 10).files(DIRECTORY));
        bench.remove(0);
        bench.add(Request::of(1, R(50, 54)));
        assert!(bench.model().views()[0].blocks[0].tier > 0);
        bench.take_log();
        bench.advance(9);
        assert_eq!(bench.take_log(), [""; 0]);
        bench.advance(1);
        assert_eq!(bench.take_log(), ["expire 0 0"]);
    }
}
