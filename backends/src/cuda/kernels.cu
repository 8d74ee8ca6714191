// The kernels of the CUDA backend: checksums, copies, and a late writer for tests.
//
// NVRTC compiles this file alone, so it includes nothing. `scripts/compile-kernels` makes kernels.ptx
// of it, `scripts/check-kernels` runs it on CPU threads and compares its results with other code.
//
// Every kernel is launched with 256 threads a CTA. The structures are shared with Rust
// (kernels.rs), which writes and reads their fields in this order, little-endian. An address is a unified
// one, so it may name memory of the device or pinned memory of the host.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

constexpr u32 THREADS = 256;
constexpr u32 TRAILER = 128, SHORT = 240;  // bytes; up to SHORT, XXH3 is other algorithms, left to the CPU

struct Payload {  // 24 bytes
    u64 address, len;
    u64 trailer;  // address of its 128 bytes; 0: there is none
};

struct Record {           // 384 bytes
    u64 checksum;         // XXH3-64; 0 if the payload is short
    u8 trailer[TRAILER];  // untouched if there is none
    u8 head[248];         // starts with the payload if that is short; what follows is untouched
};

struct Copy {  // 24 bytes
    u64 source, target, len;
};

static_assert(sizeof(Payload) == 24 && sizeof(Record) == 384 && sizeof(Copy) == 24, "as in Rust");

// ---- XXH3-64 of long input, with seed 0 and the default secret
//
// Eight 64-bit lanes take in stripes of 64 bytes. Within a block of 16 stripes a lane only adds, so
// its sum over a block can be had at any time by any thread; what has to be in order is the scramble
// after each block. Seven warps sum the blocks of a tile, eight threads a block, while the first warp
// scrambles its way through the tile before.

constexpr u32 LANES = 8;
constexpr u32 STRIPES = 16;                           // in a block
constexpr u32 STRIPE = 64, BLOCK = STRIPE * STRIPES;  // bytes
constexpr u32 GROUPS = 32 / LANES;                    // of eight threads, in a warp
constexpr u32 TILE = THREADS / LANES - GROUPS;        // blocks: each of the other warps' groups sums one

constexpr u64 PRIME32_1 = 0x9E3779B1, PRIME64_1 = 0x9E3779B185EBCA87;
__constant__ const u64 START[LANES] = {0xC2B2AE3D,         PRIME64_1,  0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                                       0x85EBCA77C2B2AE63, 0x85EBCA77, 0x27D4EB2F165667C5, PRIME32_1};

constexpr u32 SECRET_WORDS = 24, SCRAMBLING = 16;  // where which secret starts, in words
constexpr u32 MERGING = 11, ENDING = 121;            // and in bytes
__constant__ const u64 SECRET[SECRET_WORDS] = {
    0xbe4ba423396cfeb8, 0x1cad21f72c81017c, 0xdb979083e96dd4de, 0x1f67b3b7a4a44072,
    0x78e5c0cc4ee679cb, 0x2172ffcc7dd05a82, 0x8e2443f7744608b8, 0x4c263a81e69035e0,
    0xcb00c391bb52283c, 0xa32e531b8b65d088, 0x4ef90da297486471, 0xd8acdea946ef1938,
    0x3f349ce33f76faa8, 0x1d4f0bc7c7bbdcf9, 0x3159b4cd4be0518a, 0x647378d9c97e9fc8,
    0xc3ebd33483acc5ea, 0xeb6313faffa081c5, 0x49daf0b751dd0d17, 0x9e68d429265516d3,
    0xfca1477d58be162b, 0xce31d07ad1b8f88f, 0x280416958f3acb45, 0x7e404bbbcafbd7af,
};

struct Sum {  // of some stripes, in one lane
    u64 products = 0, words = 0;

    __device__ void add(u64 word, u64 secret) {
        const u64 mixed = word ^ secret;
        products += (u64)(u32)mixed * (mixed >> 32);
        words += word;
    }
};

template <u32 SLOTS>
struct Sums {
    u64 products[SLOTS][LANES], words[SLOTS][LANES];

    __device__ void put(u32 slot, u32 lane, const Sum& sum) {
        products[slot][lane] = sum.products;
        words[slot][lane] = sum.words;
    }
    // A lane takes in its own products, and the words of its neighbour.
    __device__ u64 get(u32 slot, u32 lane) const { return products[slot][lane] + words[slot][lane ^ 1]; }
};

struct Workspace {
    Sums<TILE + 1> tiles[2];  // one is filled while the other is used; one may always read a slot ahead
    Sums<GROUPS> rest;
    u64 secret[SECRET_WORDS];  // constant memory is slow where threads read different words of it
    u64 lanes[LANES];
};

// At offsets that are no multiple of 8. An unaligned word costs two loads; each has a byte of it, so
// neither leaves the memory that is there.
__device__ u64 unaligned(const u64* words, u32 offset) {
    const u32 shift = offset % 8 * 8;
    return words[offset / 8] >> shift | words[offset / 8 + 1] << (64 - shift);
}

template <bool ALIGNED>
__device__ u64 load(const u8* from) {
    const u32 beside = (u64)from % 8;
    return ALIGNED ? *(const u64*)from : unaligned((const u64*)(from - beside), beside);
}

// What follows the last scramble: the whole stripes that are left, and the payload's last 64 bytes,
// which overlap them or the block before and start anywhere. A warp's groups share the stripes.
template <bool ALIGNED>
__device__ Sum sum_rest(const u8* data, u64 len, u32 group, u32 lane, const u64* secret) {
    Sum sum;
    const u8* rest = data + (len - 1) / BLOCK * BLOCK;
    const u32 stripes = (len - 1) % BLOCK / STRIPE;
    for (u32 i = group; i < STRIPES; i += GROUPS)
        if (i < stripes) sum.add(load<ALIGNED>(rest + i * STRIPE + lane * 8), secret[i + lane]);
    if (group == 0) {
        const u8* last = data + len - STRIPE + lane * 8;
        sum.add((u64)last % 8 == 0 ? load<true>(last) : load<false>(last), unaligned(secret, ENDING + lane * 8));
    }
    return sum;
}

struct Words {  // of a block, in one lane
    u64 of[STRIPES];
};

template <bool ALIGNED>
__device__ Words fetch(const u8* from) {
    Words words;
    for (u32 i = 0; i < STRIPES; i++) words.of[i] = load<ALIGNED>(from + i * STRIPE);
    return words;
}

// Takes a lane through the blocks of a tile. The next sum is read while this one is worked in: the
// latency of this chain is what limits one payload's speed.
__device__ u64 scramble(u64 state, const Sums<TILE + 1>& tile, u32 blocks, u32 lane, u64 secret) {
    u64 next = tile.get(0, lane);
#pragma unroll 4
    for (u32 block = 0; block < blocks; block++) {
        state += next;
        next = tile.get(block + 1, lane);
        state = (state ^ state >> 47 ^ secret) * PRIME32_1;
    }
    return state;
}

__device__ u64 merge(const u64* lanes, const u64* secret, u64 len) {
    u64 hash = len * PRIME64_1;
    for (u32 i = 0; i < LANES; i += 2) {
        const u64 a = lanes[i] ^ unaligned(secret, MERGING + i * 8);
        const u64 b = lanes[i + 1] ^ unaligned(secret, MERGING + i * 8 + 8);
        hash += a * b ^ __umul64hi(a, b);
    }
    hash = (hash ^ hash >> 37) * 0x165667919E3779F9;
    return hash ^ hash >> 32;
}

// All threads of the CTA call it, and each gets the checksum.
template <bool ALIGNED>
__device__ u64 checksum(const u8* data, u64 len, Workspace& shared) {
    const u32 lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
    const bool scrambles = group < GROUPS;  // the four groups do the same, which costs nothing
    const u32 slot = group - GROUPS;        // of those who sum
    const u64 blocks = (len - 1) / BLOCK, tiles = (blocks + TILE - 1) / TILE;
    const u8* mine = data + slot * BLOCK + lane * 8;

    if (threadIdx.x < SECRET_WORDS) shared.secret[threadIdx.x] = SECRET[threadIdx.x];
    __syncthreads();

    u64 state = START[lane];
    Words ahead;  // by a tile, so that loads are always under way
    if (scrambles) shared.rest.put(group, lane, sum_rest<ALIGNED>(data, len, group, lane, shared.secret));
    else if (slot < blocks) ahead = fetch<ALIGNED>(mine);
    for (u64 tile = 0; tile <= tiles; tile++) {
        if (scrambles && tile > 0) {
            const u64 left = blocks - (tile - 1) * TILE;
            state = scramble(state, shared.tiles[(tile - 1) % 2], min(left, (u64)TILE), lane,
                             shared.secret[SCRAMBLING + lane]);
        } else if (!scrambles && tile * TILE + slot < blocks) {
            const Words words = ahead;
            if ((tile + 1) * TILE + slot < blocks) ahead = fetch<ALIGNED>(mine + (tile + 1) * TILE * BLOCK);
            Sum sum;
            for (u32 i = 0; i < STRIPES; i++) sum.add(words.of[i], shared.secret[i + lane]);
            shared.tiles[tile % 2].put(slot, lane, sum);
        }
        __syncthreads();
    }

    if (group == 0) {
        for (u32 i = 0; i < GROUPS; i++) state += shared.rest.get(i, lane);
        shared.lanes[lane] = state;
    }
    __syncthreads();
    return merge(shared.lanes, shared.secret, len);
}

// Grid: one CTA a payload. `records` may be pinned memory of the host.
extern "C" __global__ void __launch_bounds__(THREADS, 2) tierproof_checksum(const Payload* payloads, Record* records) {
    __shared__ Workspace shared;
    const Payload payload = payloads[blockIdx.x];
    Record& record = records[blockIdx.x];
    const u8* data = (const u8*)payload.address;
    const u32 thread = threadIdx.x;

    if (payload.trailer != 0 && thread < TRAILER) record.trailer[thread] = ((const u8*)payload.trailer)[thread];
    u64 sum = 0;
    if (payload.len > SHORT)
        sum = payload.address % 8 == 0 ? checksum<true>(data, payload.len, shared)
                                       : checksum<false>(data, payload.len, shared);
    else if (thread < payload.len)
        record.head[thread] = data[thread];
    if (thread == 0) record.checksum = sum;
    __threadfence_system();
}

// ---- Copies

constexpr u64 CHUNK = 16 * 1024;  // bytes that a CTA moves at a time
constexpr u32 FLIGHT = 4;         // loads that a thread has under way: the host's memory is far

template <typename Word>
__device__ void move(const u8* source, u8* target, u32 len) {
    const auto from = (const Word*)source;
    const auto to = (Word*)target;
    const u32 words = len / sizeof(Word);
    u32 at = threadIdx.x;
#pragma unroll 1
    for (; at + (FLIGHT - 1) * THREADS < words; at += FLIGHT * THREADS) {
        Word flight[FLIGHT];
        for (u32 i = 0; i < FLIGHT; i++) flight[i] = from[at + i * THREADS];
        for (u32 i = 0; i < FLIGHT; i++) to[at + i * THREADS] = flight[i];
    }
#pragma unroll 1
    for (; at < words; at += THREADS) to[at] = from[at];
    const u32 rest = words * sizeof(Word) + threadIdx.x;
    if (rest < len) target[rest] = source[rest];
}

// Grid: (copies, CTAs a copy). No target may overlap another copy's source or target, or its own source.
extern "C" __global__ void __launch_bounds__(THREADS) tierproof_copy(const Copy* copies) {
    const Copy copy = copies[blockIdx.x];
    const u64 ends = copy.source | copy.target;
    for (u64 start = blockIdx.y * CHUNK; start < copy.len; start += gridDim.y * CHUNK) {
        const u8* source = (const u8*)copy.source + start;
        u8* target = (u8*)copy.target + start;
        const u32 len = min(copy.len - start, CHUNK);
        if (ends % 16 == 0) move<ulonglong2>(source, target, len);
        else if (ends % 8 == 0) move<u64>(source, target, len);
        else if (ends % 4 == 0) move<u32>(source, target, len);
        else move<u8>(source, target, len);
    }
}

// ---- For tests of ordering

#ifndef GLOBALTIMER  // the check without a GPU brings its own
#define GLOBALTIMER(now) asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now))
#endif
constexpr u64 LONGEST_WAIT = 5'000'000'000;  // nanoseconds: a wrong test ends, too

// Grid: one CTA. Whoever does not wait for this kernel finds the bytes that were there before.
extern "C" __global__ void __launch_bounds__(THREADS)
    tierproof_write_late(u8* target, u64 len, u64 nanoseconds, u32 seed) {
    u64 start, now;
    GLOBALTIMER(start);
    do GLOBALTIMER(now);
    while (now - start < min(nanoseconds, LONGEST_WAIT));
#pragma unroll 1
    for (u64 i = threadIdx.x; i < len; i += THREADS) target[i] = (u8)((seed + i) * 167 + (i >> 8));
}
