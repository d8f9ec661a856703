// Vectors of W floats or W int32 for the instruction set this file is compiled for.
//
// Arithmetic, comparison and conversion use the compiler's vector extension, the same for all; only what it cannot
// express (products of bytes, fused multiply-add, float16, transposition) is written out for each set.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(CRIA_AVX512) || defined(CRIA_AVXVNNI) || defined(CRIA_AVX2)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

namespace {

#if defined(CRIA_AVX512)
constexpr int W = 16, ROWS_AT_ONCE = 8, ROWS_DOTTED = 4, QUERIES_AT_ONCE = 8;
#elif defined(CRIA_AVXVNNI) || defined(CRIA_AVX2)
constexpr int W = 8, ROWS_AT_ONCE = 4, ROWS_DOTTED = 1, QUERIES_AT_ONCE = 2;
#else
constexpr int W = 4, ROWS_AT_ONCE = 4, ROWS_DOTTED = 1, QUERIES_AT_ONCE = 2;
#endif

typedef float vf __attribute__((vector_size(4 * W)));
typedef int32_t vi __attribute__((vector_size(4 * W)));

template <class V>
INLINE V load(const void* p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
INLINE vf load_f32(const float* p) { return load<vf>(p); }
template <class V>
INLINE void store(void* p, V v) {
    std::memcpy(p, &v, sizeof v);
}
INLINE vf to_float(vi x) { return __builtin_convertvector(x, vf); }
INLINE vf select(vi condition, vf yes, vf no) {
    return reinterpret_cast<vf>((condition & reinterpret_cast<vi>(yes)) | (~condition & reinterpret_cast<vi>(no)));
}

#if defined(CRIA_AVX512)

INLINE vf splat(float x) { return _mm512_set1_ps(x); }
INLINE vi splat_int(int32_t x) { return (vi)_mm512_set1_epi32(x); }
INLINE vf fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf larger(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE float largest(vf a) { return _mm512_reduce_max_ps(a); }
INLINE float total(vf a) { return _mm512_reduce_add_ps(a); }
INLINE vf load_f16(const uint8_t* p) { return _mm512_cvtph_ps(load<__m256i>(p)); }
INLINE vf load_bf16(const uint16_t* p) { return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(load<__m256i>(p)), 16); }
INLINE vf load_u8(const uint8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load<__m128i>(p))); }
INLINE vi load_i8(const uint8_t* p) { return (vi)_mm512_cvtepi8_epi32(load<__m128i>(p)); }
INLINE void store_bytes(int8_t* p, vi x) { store(p, _mm512_cvtepi32_epi8((__m512i)x)); }

// Per lane: acc + four unsigned bytes of w times the four signed bytes of x.
INLINE vi dot(vi acc, vi w, int32_t x) {
    return (vi)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)w, _mm512_set1_epi32(x));
}

INLINE void transpose(vf r[W]) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#pragma GCC unroll 4
    for (int s = 1; s < W; s <<= 1) {
        const __m512i bit = _mm512_set1_epi32(s);
        const __mmask16 odd = _mm512_test_epi32_mask(lane, bit);
        const __m512i low = _mm512_mask_add_epi32(lane, odd, _mm512_xor_epi32(lane, bit), _mm512_set1_epi32(16));
        const __m512i high = _mm512_mask_add_epi32(_mm512_or_epi32(lane, bit), odd, lane, _mm512_set1_epi32(16));
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) {
            if (i & s) continue;
            const vf a = r[i], b = r[i | s];
            r[i] = _mm512_permutex2var_ps(a, low, b);
            r[i | s] = _mm512_permutex2var_ps(a, high, b);
        }
    }
}

#elif defined(CRIA_AVXVNNI) || defined(CRIA_AVX2)

INLINE vf splat(float x) { return _mm256_set1_ps(x); }
INLINE vi splat_int(int32_t x) { return (vi)_mm256_set1_epi32(x); }
INLINE vf fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf larger(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE __m128 halves_max(__m128 a) {
    a = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_max_ss(a, _mm_movehdup_ps(a));
}
INLINE float largest(vf a) {
    return _mm_cvtss_f32(halves_max(_mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1))));
}
INLINE float total(vf a) {
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
INLINE vf load_f16(const uint8_t* p) { return _mm256_cvtph_ps(load<__m128i>(p)); }
INLINE vf load_bf16(const uint16_t* p) { return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(load<__m128i>(p)), 16); }
INLINE vf load_u8(const uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p)));
}
INLINE vi load_i8(const uint8_t* p) { return (vi)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)); }
INLINE void store_bytes(int8_t* p, vi x) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)x), _mm256_extracti128_si256((__m256i)x, 1));
    _mm_storel_epi64((__m128i*)p, _mm_packs_epi16(words, words));
}

INLINE void transpose(vf r[W]) {
    __m256 t[8], u[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}

#if defined(CRIA_AVXVNNI)
INLINE vi dot(vi acc, vi w, int32_t x) {
    return (vi)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)w, _mm256_set1_epi32(x));
}
#else
INLINE vi dot(vi acc, vi w, int32_t x) {  // w at most 63: the pairwise sums in 16 bits do not saturate
    const __m256i pairs = _mm256_maddubs_epi16((__m256i)w, _mm256_set1_epi32(x));
    return acc + (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#endif

#else  // portable

INLINE vf splat(float x) { return vf{x, x, x, x}; }
INLINE vi splat_int(int32_t x) { return vi{x, x, x, x}; }
INLINE vf fma(vf a, vf b, vf c) { return a * b + c; }
INLINE vf larger(vf a, vf b) { return select(a > b, a, b); }
INLINE float largest(vf a) {
    const float low = a[0] > a[1] ? a[0] : a[1], high = a[2] > a[3] ? a[2] : a[3];
    return low > high ? low : high;
}
INLINE float total(vf a) { return (a[0] + a[2]) + (a[1] + a[3]); }

INLINE float half_to_float(uint16_t h) {
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16, rest = h & 0x7fff;
    uint32_t bits = (rest << 13) + (112u << 23);
    if (rest >= 0x7c00) bits += 112u << 23;  // infinity, not a number
    float value;
    std::memcpy(&value, &bits, 4);
    if (rest < 0x400) value = static_cast<float>(rest) * 5.9604644775390625e-8f;  // subnormal: units of 2^-24
    std::memcpy(&bits, &value, 4);
    bits |= sign;
    std::memcpy(&value, &bits, 4);
    return value;
}
typedef uint16_t vhalf __attribute__((vector_size(2 * W)));
typedef int8_t vbytes __attribute__((vector_size(W)));
typedef uint8_t vubytes __attribute__((vector_size(W)));
INLINE vf load_u8(const uint8_t* p) { return to_float(__builtin_convertvector(load<vubytes>(p), vi)); }
INLINE vi load_i8(const uint8_t* p) { return __builtin_convertvector(load<vbytes>(p), vi); }
INLINE void store_bytes(int8_t* p, vi x) { store(p, __builtin_convertvector(x, vbytes)); }
INLINE vf load_bf16(const uint16_t* p) {
    return reinterpret_cast<vf>(__builtin_convertvector(load<vhalf>(p), vi) << 16);
}
INLINE vf load_f16(const uint8_t* p) {
    uint16_t h[W];
    std::memcpy(h, p, sizeof h);
    return vf{half_to_float(h[0]), half_to_float(h[1]), half_to_float(h[2]), half_to_float(h[3])};
}
INLINE vi dot(vi acc, vi w, int32_t x) {
    uint8_t bytes[4 * W];
    int8_t inputs[4];
    std::memcpy(bytes, &w, sizeof bytes);
    std::memcpy(inputs, &x, sizeof inputs);
    vi products = acc;
    for (int i = 0; i < W; ++i)
        for (int j = 0; j < 4; ++j) products[i] += bytes[4 * i + j] * inputs[j];
    return products;
}
INLINE void transpose(vf r[W]) {
    for (int i = 0; i < W; ++i)
        for (int j = 0; j < i; ++j) {
            const float kept = r[i][j];
            r[i][j] = r[j][i];
            r[j][i] = kept;
        }
}
#endif

// Eight dots in a row over one group of 4-bit values, for N inputs. Each dot of an input waits for the one before it,
// so inputs take turns.
template <int N>
INLINE void dot_nibbles(const vi w[8], const int32_t* const x[N], vi sums[N]) {
#if defined(CRIA_AVX2)
    for (int n = 0; n < N; ++n) {
        // A pairwise sum is at most 15 * 127 * 2; eight of them fit into 16 bits.
        __m256i sum = _mm256_maddubs_epi16((__m256i)w[0], _mm256_set1_epi32(x[n][0]));
#pragma GCC unroll 8
        for (int j = 1; j < 8; ++j)
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16((__m256i)w[j], _mm256_set1_epi32(x[n][j])));
        sums[n] = (vi)_mm256_madd_epi16(sum, _mm256_set1_epi16(1));
    }
#else
    for (int n = 0; n < N; ++n) sums[n] = splat_int(0);
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j)
        for (int n = 0; n < N; ++n) sums[n] = dot(sums[n], w[j], x[n][j]);
#endif
}

// Eight dots over a group of bytes that stand for themselves minus 128. `bias` is -128 times the sum of the inputs.
INLINE vi dot_bytes(const vi w[8], const int32_t* x, int32_t bias) {
#if defined(CRIA_AVX2)
    (void)bias;
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(0x80)), ones = _mm256_set1_epi16(1);
    __m256i sum = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {  // |w| times the input with w's sign: at most 128 * 127 * 2 in 16 bits
        const __m256i weight = _mm256_xor_si256((__m256i)w[j], flip);
        const __m256i input = _mm256_sign_epi8(_mm256_set1_epi32(x[j]), weight);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(weight), input), ones));
    }
    return (vi)sum;
#else
    vi sum = splat_int(bias);
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) sum = dot(sum, w[j], x[j]);
    return sum;
#endif
}

// The nearest integer of |x| < 2^22, ties to even, as a float: adding 1.5 * 2^23 leaves no room for a fraction.
INLINE vf nearest(vf x) {
    const vf magic = splat(12582912.0f);
    return (x + magic) - magic;
}

// 2^x within 2e-7, exactly 1 at 0, and 0 below -126 (also at -infinity). The polynomial is the series of 2^r.
INLINE vf exp2(vf x) {
    const vf low = splat(-126.0f), bounded = larger(x < splat(127.0f) ? x : splat(127.0f), low);
    const vf whole = nearest(bounded), r = bounded - whole;
    vf p = splat(1.5403530e-4f);
    p = fma(p, r, splat(1.3333558e-3f));
    p = fma(p, r, splat(9.6181291e-3f));
    p = fma(p, r, splat(5.5504109e-2f));
    p = fma(p, r, splat(2.4022651e-1f));
    p = fma(p, r, splat(6.9314718e-1f));
    p = fma(p, r, splat(1.0f));
    const vi exponent = __builtin_convertvector(whole, vi) << 23;
    return select(x < low, splat(0.0f), reinterpret_cast<vf>(reinterpret_cast<vi>(p) + exponent));
}

// Ask for some cache lines that will be needed soon.
INLINE void prefetch(const void* p, size_t size) {
    for (size_t i = 0; i < size; i += 64) __builtin_prefetch(static_cast<const char*>(p) + i, 0, 2);
}

INLINE uint16_t to_bf16(float x) {  // ties to even
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 64);  // not a number
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace
