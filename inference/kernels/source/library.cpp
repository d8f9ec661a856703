// The C interface, the team of threads, packing, and the choice of instruction set. Compiled for any processor.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "cria.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define EXPORT extern "C" __attribute__((visibility("default")))

using namespace cria;

namespace {

// ---- Instruction sets -----------------------------------------------------------------------------------------------

enum Isa : int { PORTABLE = 0, AVX2 = 1, AVXVNNI = 2, AVX512 = 3, NUM_ISAS = 4 };

#if defined(__x86_64__)
bool has_avxvnni() {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif

bool is_supported(int isa) {
    if (isa == PORTABLE) return true;
#if defined(__x86_64__)
    const bool has_avx2 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (isa == AVX2) return has_avx2;
    if (isa == AVXVNNI) return has_avx2 && has_avxvnni();
    if (isa == AVX512)
        return has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni");
#endif
    return false;
}

int best_isa() {
    int isa = NUM_ISAS - 1;
    while (!is_supported(isa)) --isa;
    return isa;
}

const Kernels* kernels_for(int isa) {
    if (isa < 0) isa = best_isa();
    if (isa >= NUM_ISAS || !is_supported(isa)) return nullptr;
#if defined(__x86_64__)
    if (isa == AVX512) return &avx512_kernels;
    if (isa == AVXVNNI) return &avxvnni_kernels;
    if (isa == AVX2) return &avx2_kernels;
#endif
    return &portable_kernels;
}

// ---- Threads --------------------------------------------------------------------------------------------------------

inline void pause_briefly() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Runs phases one after the other. A phase is done when all its chunks are, whoever ran them: a thread that the system
// holds back holds nothing up unless it is in the middle of a chunk.
//
//   ticket   | 24 bits phase | 20 bits number of chunks | 20 bits next chunk |
//
// Taking a chunk is one addition to the ticket, so phase and chunk are read together: a late thread either gets a chunk
// of the phase that is current, or none. Who waits spins for some microseconds and then sleeps, so that no core is kept
// from other processes, and a held-back thread can run on the core of the one that waits for it.
//
// Where other programs want the cores, threads that meet a hundred times a token mostly wait for one another. So the
// caller counts what its helpers do and how long it waits for them; when that is a bad bargain it works alone for some
// milliseconds, longer each time, and then tries again.
class Threads : public Team {
  public:
    Threads() {
        num_threads = max_threads = 1;
        run = [](Team* self, int n, void (*chunk)(void*, int, int), void* argument) {
            static_cast<Threads*>(self)->run_phase(n, chunk, argument);
        };
    }

    ~Threads() {
        {
            std::lock_guard<std::mutex> guard(mutex_);
            is_stopping_ = true;
        }
        wake_.notify_all();
        for (std::thread& worker : workers_) worker.join();
    }

    // Use this many threads, the caller's included, from now on; fewer if the system gives no more.
    void resize(int wanted) {
        wanted = wanted < 1 ? 1 : wanted > MOST_THREADS ? MOST_THREADS : wanted;
        try {
            while (static_cast<int>(workers_.size()) < wanted - 1) {
                const int number = static_cast<int>(workers_.size()) + 1;
                workers_.emplace_back([this, number] { work(number); });
            }
        } catch (const std::system_error&) {
            wanted = static_cast<int>(workers_.size()) + 1;
        }
        num_threads = wanted;
        max_threads = static_cast<int>(workers_.size()) + 1;
        active_.store(wanted, std::memory_order_seq_cst);
    }

  private:
    static constexpr int MOST_THREADS = 256;
    static constexpr uint64_t FIELD = (1u << 20) - 1;
    static constexpr std::chrono::microseconds SPIN{40};
    static constexpr int TRIAL_PHASES = 64;

    using Clock = std::chrono::steady_clock;
    static constexpr Clock::duration LONG_WAIT = std::chrono::milliseconds(1);
    static constexpr Clock::duration SHORTEST_ALONE = std::chrono::milliseconds(8),
                                     LONGEST_ALONE = std::chrono::milliseconds(500);

    struct Trial {
        int phases = 0, chunks = 0, own = 0;
        Clock::duration waited{0}, elapsed{0};
    };

    static int count_of(uint64_t ticket) { return static_cast<int>(ticket >> 20 & FIELD); }
    static int next_of(uint64_t ticket) { return static_cast<int>(ticket & FIELD); }
    static bool has_work(uint64_t ticket) { return next_of(ticket) < count_of(ticket); }

    void run_phase(int num_chunks, void (*chunk)(void*, int, int), void* argument) {
        const auto started = Clock::now();
        if (started < alone_until_) {
            for (int i = 0; i < num_chunks; ++i) chunk(argument, i, 0);
            return;
        }
        chunk_ = chunk;
        argument_ = argument;
        done_.store(0, std::memory_order_relaxed);
        ++phase_;
        ticket_.store(phase_ << 40 | static_cast<uint64_t>(num_chunks) << 20, std::memory_order_seq_cst);
        if (sleepers_.load(std::memory_order_seq_cst) > 0) {
            {
                std::lock_guard<std::mutex> guard(mutex_);
            }
            wake_.notify_all();
        }
        const int own = take_chunks(0);
        const auto waits = Clock::now();
        if (!spin([&] { return done_.load(std::memory_order_acquire) == num_chunks; })) {
            std::unique_lock<std::mutex> lock(mutex_);
            is_waiting_.store(true, std::memory_order_seq_cst);
            finished_.wait(lock, [&] { return done_.load(std::memory_order_seq_cst) == num_chunks; });
            is_waiting_.store(false, std::memory_order_seq_cst);
        }
        judge(num_chunks, own, started, waits);
    }

    void judge(int num_chunks, int own, Clock::time_point started, Clock::time_point waits) {
        const auto now = Clock::now();
        trial_.phases += 1;
        trial_.chunks += num_chunks;
        trial_.own += own;
        trial_.waited += now - waits;
        trial_.elapsed += now - started;
        if (trial_.phases < TRIAL_PHASES && now - waits < LONG_WAIT) return;
        const int fair = trial_.chunks * (num_threads - 1) / num_threads;
        if (trial_.waited * 6 > trial_.elapsed || (trial_.chunks - trial_.own) * 2 < fair) {
            alone_until_ = now + alone_for_;
            alone_for_ = std::min(alone_for_ * 2, LONGEST_ALONE);
        } else {
            alone_for_ = std::max(alone_for_ / 2, SHORTEST_ALONE);
        }
        trial_ = Trial{};
    }

    int take_chunks(int thread) {
        int taken = 0;
        while (has_work(ticket_.load(std::memory_order_acquire))) {
            const uint64_t mine = ticket_.fetch_add(1, std::memory_order_acq_rel);
            if (!has_work(mine)) break;
            ++taken;
            chunk_(argument_, next_of(mine), thread);
            const int done = done_.fetch_add(1, std::memory_order_seq_cst) + 1;
            if (thread != 0 && done == count_of(mine) && is_waiting_.load(std::memory_order_seq_cst)) {
                {
                    std::lock_guard<std::mutex> guard(mutex_);
                }
                finished_.notify_one();
            }
        }
        return taken;
    }

    void work(int number) {
        const auto is_wanted = [&] {
            return number < active_.load(std::memory_order_seq_cst) &&
                   has_work(ticket_.load(std::memory_order_seq_cst));
        };
        while (true) {
            if (!spin(is_wanted)) {
                std::unique_lock<std::mutex> lock(mutex_);
                sleepers_.fetch_add(1, std::memory_order_seq_cst);
                wake_.wait(lock, [&] { return is_stopping_ || is_wanted(); });
                sleepers_.fetch_sub(1, std::memory_order_seq_cst);
                if (is_stopping_) return;
            }
            take_chunks(number);
        }
    }

    template <class Condition>
    static bool spin(const Condition& condition) {
        const auto start = Clock::now();
        do {
            for (int i = 0; i < 32; ++i) {
                if (condition()) return true;
                pause_briefly();
            }
        } while (Clock::now() - start < SPIN);
        return condition();
    }

    alignas(64) std::atomic<uint64_t> ticket_{0};
    alignas(64) std::atomic<int> done_{0};
    alignas(64) std::atomic<int> sleepers_{0};
    std::atomic<int> active_{1};
    std::atomic<bool> is_waiting_{false};
    void (*chunk_)(void*, int, int) = nullptr;
    void* argument_ = nullptr;
    uint64_t phase_ = 0;
    Trial trial_;
    Clock::time_point alone_until_{};
    Clock::duration alone_for_ = SHORTEST_ALONE;
    bool is_stopping_ = false;
    std::mutex mutex_;
    std::condition_variable wake_, finished_;
    std::vector<std::thread> workers_;
};

// Grows, never shrinks; aligned to cache lines.
class Scratch {
  public:
    ~Scratch() { std::free(data_); }

    uint8_t* reserve(size_t size) {
        if (size > size_) {
            std::free(data_);
            size_ = (size + 4095) / 4096 * 4096;
            data_ = static_cast<uint8_t*>(std::aligned_alloc(4096, size_));
            if (data_ == nullptr) size_ = 0;
        }
        return data_;
    }

  private:
    uint8_t* data_ = nullptr;
    size_t size_ = 0;
};

struct Instance {
    Model model;
    std::unique_ptr<Layer[]> layers;
    const Kernels* kernels;
    Threads threads;
    Scratch scratch;
};

// ---- Packing --------------------------------------------------------------------------------------------------------

enum Source : int { FROM_Q4_0 = 0, FROM_Q4_1 = 1, FROM_Q8_0 = 2, FROM_Q4_K = 3, FROM_Q6_K = 4 };

uint16_t get_half(const uint8_t* p) {
    uint16_t h;
    std::memcpy(&h, p, 2);
    return h;
}

void put_half(uint8_t* halves, int lane, uint16_t h) { std::memcpy(halves + 2 * lane, &h, 2); }

// -8 d, exactly: three more in the exponent. Only a scale above 8191 would not fit.
uint16_t minus_eight_times(uint16_t h) {
    const uint16_t sign = (h & 0x8000) ^ 0x8000, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent >= 28) return sign | 0x7bff;
    if (exponent > 0) return static_cast<uint16_t>(sign | (exponent + 3) << 10 | fraction);
    uint32_t value = static_cast<uint32_t>(fraction) << 3, raised = 0;  // subnormal
    if (value < 0x400) return static_cast<uint16_t>(sign | value);
    for (raised = 1; value >= 0x800; ++raised) value >>= 1;
    return static_cast<uint16_t>(sign | raised << 10 | (value & 0x3ff));
}

void put_nibbles(uint8_t* values, int lane, const uint8_t* q) {
    for (int k = 0; k < 16; ++k) values[k / 4 * 64 + lane * 4 + k % 4] = static_cast<uint8_t>(q[k] | q[16 + k] << 4);
}

void put_bytes(uint8_t* values, int lane, const uint8_t* q) {
    for (int k = 0; k < GROUP; ++k) values[k / 4 * 64 + lane * 4 + k % 4] = q[k];
}

void pack_q4(const uint8_t* raw, bool has_offset, int groups, int lane, uint8_t* tile) {
    for (int g = 0; g < groups; ++g, tile += Q4_1_GROUP) {
        const uint16_t d = get_half(raw);
        const uint16_t m = has_offset ? get_half(raw + 2) : minus_eight_times(d);
        raw += has_offset ? 4 : 2;
        uint8_t q[GROUP];
        for (int k = 0; k < 16; ++k) q[k] = raw[k] & 15, q[16 + k] = raw[k] >> 4;
        raw += 16;
        put_nibbles(tile, lane, q);
        put_half(tile + 256, lane, d);
        put_half(tile + 288, lane, m);
    }
}

void pack_q8(const uint8_t* raw, int groups, int lane, uint8_t* tile) {
    for (int g = 0; g < groups; ++g, raw += 34) {
        uint8_t q[GROUP];
        for (int k = 0; k < GROUP; ++k) q[k] = raw[2 + k] ^ 0x80;
        put_bytes(tile + g * 512, lane, q);
        put_half(tile + groups * 512 + g * 32, lane, get_half(raw));
    }
}

void pack_q4_k(const uint8_t* raw, int supers, int lane, uint8_t* tile) {
    for (int i = 0; i < supers; ++i, raw += 144, tile += Q4_K_SUPER) {
        const uint8_t *packed = raw + 4, *values = raw + 16;
        for (int sub = 0; sub < SUPER; ++sub) {
            const int j = sub - 4;
            const int scale = sub < 4 ? packed[sub] & 63 : (packed[sub + 4] & 15) | packed[j] >> 6 << 4;
            const int offset = sub < 4 ? packed[sub + 4] & 63 : packed[sub + 4] >> 4 | packed[sub] >> 6 << 4;
            tile[2048 + sub * 16 + lane] = static_cast<uint8_t>(scale);
            tile[2176 + sub * 16 + lane] = static_cast<uint8_t>(offset);
            uint8_t q[GROUP];
            for (int k = 0; k < GROUP; ++k) q[k] = values[sub / 2 * 32 + k] >> (sub % 2 * 4) & 15;
            put_nibbles(tile + sub * 256, lane, q);
        }
        put_half(tile + 2304, lane, get_half(raw));
        put_half(tile + 2336, lane, get_half(raw + 2));
    }
}

void pack_q6_k(const uint8_t* raw, int supers, int lane, uint8_t* tile) {
    for (int i = 0; i < supers; ++i, raw += 210, tile += Q6_K_SUPER) {
        const uint8_t *low = raw, *high = raw + 128, *scales = raw + 192;
        for (int sub = 0; sub < SUPER; ++sub) {
            const int half = sub / 4, quarter = sub % 4;
            uint8_t q[GROUP];
            for (int k = 0; k < GROUP; ++k) {
                const int four = low[half * 64 + quarter % 2 * 32 + k] >> (quarter / 2 * 4) & 15;
                q[k] = static_cast<uint8_t>(four | (high[half * 32 + k] >> (2 * quarter) & 3) << 4);
            }
            put_bytes(tile + sub * 512, lane, q);
            tile[4096 + 2 * sub * 16 + lane] = scales[2 * sub];
            tile[4112 + 2 * sub * 16 + lane] = scales[2 * sub + 1];
        }
        put_half(tile + 4352, lane, get_half(raw + 208));
    }
}

size_t raw_row_bytes(int source, int cols) {
    const size_t groups = static_cast<size_t>(cols) / GROUP;
    switch (source) {
        case FROM_Q4_0: return groups * 18;
        case FROM_Q4_1: return groups * 20;
        case FROM_Q8_0: return groups * 34;
        case FROM_Q4_K: return groups / SUPER * 144;
        default: return groups / SUPER * 210;
    }
}

int kind_of(int source) {
    switch (source) {
        case FROM_Q8_0: return Q8_0;
        case FROM_Q4_K: return Q4_K;
        case FROM_Q6_K: return Q6_K;
        default: return Q4_1;
    }
}

// Everything that a wrong step could make us read or write outside of what we were given.
bool is_sound(const Model& model, const Step& step) {
    const Shape& s = model.shape;
    int row = 0;
    for (int i = 0; i < step.num_segments; ++i) {
        const Segment& segment = step.segments[i];
        if (segment.row != row || segment.num_tokens < 1 || segment.position < 0 || segment.first_block < 0)
            return false;
        const int64_t end = static_cast<int64_t>(segment.position) + segment.num_tokens;
        const int64_t blocks = (end + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
        if (end > s.max_context || segment.first_block + blocks > step.num_block_ids) return false;
        for (int64_t j = 0; j < blocks; ++j) {
            const int32_t block = step.block_ids[segment.first_block + j];
            // Block 0 stands for positions that do not exist.
            if (block <= 0 || block >= step.num_blocks) return false;
        }
        row += segment.num_tokens;
    }
    if (row != step.num_tokens) return false;
    for (int i = 0; i < step.num_tokens; ++i)
        if (step.ids[i] < 0 || step.ids[i] >= s.vocab) return false;
    for (int i = 0; i < step.num_logit_rows; ++i)
        if (step.logit_rows[i] < 0 || step.logit_rows[i] >= step.num_tokens) return false;
    return true;
}

enum Result : int { OK = 0, UNSOUND = 1, OUT_OF_MEMORY = 2, UNSUPPORTED = 3 };

}  // namespace

EXPORT int cria_abi() { return 1; }
EXPORT int cria_best_isa() { return best_isa(); }
EXPORT int cria_has_isa(int isa) { return is_supported(isa); }

EXPORT int cria_kind_of(int source) { return kind_of(source); }

EXPORT size_t cria_packed_bytes(int source, int rows, int cols) {
    return tile_bytes(kind_of(source), cols) * static_cast<size_t>((rows + TILE_ROWS - 1) / TILE_ROWS);
}

// `packed` is zeroed memory; rows beyond the last one stay zero, so that they add nothing.
EXPORT void cria_pack(int source, const uint8_t* raw, int rows, int cols, uint8_t* packed) {
    const int groups = cols / GROUP, supers = groups / SUPER;
    const size_t bytes = tile_bytes(kind_of(source), cols), row_bytes = raw_row_bytes(source, cols);
    for (int row = 0; row < rows; ++row, raw += row_bytes) {
        uint8_t* tile = packed + row / TILE_ROWS * bytes;
        const int lane = row % TILE_ROWS;
        switch (source) {
            case FROM_Q4_0:
            case FROM_Q4_1: pack_q4(raw, source == FROM_Q4_1, groups, lane, tile); break;
            case FROM_Q8_0: pack_q8(raw, groups, lane, tile); break;
            case FROM_Q4_K: pack_q4_k(raw, supers, lane, tile); break;
            default: pack_q6_k(raw, supers, lane, tile);
        }
    }
}

// Asks for large pages: a pass reads all weights once, and every page is one more address to look up.
EXPORT void cria_prefer_large_pages(uint8_t* data, size_t size) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t start = (reinterpret_cast<uintptr_t>(data) + 4095) / 4096 * 4096;
    const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + size) / 4096 * 4096;
    if (end > start) madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);
#else
    (void)data, (void)size;
#endif
}

EXPORT Instance* cria_create(const Model* model, int isa) {
    const Kernels* kernels = kernels_for(isa);
    if (kernels == nullptr) return nullptr;
    auto* instance = new (std::nothrow) Instance{};
    if (instance == nullptr) return nullptr;
    const int num_layers = model->shape.num_layers;
    instance->layers.reset(new (std::nothrow) Layer[num_layers]);
    if (!instance->layers) {
        delete instance;
        return nullptr;
    }
    std::memcpy(instance->layers.get(), model->layers, sizeof(Layer) * num_layers);
    instance->model = *model;
    instance->model.layers = instance->layers.get();
    instance->kernels = kernels;
    return instance;
}

EXPORT void cria_destroy(Instance* instance) { delete instance; }

EXPORT int cria_forward(Instance* instance, const Step* step, int num_threads) {
    if (!is_sound(instance->model, *step)) return UNSOUND;
    instance->threads.resize(num_threads);
    const size_t size = instance->kernels->scratch_bytes(instance->model, *step, instance->threads.max_threads);
    uint8_t* scratch = instance->scratch.reserve(size);
    if (scratch == nullptr) return OUT_OF_MEMORY;
    instance->kernels->forward(instance->model, *step, instance->threads, scratch);
    return OK;
}

// For tests and benchmarks: y [num_rows, rows] = x [num_rows, cols] times the matrix.
EXPORT int cria_multiply(const Matrix* matrix, const float* x, int num_rows, float* y, int isa, int num_threads,
                         int repeats) {
    const Kernels* kernels = kernels_for(isa);
    if (kernels == nullptr) return UNSUPPORTED;
    Threads threads;
    threads.resize(num_threads);
    Scratch scratch;
    uint8_t* inputs =
        scratch.reserve(static_cast<size_t>(num_rows) * (matrix->cols / GROUP) * matrix->levels * GROUP_BYTES);
    if (inputs == nullptr) return OUT_OF_MEMORY;
    for (int i = 0; i < repeats; ++i) kernels->multiply(*matrix, x, num_rows, y, threads, inputs);
    return OK;
}

EXPORT int cria_unpack_row(const Matrix* matrix, int row, float* out, int isa) {
    const Kernels* kernels = kernels_for(isa);
    if (kernels == nullptr) return UNSUPPORTED;
    kernels->unpack_row(*matrix, row, out);
    return OK;
}
