//! A plan's requests in the engine's words.

use tierproof_core::{
    MultimodalItem, Prompt, Request, RequestId, Retention, TokenPrompt, TokenRange, TransferMode,
};

use crate::lockstep::plan::{BEAMS_MAX, PlanAdd, PlanMode, PlanPrompt, PlanRetention, PlanTokens};

/// The request, or nothing if it can't even be said.
pub(crate) fn request(add: &PlanAdd) -> Option<Request> {
    let prompt = match &add.prompt {
        PlanPrompt::Hashes(ids) => Prompt::Hashes { tenant: 0, ids: ids.clone() },
        PlanPrompt::Tokens(tokens) => Prompt::Tokens(token_prompt(tokens)?),
    };
    // Plans stop at fewer beams than the engine.
    let beams = Some(add.beams).filter(|beams| *beams <= BEAMS_MAX)?;
    Some(Request {
        id: RequestId(add.request),
        prompt,
        beams: number(beams)?,
        cross_attention: add.cross_attention,
        retention: retention(&add.retention)?,
    })
}

fn token_prompt(tokens: &PlanTokens) -> Option<TokenPrompt> {
    let mut multimodal = Vec::new();
    for item in &tokens.multimodal {
        let (start, len) = (number(item.start)?, number(item.len)?);
        multimodal.push(MultimodalItem { hash: item.hash, start, len });
    }
    Some(TokenPrompt {
        tenant: tokens.tenant,
        tokens: tokens.tokens.clone(),
        extra_ids: tokens.extra_ids.clone(),
        lora: tokens.lora,
        salt: tokens.salt,
        multimodal,
    })
}

fn retention(asked: &PlanRetention) -> Option<Retention> {
    let mut ranges = Vec::new();
    for range in &asked.ranges {
        let end = match range.end {
            Some(end) => Some(number(end)?),
            None => None,
        };
        let (priority, duration_ms) = (range.priority, range.duration_ms);
        ranges.push(TokenRange { start: number(range.start)?, end, priority, duration_ms });
    }
    let worth = Retention::default().with_ranges(ranges).ok()?;
    let worth = worth.with_decode(asked.decode_priority, asked.decode_duration_ms).ok()?;
    let mode = match asked.mode {
        PlanMode::Dram => TransferMode::Dram,
        PlanMode::Gds => TransferMode::Gds,
        PlanMode::Posix => TransferMode::Posix,
    };
    worth.with_files(mode, asked.directory.clone()).ok()
}

fn number(of: usize) -> Option<u32> {
    u32::try_from(of).ok()
}
