// A whole forward pass of a Llama decoder, compiled once per instruction set (CRIA_NAME names the result).
//
// Every row's result is a fixed sequence of operations, whatever other rows, chunks or threads there are: products sum
// exactly in 32-bit integers within a group and in float32 over groups from left to right; attention folds 128
// positions after the other, from position 0. Built with -ffp-contract=off, so `fma` is where we write it.

#include <type_traits>

#include "cria.h"
#include "simd.h"

using namespace cria;

namespace {

constexpr int QUERY_ROWS = 32;             // rows that share one pass over the keys of a head
constexpr int FOLD_TOKENS = 128;           // positions that the softmax takes in at once, whole blocks
constexpr size_t INPUT_CACHE = 384 << 10;  // quantised rows that stay in a core's cache beside the weights
constexpr size_t PREFETCH_BYTES = 8192;    // how far ahead of a product its weights are asked for, measured
constexpr int FEW_ROWS = 16;               // up to so many rows, reading weights takes longer than multiplying
constexpr float LOG2_E = 1.44269504f;

// 32 inputs of a row: x = scale * q. `offset` = scale * sum(q); `bias` = -128 * sum(q); `low` = sum of the first 16.
struct Group {
    int8_t q[GROUP];
    float scale, offset;
    int32_t bias, low;
};
static_assert(sizeof(Group) == GROUP_BYTES, "the size is part of the interface");

template <class F>
void parallel(Team& team, int num_chunks, const F& chunk) {
    if (team.num_threads == 1 || num_chunks == 1) {
        for (int i = 0; i < num_chunks; ++i) chunk(i, 0);
        return;
    }
    team.run(
        &team, num_chunks, [](void* f, int i, int thread) { (*static_cast<const F*>(f))(i, thread); },
        const_cast<F*>(&chunk));
}

inline int ceil_div(int a, int b) { return (a + b - 1) / b; }
inline int smaller(int a, int b) { return a < b ? a : b; }

// The largest number up to `most` that divides `whole`.
constexpr int largest_part(int whole, int most) {
    while (whole % most) --most;
    return most;
}

// ---- Rows: normalise, quantise --------------------------------------------------------------------------------------

INLINE void complete(Group& group, float scale) {
    int32_t low = 0, high = 0;
    for (int i = 0; i < GROUP / 2; ++i) low += group.q[i];
    for (int i = GROUP / 2; i < GROUP; ++i) high += group.q[i];
    group.scale = scale;
    group.offset = scale * static_cast<float>(low + high);
    group.bias = -128 * (low + high);
    group.low = low;
}

// One group of a row as `levels` groups: the second holds what the first leaves over, in units 256 times smaller, so
// that both sums join in one integer; the first then carries the offset of both. An exact half is cut from 128 to 127
// units: -128 would not survive a change of sign.
INLINE void quantise_group(const vf x[GROUP / W], int levels, Group* out) {
    vf peaks = splat(0.0f);
    for (int i = 0; i < GROUP / W; ++i) peaks = larger(peaks, larger(x[i], -x[i]));
    const float peak = largest(peaks);
    const vf rate = splat(peak > 0 ? 127.0f / peak : 0.0f);
    vf rest[GROUP / W];
    for (int i = 0; i < GROUP / W; ++i) {
        const vf scaled = x[i] * rate, whole = nearest(scaled);
        store_bytes(out->q + i * W, __builtin_convertvector(whole, vi));
        rest[i] = scaled - whole;
    }
    complete(*out, peak / 127.0f);
    if (levels == 1) return;
    const vf most = splat(127.0f);
    for (int i = 0; i < GROUP / W; ++i) {
        const vf whole = nearest(rest[i] * splat(256.0f));
        store_bytes(out[1].q + i * W, __builtin_convertvector(-larger(-larger(whole, -most), -most), vi));
    }
    complete(out[1], peak / 127.0f / 256.0f);
    out->offset += out[1].offset;
}

void quantise(const float* x, int size, int levels, Group* out) {
    for (int g = 0; g < size / GROUP; ++g) {
        vf part[GROUP / W];
        for (int i = 0; i < GROUP / W; ++i) part[i] = load_f32(x + g * GROUP + i * W);
        quantise_group(part, levels, out + g * levels);
    }
}

// RMSNorm (Zhang and Sennrich 2019), then quantise.
void normalise(const float* x, const float* weight, int size, float eps, int levels, Group* out) {
    vf squares = splat(0.0f);
    for (int i = 0; i < size; i += W) {
        const vf v = load_f32(x + i);
        squares = fma(v, v, squares);
    }
    const vf factor = splat(1.0f / __builtin_sqrtf(total(squares) / static_cast<float>(size) + eps));
    for (int g = 0; g < size / GROUP; ++g) {
        vf part[GROUP / W];
        for (int i = 0; i < GROUP / W; ++i) {
            const int at = g * GROUP + i * W;
            part[i] = load_f32(x + at) * factor * load_f32(weight + at);
        }
        quantise_group(part, levels, out + g * levels);
    }
}

// ---- Matrices -------------------------------------------------------------------------------------------------------

// One tile of 16 output rows times R inputs; sums[r] gets 16 floats. `stride` counts groups from one input to the next.
// A tile that is streamed is not in the cache yet, nor is what follows it in memory: the next tile or matrix to be
// used.
template <int R, int L, bool IS_K>
INLINE void tile_of_nibbles(const uint8_t* tile, int num_groups, const Group* x, size_t stride, bool is_streamed,
                            float (*sums)[TILE_ROWS]) {
    constexpr int AT_ONCE = largest_part(R, ROWS_DOTTED);
    const vi mask = splat_int(0x0f0f0f0f);
    for (int part = 0; part < TILE_ROWS; part += W) {
        vf sum[R];
        for (int r = 0; r < R; ++r) sum[r] = splat(0.0f);
        for (int g = 0; g < num_groups; ++g) {
            const uint8_t* values = tile + g * Q4_1_GROUP;
            vf d, m;
            if constexpr (IS_K) {
                const uint8_t* super = tile + g / SUPER * Q4_K_SUPER;
                const int sub = g % SUPER;
                values = super + sub * 256;
                d = load_f16(super + 2304 + 2 * part) * load_u8(super + 2048 + sub * 16 + part);
                m = -(load_f16(super + 2336 + 2 * part) * load_u8(super + 2176 + sub * 16 + part));
            } else {
                d = load_f16(values + 256 + 2 * part);
                m = load_f16(values + 288 + 2 * part);
            }
            if (is_streamed && part == 0) prefetch(values + PREFETCH_BYTES, 256);
            vi w[8];
            for (int j = 0; j < 4; ++j) {
                const vi both = load<vi>(values + j * 64 + 4 * part);
                w[j] = both & mask;
                w[4 + j] = both >> 4 & mask;
            }
#pragma GCC unroll 8
            for (int r0 = 0; r0 < R; r0 += AT_ONCE) {
                const int32_t* inputs[AT_ONCE * L];
                vi exact[AT_ONCE * L];
                for (int r = 0; r < AT_ONCE; ++r)
                    for (int l = 0; l < L; ++l)
                        inputs[r * L + l] = reinterpret_cast<const int32_t*>(x[(r0 + r) * stride + g * L + l].q);
                dot_nibbles<AT_ONCE * L>(w, inputs, exact);
                for (int r = 0; r < AT_ONCE; ++r) {
                    const Group* in = x + (r0 + r) * stride + g * L;
                    const vi joint = L == 2 ? (exact[r * L] << 8) + exact[r * L + 1] : exact[r * L];
                    sum[r0 + r] = fma(d * splat(in[L - 1].scale), to_float(joint), sum[r0 + r]);
                    sum[r0 + r] = fma(m, splat(in->offset), sum[r0 + r]);
                }
            }
        }
        for (int r = 0; r < R; ++r) store(sums[r] + part, sum[r]);
    }
}

template <int R, int L>
INLINE void tile_of_bytes(const uint8_t* tile, int num_groups, const Group* x, size_t stride, bool is_streamed,
                          float (*sums)[TILE_ROWS]) {
    const uint8_t* scales = tile + num_groups * 512;
    for (int part = 0; part < TILE_ROWS; part += W) {
        vf sum[R];
        for (int r = 0; r < R; ++r) sum[r] = splat(0.0f);
        for (int g = 0; g < num_groups; ++g) {
            const vf d = load_f16(scales + g * 32 + 2 * part);
            if (is_streamed && part == 0) prefetch(tile + g * 512 + PREFETCH_BYTES, 512);
            vi w[8];
            for (int j = 0; j < 8; ++j) w[j] = load<vi>(tile + g * 512 + j * 64 + 4 * part);
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
                const Group* in = x + r * stride + g * L;
                vi exact = dot_bytes(w, reinterpret_cast<const int32_t*>(in->q), in->bias);
                if constexpr (L == 2)
                    exact = (exact << 8) + dot_bytes(w, reinterpret_cast<const int32_t*>(in[1].q), in[1].bias);
                sum[r] = fma(d * splat(in[L - 1].scale), to_float(exact), sum[r]);
            }
        }
        for (int r = 0; r < R; ++r) store(sums[r] + part, sum[r]);
    }
}

// Q6_K has a scale for each 16 inputs, an 8-bit integer: the sum over a group is still exact in 32 bits.
template <int R, int L>
INLINE void tile_of_six_bits(const uint8_t* tile, int num_groups, const Group* x, size_t stride, bool is_streamed,
                             float (*sums)[TILE_ROWS]) {
    for (int part = 0; part < TILE_ROWS; part += W) {
        vf sum[R];
        for (int r = 0; r < R; ++r) sum[r] = splat(0.0f);
        for (int g = 0; g < num_groups; ++g) {
            const uint8_t* super = tile + g / SUPER * Q6_K_SUPER;
            const int sub = g % SUPER;
            if (is_streamed && part == 0) prefetch(super + sub * 512 + PREFETCH_BYTES, 512);
            const vf d = load_f16(super + 4352 + 2 * part);
            const vi low = load_i8(super + 4096 + 2 * sub * 16 + part),
                     high = load_i8(super + 4112 + 2 * sub * 16 + part);
            vi w[8];
            for (int j = 0; j < 8; ++j) w[j] = load<vi>(super + sub * 512 + j * 64 + 4 * part);
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
                for (int l = 0; l < L; ++l) {
                    const Group& in = x[r * stride + g * L + l];
                    const int32_t* q = reinterpret_cast<const int32_t*>(in.q);
                    vi first = splat_int(-32 * in.low), second = splat_int((in.bias >> 2) + 32 * in.low);
                    for (int j = 0; j < 4; ++j) {
                        first = dot(first, w[j], q[j]);
                        second = dot(second, w[4 + j], q[4 + j]);
                    }
                    sum[r] = fma(d * splat(in.scale), to_float(first * low + second * high), sum[r]);
                }
            }
        }
        for (int r = 0; r < R; ++r) store(sums[r] + part, sum[r]);
    }
}

template <int R, int L>
void tile_times_rows(const Matrix& m, int tile, const Group* x, size_t stride, bool is_streamed,
                     float (*sums)[TILE_ROWS]) {
    const uint8_t* data = m.data + tile * tile_bytes(m.kind, m.cols);
    const int groups = m.cols / GROUP;
    switch (m.kind) {
        case Q4_1: return tile_of_nibbles<R, L, false>(data, groups, x, stride, is_streamed, sums);
        case Q4_K: return tile_of_nibbles<R, L, true>(data, groups, x, stride, is_streamed, sums);
        case Q8_0: return tile_of_bytes<R, L>(data, groups, x, stride, is_streamed, sums);
        default: return tile_of_six_bits<R, L>(data, groups, x, stride, is_streamed, sums);
    }
}

template <int L>
void tile_times_some(const Matrix& m, int tile, const Group* x, size_t stride, int num_rows, bool is_streamed,
                     float (*sums)[TILE_ROWS]) {
    switch (num_rows) {
        case 1: return tile_times_rows<1, L>(m, tile, x, stride, is_streamed, sums);
        case 2: return tile_times_rows<2, L>(m, tile, x, stride, is_streamed, sums);
        case 3: return tile_times_rows<3, L>(m, tile, x, stride, is_streamed, sums);
        case 4: return tile_times_rows<4, L>(m, tile, x, stride, is_streamed, sums);
#if defined(CRIA_AVX512)
        case 5: return tile_times_rows<5, L>(m, tile, x, stride, is_streamed, sums);
        case 6: return tile_times_rows<6, L>(m, tile, x, stride, is_streamed, sums);
        case 7: return tile_times_rows<7, L>(m, tile, x, stride, is_streamed, sums);
        case 8: return tile_times_rows<8, L>(m, tile, x, stride, is_streamed, sums);
#endif
        default: __builtin_unreachable();
    }
}

void tile_times(const Matrix& m, int tile, const Group* x, size_t stride, int num_rows, bool is_streamed,
                float (*sums)[TILE_ROWS]) {
    if (m.levels == 1) return tile_times_some<1>(m, tile, x, stride, num_rows, is_streamed, sums);
    return tile_times_some<2>(m, tile, x, stride, num_rows, is_streamed, sums);
}

// Which tiles and rows of a product make a chunk: its weights and inputs stay in a core's caches.
//
// With few rows a product only streams weights, and long runs stream best: each thread gets one that covers most of its
// share, and short ones after it, so that threads end together.
struct Cut {
    int num_tiles, rows_each, long_tiles, short_tiles, num_long, num_tile_parts, num_row_parts;

    Cut(int tiles, const Matrix& matrix, int num_rows, int num_threads, int multiple) : num_tiles(tiles) {
        const int fits =
            static_cast<int>(INPUT_CACHE / (static_cast<size_t>(matrix.cols) / GROUP * matrix.levels * sizeof(Group)));
        const int wanted = smaller(num_rows, fits < ROWS_AT_ONCE ? ROWS_AT_ONCE : fits / ROWS_AT_ONCE * ROWS_AT_ONCE);
        rows_each = ceil_div(ceil_div(num_rows, ceil_div(num_rows, wanted)), ROWS_AT_ONCE) * ROWS_AT_ONCE;
        num_row_parts = ceil_div(num_rows, rows_each);
        const int units = ceil_div(tiles, multiple);
        if (num_rows > FEW_ROWS) {
            const int balanced = ceil_div(units, 8 * num_threads), most = 4 / multiple;
            short_tiles = long_tiles = smaller(balanced, most) * multiple;
            num_long = 0;
        } else {
            num_long = units >= 8 * num_threads ? num_threads : 0;
            long_tiles = units * 3 / (4 * num_threads) * multiple;
            const int rest = units - num_long * long_tiles / multiple;
            short_tiles = ceil_div(rest, 2 * num_threads) * multiple;
        }
        num_tile_parts = num_long + ceil_div(tiles - num_long * long_tiles, short_tiles);
    }
    int num_chunks() const { return num_tile_parts * num_row_parts; }
    int first_tile(int part) const {
        const int at = part < num_long ? part * long_tiles : num_long * long_tiles + (part - num_long) * short_tiles;
        return smaller(at, num_tiles);
    }
};

// Groups of one quantised input of a matrix.
inline size_t groups_of(const Matrix& matrix) { return static_cast<size_t>(matrix.cols) / GROUP * matrix.levels; }

// Several matrices with the same inputs, one after the other as one list of tiles.
struct Target {
    const Matrix* matrix;
    float* y;
    size_t stride;
};

void put(const Target& to, int tile, int row, int num_rows, const float (*sums)[TILE_ROWS], bool is_added) {
    const int first = tile * TILE_ROWS, count = smaller(TILE_ROWS, to.matrix->rows - first);
    for (int r = 0; r < num_rows; ++r) {
        float* y = to.y + (row + r) * to.stride + first;
        if (count == TILE_ROWS) {
            for (int i = 0; i < TILE_ROWS; i += W)
                store(y + i, is_added ? load_f32(y + i) + load_f32(sums[r] + i) : load_f32(sums[r] + i));
        } else {
            for (int i = 0; i < count; ++i) y[i] = is_added ? y[i] + sums[r][i] : sums[r][i];
        }
    }
}

// y (+)= x times each matrix. All have the same number of columns and levels.
template <int N>
void multiply(Team& team, const Target (&targets)[N], const Group* x, size_t stride, int num_rows, bool is_added) {
    int tiles = 0;
    for (const Target& target : targets) tiles += num_tiles(*target.matrix);
    const Cut cut(tiles, *targets[0].matrix, num_rows, team.num_threads, 1);
    parallel(team, cut.num_chunks(), [&](int chunk, int) {
        float sums[ROWS_AT_ONCE][TILE_ROWS];
        const int part = chunk % cut.num_tile_parts, tile0 = cut.first_tile(part), tile1 = cut.first_tile(part + 1);
        const int row0 = chunk / cut.num_tile_parts * cut.rows_each, row1 = smaller(row0 + cut.rows_each, num_rows);
        for (int row = row0; row < row1; row += ROWS_AT_ONCE) {
            const int count = smaller(ROWS_AT_ONCE, row1 - row);
            for (int tile = tile0; tile < tile1; ++tile) {
                int local = tile, which = 0;
                while (local >= num_tiles(*targets[which].matrix)) local -= num_tiles(*targets[which++].matrix);
                tile_times(*targets[which].matrix, local, x + row * stride, stride, count, row == row0, sums);
                put(targets[which], local, row, count, sums, is_added);
            }
        }
    });
}

// SwiGLU (Shazeer 2020): out = silu(x gate) * (x up), quantised. Two tiles of each make one group of `out`.
void gated(Team& team, const Layer& layer, const Group* x, size_t stride, int num_rows, Group* out, size_t out_stride) {
    const int groups = layer.gate.rows / GROUP;
    const Cut cut(4 * groups, layer.gate, num_rows, team.num_threads, 4);
    parallel(team, cut.num_chunks(), [&](int chunk, int) {
        float sums[4][ROWS_AT_ONCE][TILE_ROWS];
        const int part = chunk % cut.num_tile_parts;
        const int group0 = cut.first_tile(part) / 4, group1 = cut.first_tile(part + 1) / 4;
        const int row0 = chunk / cut.num_tile_parts * cut.rows_each, row1 = smaller(row0 + cut.rows_each, num_rows);
        for (int row = row0; row < row1; row += ROWS_AT_ONCE) {
            const int count = smaller(ROWS_AT_ONCE, row1 - row);
            for (int group = group0; group < group1; ++group) {
                for (int i = 0; i < 4; ++i) {
                    const Matrix& matrix = i < 2 ? layer.gate : layer.up;
                    tile_times(matrix, 2 * group + i % 2, x + row * stride, stride, count, row == row0, sums[i]);
                }
                for (int r = 0; r < count; ++r) {
                    vf product[GROUP / W];
                    for (int i = 0; i < GROUP / W; ++i) {
                        const int half = i * W / TILE_ROWS, lane = i * W % TILE_ROWS;
                        const vf gate = load_f32(sums[half][r] + lane), up = load_f32(sums[2 + half][r] + lane);
                        product[i] = gate / (splat(1.0f) + exp2(gate * splat(-LOG2_E))) * up;
                    }
                    quantise_group(product, layer.down.levels,
                                   out + (row + r) * out_stride + group * layer.down.levels);
                }
            }
        }
    });
}

// ---- Attention ------------------------------------------------------------------------------------------------------

// Rows of one segment that are computed together: [row, row + num_rows) at positions from `position` on.
struct Span {
    int row, num_rows, position, first_block;
};

// What attention needs beside its inputs, for one thread.
struct Workspace {
    float *keys, *values, *scores, *mixed, *peaks, *sums;
};

struct Sizes {
    int dim, padded, per_group, max_queries;

    explicit Sizes(const Shape& shape)
        : dim(shape.head_dim),
          padded(ceil_div(shape.head_dim, W) * W),
          per_group(shape.num_heads / shape.num_kv_heads),
          max_queries(QUERY_ROWS * per_group) {}

    size_t floats() const {
        return static_cast<size_t>(BLOCK_TOKENS) * (dim + padded) +
               static_cast<size_t>(max_queries) * (FOLD_TOKENS + padded + 1 + W);
    }
    Workspace workspace(float* at) const {
        Workspace w;
        w.keys = at;
        w.values = w.keys + BLOCK_TOKENS * dim;
        w.scores = w.values + BLOCK_TOKENS * padded;
        w.mixed = w.scores + max_queries * FOLD_TOKENS;
        w.sums = w.mixed + max_queries * padded;
        w.peaks = w.sums + max_queries * W;
        return w;
    }
};

// Keys [BLOCK_TOKENS, D] bfloat16 -> [D, BLOCK_TOKENS] float32. `next` is what will be turned after these.
INLINE void turn_keys(const uint16_t* keys, const uint16_t* next, int dim, float* out) {
    int done = 0;
    for (; done + W <= dim; done += W) {
        for (int token = 0; token < BLOCK_TOKENS; token += W) {
            prefetch(next + done * BLOCK_TOKENS + token * W, 2 * W * W);
            vf square[W];
            for (int i = 0; i < W; ++i) square[i] = load_bf16(keys + (token + i) * dim + done);
            transpose(square);
            for (int i = 0; i < W; ++i) store(out + (done + i) * BLOCK_TOKENS + token, square[i]);
        }
    }
    for (; done < dim; ++done) {
        for (int token = 0; token < BLOCK_TOKENS; ++token) {
            const uint32_t bits = static_cast<uint32_t>(keys[token * dim + done]) << 16;
            std::memcpy(out + done * BLOCK_TOKENS + token, &bits, 4);
        }
    }
}

INLINE void widen_values(const uint16_t* values, const uint16_t* next, int dim, int padded, int num_tokens,
                         float* out) {
    for (int token = 0; token < num_tokens; ++token) {
        prefetch(next + token * dim, 2 * dim);
        int done = 0;
        for (; done + W <= dim; done += W) store(out + token * padded + done, load_bf16(values + token * dim + done));
        for (; done < padded; ++done) {
            const uint32_t bits = done < dim ? static_cast<uint32_t>(values[token * dim + done]) << 16 : 0;
            std::memcpy(out + token * padded + done, &bits, 4);
        }
    }
}

// Scores of Q queries over a block.
template <int Q>
INLINE void score_block(const float* const* queries, const float* keys, int dim, float* scores) {
    constexpr int V = BLOCK_TOKENS / W, AT_ONCE = V < 4 ? V : 4;
    for (int v0 = 0; v0 < V; v0 += AT_ONCE) {
        vf sum[Q][AT_ONCE];
        for (int q = 0; q < Q; ++q)
            for (int v = 0; v < AT_ONCE; ++v) sum[q][v] = splat(0.0f);
        for (int d = 0; d < dim; ++d) {
            vf key[AT_ONCE];
            for (int v = 0; v < AT_ONCE; ++v) key[v] = load_f32(keys + d * BLOCK_TOKENS + (v0 + v) * W);
#pragma GCC unroll 8
            for (int q = 0; q < Q; ++q) {
                const vf query = splat(queries[q][d]);
                for (int v = 0; v < AT_ONCE; ++v) sum[q][v] = fma(query, key[v], sum[q][v]);
            }
        }
        for (int q = 0; q < Q; ++q)
            for (int v = 0; v < AT_ONCE; ++v) store(scores + q * FOLD_TOKENS + (v0 + v) * W, sum[q][v]);
    }
}

// mixed += weights times the values of a block, for Q queries, V vectors of D at once.
template <int Q, int V>
INLINE void mix_part(const float* weights, const float* values, int padded, int num_tokens, float* mixed) {
    vf sum[Q][V];
    for (int q = 0; q < Q; ++q)
        for (int v = 0; v < V; ++v) sum[q][v] = load_f32(mixed + q * padded + v * W);
    for (int token = 0; token < num_tokens; ++token) {
        vf value[V];
        for (int v = 0; v < V; ++v) value[v] = load_f32(values + token * padded + v * W);
#pragma GCC unroll 8
        for (int q = 0; q < Q; ++q) {
            const vf weight = splat(weights[q * FOLD_TOKENS + token]);
            for (int v = 0; v < V; ++v) sum[q][v] = fma(weight, value[v], sum[q][v]);
        }
    }
    for (int q = 0; q < Q; ++q)
        for (int v = 0; v < V; ++v) store(mixed + q * padded + v * W, sum[q][v]);
}

template <int Q>
INLINE void mix_block(const float* weights, const float* values, int padded, int num_tokens, float* mixed) {
    constexpr int AT_ONCE = Q > 4 ? 2 : 4;
    int done = 0;
    for (; done + AT_ONCE * W <= padded; done += AT_ONCE * W)
        mix_part<Q, AT_ONCE>(weights, values + done, padded, num_tokens, mixed + done);
    for (; done < padded; done += W) mix_part<Q, 1>(weights, values + done, padded, num_tokens, mixed + done);
}

// The softmax so far over the scores of a fold (Milakov and Gimelshein 2018): scores become weights, and earlier sums
// shrink to the new peak. Positions from `num_keys` on do not count; whole blocks of them need not be here.
INLINE void soften(float* scores, int num_keys, int num_blocks, int padded, float& peak, float* sums, float* mixed) {
    const int width = num_blocks * BLOCK_TOKENS;
    for (int key = num_keys; key < width; ++key) scores[key] = -__builtin_inff();
    vf best = splat(peak);
    for (int key = 0; key < width; key += W) best = larger(best, load_f32(scores + key));
    const float new_peak = largest(best);
    const vf factor = exp2(splat(peak - new_peak));
    vf sum = load_f32(sums) * factor;
    for (int key = 0; key < width; key += W) {
        const vf weight = exp2(load_f32(scores + key) - splat(new_peak));
        store(scores + key, weight);
        sum = sum + weight;
    }
    store(sums, sum);
    for (int d = 0; d < padded; d += W) store(mixed + d, load_f32(mixed + d) * factor);
    peak = new_peak;
}

// `work(Q, first)` with a constant Q, for queries from `first` on, as many at once as there are registers for.
template <int Q, class F>
INLINE void each_queries(int first, int end, const F& work) {
    for (; first + Q <= end; first += Q) work(std::integral_constant<int, Q>{}, first);
    if constexpr (Q > 1) each_queries<Q - 1>(first, end, work);
}

// All heads of one key-value head, for the rows of a span. Queries are rotated and scaled by log2(e) / sqrt(D).
void attend(const Sizes& s, const Span& span, const int32_t* block_ids, const uint16_t* keys, const uint16_t* values,
            size_t block_stride, const float* queries, size_t query_stride, float* out, size_t out_stride,
            Workspace w) {
    const int num_queries = span.num_rows * s.per_group;
    for (int i = 0; i < num_queries * s.padded; ++i) w.mixed[i] = 0.0f;
    for (int i = 0; i < num_queries * W; ++i) w.sums[i] = 0.0f;
    for (int i = 0; i < num_queries; ++i) w.peaks[i] = -__builtin_inff();
    const int end = span.position + span.num_rows, num_blocks = ceil_div(end, BLOCK_TOKENS);
    const auto block_at = [&](int number) {
        return static_cast<size_t>(block_ids[span.first_block + smaller(number, num_blocks - 1)]) * block_stride;
    };
    for (int base = 0; base < end; base += FOLD_TOKENS) {
        const int block0 = base / BLOCK_TOKENS, block1 = smaller(block0 + FOLD_TOKENS / BLOCK_TOKENS, num_blocks);
        // Rows that lie before this fold have seen all their keys.
        const int first = base > span.position ? (base - span.position) * s.per_group : 0;
        for (int block = block0; block < block1; ++block) {
            turn_keys(keys + block_at(block), keys + block_at(block + 1), s.dim, w.keys);
            each_queries<QUERIES_AT_ONCE>(first, num_queries, [&](auto count, int q0) {
                const float* query[count];
                for (int q = 0; q < count; ++q)
                    query[q] = queries + (q0 + q) / s.per_group * query_stride + (q0 + q) % s.per_group * s.dim;
                score_block<count>(query, w.keys, s.dim,
                                   w.scores + q0 * FOLD_TOKENS + (block - block0) * BLOCK_TOKENS);
            });
        }
        for (int q = first; q < num_queries; ++q)
            soften(w.scores + q * FOLD_TOKENS, span.position + q / s.per_group + 1 - base, block1 - block0, s.padded,
                   w.peaks[q], w.sums + q * W, w.mixed + q * s.padded);
        for (int block = block0; block < block1; ++block) {
            const int num_tokens = smaller(BLOCK_TOKENS, end - block * BLOCK_TOKENS);
            widen_values(values + block_at(block), values + block_at(block + 1), s.dim, s.padded, num_tokens, w.values);
            each_queries<QUERIES_AT_ONCE>(first, num_queries, [&](auto count, int q0) {
                mix_block<count>(w.scores + q0 * FOLD_TOKENS + (block - block0) * BLOCK_TOKENS, w.values, s.padded,
                                 num_tokens, w.mixed + q0 * s.padded);
            });
        }
    }
    for (int q = 0; q < num_queries; ++q) {
        const float inverse = 1.0f / total(load_f32(w.sums + q * W));
        float* to = out + q / s.per_group * out_stride + q % s.per_group * s.dim;
        for (int d = 0; d < s.dim; ++d) to[d] = w.mixed[q * s.padded + d] * inverse;
    }
}

// ---- Rotary embedding and the cache ---------------------------------------------------------------------------------

INLINE void rotate(float* x, const float* cos, const float* sin, int half, float scale) {
    for (int i = 0; i < half; ++i) {
        const float a = x[i], b = x[half + i];
        x[i] = (a * cos[i] - b * sin[i]) * scale;
        x[half + i] = (b * cos[i] + a * sin[i]) * scale;
    }
}

INLINE void narrow(const float* x, int count, uint16_t* out) {
    for (int i = 0; i < count; ++i) out[i] = to_bf16(x[i]);
}

// ---- The pass -------------------------------------------------------------------------------------------------------

// A row of a packed matrix as float32.
void unpack_row(const Matrix& m, int row, float* out) {
    const uint8_t* tile = m.data + row / TILE_ROWS * tile_bytes(m.kind, m.cols);
    const int lane = row % TILE_ROWS, groups = m.cols / GROUP;
    const auto half = [&](const uint8_t* p) {
        float lanes[TILE_ROWS];
        for (int i = 0; i < TILE_ROWS; i += W) store(lanes + i, load_f16(p + 2 * i));
        return lanes[lane];
    };
    for (int g = 0; g < groups; ++g, out += GROUP) {
        const int sub = g % SUPER;
        if (m.kind == Q4_1 || m.kind == Q4_K) {
            const uint8_t* super = tile + g / SUPER * Q4_K_SUPER;
            const uint8_t* values = m.kind == Q4_1 ? tile + g * Q4_1_GROUP : super + sub * 256;
            const float d = m.kind == Q4_1 ? half(values + 256) : half(super + 2304) * super[2048 + sub * 16 + lane];
            const float o = m.kind == Q4_1 ? half(values + 288) : -(half(super + 2336) * super[2176 + sub * 16 + lane]);
            for (int k = 0; k < GROUP; ++k) {
                const uint8_t both = values[k % 16 / 4 * 64 + lane * 4 + k % 4];
                out[k] = d * static_cast<float>(k < 16 ? both & 15 : both >> 4) + o;
            }
            continue;
        }
        const uint8_t* super = tile + g / SUPER * Q6_K_SUPER;
        const uint8_t* values = m.kind == Q8_0 ? tile + g * 512 : super + sub * 512;
        const float d = half(m.kind == Q8_0 ? tile + groups * 512 + g * 32 : super + 4352);
        for (int k = 0; k < GROUP; ++k) {
            const int value = values[k / 4 * 64 + lane * 4 + k % 4];
            if (m.kind == Q8_0) {
                out[k] = d * static_cast<float>(value - 128);
            } else {
                const int scale = static_cast<int8_t>(super[4096 + (2 * sub + k / 16) * 16 + lane]);
                out[k] = d * static_cast<float>(scale) * static_cast<float>(value - 32);
            }
        }
    }
}

// Hands out pieces of one buffer, each aligned to a cache line.
struct Carver {
    uint8_t* base;
    size_t used = 0;

    template <class T>
    T* take(size_t count) {
        T* at = reinterpret_cast<T*>(base + used);
        used += (count * sizeof(T) + 63) / 64 * 64;
        return at;
    }
};

struct Buffers {
    float *hidden, *queries, *keys, *values, *mixed, *attention;
    Group *inputs, *inner;
    Span* spans;
    size_t size, attention_stride;

    Buffers(const Model& model, const Step& step, int max_threads, uint8_t* base) {
        const Shape& s = model.shape;
        const size_t rows = step.num_tokens > step.num_logit_rows ? step.num_tokens : step.num_logit_rows;
        const size_t q_cols = static_cast<size_t>(s.num_heads) * s.head_dim,
                     kv_cols = static_cast<size_t>(s.num_kv_heads) * s.head_dim;
        const size_t widest = q_cols > static_cast<size_t>(s.hidden) ? q_cols : s.hidden;
        Carver carver{base};
        hidden = carver.take<float>(rows * s.hidden);
        queries = carver.take<float>(rows * q_cols);
        keys = carver.take<float>(rows * kv_cols);
        values = carver.take<float>(rows * kv_cols);
        mixed = carver.take<float>(rows * q_cols);
        inputs = carver.take<Group>(rows * (widest / GROUP) * MAX_LEVELS);
        inner = carver.take<Group>(rows * (s.mlp / GROUP) * MAX_LEVELS);
        spans = carver.take<Span>(step.num_tokens);
        attention_stride = (Sizes(s).floats() + 15) / 16 * 16;
        attention = carver.take<float>(attention_stride * max_threads);
        size = carver.used;
    }
};

size_t scratch_bytes(const Model& model, const Step& step, int max_threads) {
    return Buffers(model, step, max_threads, nullptr).size;
}

// Long spans first: the last chunks to be taken should be short ones.
int cut_into_spans(const Step& step, Span* spans) {
    int count = 0;
    for (int i = 0; i < step.num_segments; ++i) {
        const Segment& segment = step.segments[i];
        for (int done = segment.num_tokens; done > 0;) {
            const int size = done % QUERY_ROWS ? done % QUERY_ROWS : QUERY_ROWS;
            done -= size;
            spans[count++] = Span{segment.row + done, size, segment.position + done, segment.first_block};
        }
    }
    return count;
}

// `work(row)` for every row; a few rows are not worth waking anybody.
template <class F>
void each_row(Team& team, int num_rows, const F& work) {
    if (num_rows <= 4) {
        for (int row = 0; row < num_rows; ++row) work(row);
        return;
    }
    const int chunk_rows = num_rows < 32 ? 2 : 16;
    parallel(team, ceil_div(num_rows, chunk_rows), [&](int chunk, int) {
        const int end = smaller((chunk + 1) * chunk_rows, num_rows);
        for (int row = chunk * chunk_rows; row < end; ++row) work(row);
    });
}

void forward(const Model& model, const Step& step, Team& team, uint8_t* scratch) {
    const Shape& s = model.shape;
    const Sizes sizes(s);
    const Buffers b(model, step, team.max_threads, scratch);
    const int rows = step.num_tokens, dim = s.head_dim, half = dim / 2;
    const int q_cols = s.num_heads * dim, kv_cols = s.num_kv_heads * dim;
    const float query_scale = LOG2_E / __builtin_sqrtf(static_cast<float>(dim));
    const size_t block_stride = static_cast<size_t>(s.num_kv_heads) * BLOCK_TOKENS * dim,
                 head_stride = static_cast<size_t>(BLOCK_TOKENS) * dim;
    const int num_spans = cut_into_spans(step, b.spans);

    each_row(team, rows, [&](int row) {
        float* hidden = b.hidden + static_cast<size_t>(row) * s.hidden;
        unpack_row(model.embedding, step.ids[row], hidden);
    });
    const size_t q_stride = q_cols, kv_stride = kv_cols, hidden_stride = s.hidden;
    const auto normalised = [&](const float* weight, const Matrix& used_by, int count, const int32_t* which) {
        const size_t groups = groups_of(used_by);
        each_row(team, count, [&](int row) {
            const size_t from = which ? which[row] : row;
            normalise(b.hidden + from * hidden_stride, weight, s.hidden, s.eps, used_by.levels,
                      b.inputs + row * groups);
        });
        return groups;
    };
    for (int number = 0; number < s.num_layers; ++number) {
        const Layer& layer = model.layers[number];
        uint16_t* keys = step.keys + number * step.num_blocks * block_stride;
        uint16_t* values = step.values + number * step.num_blocks * block_stride;

        const size_t attention_groups = normalised(layer.attention_norm, layer.q, rows, nullptr);
        const Target projections[] = {
            {&layer.q, b.queries, q_stride}, {&layer.k, b.keys, kv_stride}, {&layer.v, b.values, kv_stride}};
        multiply(team, projections, b.inputs, attention_groups, rows, false);

        each_row(team, rows, [&](int row) {
            const Segment* segment = step.segments;
            while (row >= segment->row + segment->num_tokens) ++segment;
            const int position = segment->position + row - segment->row;
            const float *cos = model.cos + static_cast<size_t>(position) * half,
                        *sin = model.sin + static_cast<size_t>(position) * half;
            for (int h = 0; h < s.num_heads; ++h)
                rotate(b.queries + row * q_stride + h * dim, cos, sin, half, query_scale);
            const size_t block = step.block_ids[segment->first_block + position / BLOCK_TOKENS];
            const size_t at = block * block_stride + static_cast<size_t>(position % BLOCK_TOKENS) * dim;
            for (int g = 0; g < s.num_kv_heads; ++g) {
                float* key = b.keys + row * kv_stride + g * dim;
                rotate(key, cos, sin, half, 1.0f);
                narrow(key, dim, keys + at + g * head_stride);
                narrow(b.values + row * kv_stride + g * dim, dim, values + at + g * head_stride);
            }
        });

        parallel(team, num_spans * s.num_kv_heads, [&](int chunk, int thread) {
            const Span& span = b.spans[chunk / s.num_kv_heads];
            const int g = chunk % s.num_kv_heads, first = g * sizes.per_group * dim;
            attend(sizes, span, step.block_ids, keys + g * head_stride, values + g * head_stride, block_stride,
                   b.queries + span.row * q_stride + first, q_stride, b.mixed + span.row * q_stride + first, q_stride,
                   sizes.workspace(b.attention + thread * b.attention_stride));
        });

        const size_t mixed_groups = groups_of(layer.o);
        each_row(team, rows, [&](int row) {
            quantise(b.mixed + row * q_stride, q_cols, layer.o.levels, b.inputs + row * mixed_groups);
        });
        const Target output[] = {{&layer.o, b.hidden, hidden_stride}};
        multiply(team, output, b.inputs, mixed_groups, rows, true);

        const size_t mlp_groups = normalised(layer.mlp_norm, layer.gate, rows, nullptr),
                     inner_groups = groups_of(layer.down);
        gated(team, layer, b.inputs, mlp_groups, rows, b.inner, inner_groups);
        const Target down[] = {{&layer.down, b.hidden, hidden_stride}};
        multiply(team, down, b.inner, inner_groups, rows, true);
    }
    if (step.num_logit_rows == 0) return;
    const size_t groups = normalised(model.final_norm, model.head, step.num_logit_rows, step.logit_rows);
    const Target logits[] = {{&model.head, step.logits, static_cast<size_t>(s.vocab)}};
    multiply(team, logits, b.inputs, groups, step.num_logit_rows, false);
}

void multiply_floats(const Matrix& matrix, const float* x, int num_rows, float* y, Team& team, uint8_t* scratch) {
    Group* inputs = reinterpret_cast<Group*>(scratch);
    const size_t groups = groups_of(matrix);
    each_row(team, num_rows, [&](int row) {
        quantise(x + static_cast<size_t>(row) * matrix.cols, matrix.cols, matrix.levels, inputs + row * groups);
    });
    const Target target[] = {{&matrix, y, static_cast<size_t>(matrix.rows)}};
    multiply(team, target, inputs, groups, num_rows, false);
}

}  // namespace

namespace cria {
extern const Kernels CRIA_NAME;
const Kernels CRIA_NAME = {scratch_bytes, forward, multiply_floats, unpack_row};
}  // namespace cria
