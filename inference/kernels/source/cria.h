// What the translation units share: the shape of a model, of a step and of packed weights, and the team of threads.
//
// `library.cpp` holds the C interface, the threads and the choice of instruction set. `llama.cpp` holds the arithmetic
// and is compiled once for each instruction set. Nothing here instantiates a template with external linkage: a function
// compiled for AVX-512 must never be the one that the linker picks for everybody.

#pragma once

#include <cstddef>
#include <cstdint>

namespace cria {

enum Kind : int32_t { Q4_1 = 0, Q8_0 = 1, Q4_K = 2, Q6_K = 3 };

constexpr int GROUP = 32;         // elements of a row that share a scale
constexpr int TILE_ROWS = 16;     // output rows that lie interleaved in memory
constexpr int BLOCK_TOKENS = 32;  // positions in a block of keys and values
constexpr int SUPER = 8;          // groups in a superblock of the K kinds

// A packed matrix. Tiles of 16 output rows lie one after the other; within a tile, groups of 32 inputs:
//
//   Q4_1   per group   256 B values | 16 x f16 d | 16 x f16 m                              w = d q + m
//   Q8_0   all values, 512 B per group, then 16 x f16 d per group                          w = d (q - 128)
//   Q4_K   per 8 groups   8 x 256 B | 8 x 16 u8 s | 8 x 16 u8 t | 16 x f16 d | 16 x f16 e  w = d s q - e t
//   Q6_K   per 8 groups   8 x 512 B | 16 x 16 i8 s (per 16 inputs) | 16 x f16 d | 32 B     w = d s (q - 32)
//
// Values: dword r of 64 bytes holds 4 consecutive inputs of row r, so that one 512-bit product sums 4 inputs of all 16
// rows. With 4 bits, low nibbles are inputs 0-15 of the group and high nibbles 16-31.
constexpr size_t Q4_1_GROUP = 320, Q8_0_GROUP = 544, Q4_K_SUPER = 2368, Q6_K_SUPER = 4416;

// `levels`: how many 8-bit numbers an input of the product is rounded to. One keeps 8 bits of the group's largest
// input, two keep 16.
struct Matrix {
    const uint8_t* data;
    int32_t kind, rows, cols, levels;
};

inline size_t tile_bytes(int32_t kind, int32_t cols) {
    const size_t groups = static_cast<size_t>(cols) / GROUP;
    switch (kind) {
        case Q4_1: return groups * Q4_1_GROUP;
        case Q8_0: return (groups * Q8_0_GROUP + 63) / 64 * 64;
        case Q4_K: return groups / SUPER * Q4_K_SUPER;
        default: return groups / SUPER * Q6_K_SUPER;
    }
}

inline int32_t num_tiles(const Matrix& matrix) { return (matrix.rows + TILE_ROWS - 1) / TILE_ROWS; }

struct Layer {
    const float *attention_norm, *mlp_norm;
    Matrix q, k, v, o, gate, up, down;
};

struct Shape {
    int32_t num_layers, hidden, num_heads, num_kv_heads, head_dim, mlp, vocab, max_context;
    float eps;
    int32_t unused;
};

struct Model {
    Shape shape;
    const Layer* layers;
    Matrix embedding, head;
    const float *final_norm, *cos, *sin;  // cos, sin [max_context, head_dim / 2]
};

// Rows [row, row + num_tokens) at positions from `position` on; its block table begins at `block_ids[first_block]`.
struct Segment {
    int32_t row, num_tokens, position, first_block;
};

struct Step {
    int32_t num_tokens, num_segments, num_logit_rows, num_block_ids;
    const int32_t* ids;
    const Segment* segments;
    const int32_t *block_ids, *logit_rows;
    uint16_t *keys, *values;  // bfloat16 [num_layers, num_blocks, num_kv_heads, BLOCK_TOKENS, head_dim]
    int64_t num_blocks;
    float* logits;  // [num_logit_rows, vocab]
};

// Runs `chunk(argument, i, thread)` for every i below `num_chunks`, once each, on any thread, and returns when all ran.
// `num_threads` are meant to take part; a thread that was told to leave may still take a chunk: `thread` is below
// `max_threads`.
struct Team {
    int num_threads, max_threads;
    void (*run)(Team* self, int num_chunks, void (*chunk)(void* argument, int index, int thread), void* argument);
};

// The arithmetic, once per instruction set.
struct Kernels {
    size_t (*scratch_bytes)(const Model& model, const Step& step, int max_threads);
    void (*forward)(const Model& model, const Step& step, Team& team, uint8_t* scratch);
    // y [num_rows, matrix.rows] = x [num_rows, matrix.cols] times the matrix; scratch as for quantising x.
    void (*multiply)(const Matrix& matrix, const float* x, int num_rows, float* y, Team& team, uint8_t* scratch);
    void (*unpack_row)(const Matrix& matrix, int row, float* out);
};

constexpr size_t GROUP_BYTES = 48;  // 32 int8 inputs with their scale and sums
constexpr int MAX_LEVELS = 2;

extern const Kernels portable_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels, avxvnni_kernels, avx512_kernels;
#endif

}  // namespace cria
