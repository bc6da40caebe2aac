// What the recurrent product of a step can take at best, where its weights come from a cache: on this machine, right now.
//
//     clang++ -O3 -march=native -std=c++17 -pthread examples/step_weights.cpp -o build/step_weights && build/step_weights
//
// AVX2. A few rows of h times packed recurrent weights, step after step, as in lstm_ir's kernels: the units are split over
// threads, each on a core of its own, which meet after every step at a counter and never sleep. No projection, no cell.
// Ways of reading the weights take turns: always forwards; every other step backwards, which begins with what the step before
// left in a cache too small for all; and forwards with prefetches into the second-level cache. Medians of what a step takes.

#include <immintrin.h>
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <tuple>
#include <vector>

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

enum Way { forwards, alternating, prefetching };

struct Step {
  long units;
  float *h, *weights, *sums;  // [rows, units], [units / 2 columns, units, 8], [rows, units / 2, 8]
};

// R rows x C columns at a time, two terms an iteration; one row has two sums a column, so that none waits for the last.
template <int R, int C>
__attribute__((noinline)) static void product(const Step& step, long low, long high, bool back, bool prefetch) {
  constexpr int parts = R == 1 ? 2 : 1;
  const long n = step.units, tiles = (high - low) / C;
  for (long i = 0; i < tiles; i++) {
    const long column = low + C * (back ? tiles - 1 - i : i);
    const float *x = step.h, *w = step.weights + column * n * 8;
    __m256 a[R][C * parts];
    for (auto& row : a)
      for (__m256& sum : row) sum = _mm256_setzero_ps();
    for (long k = 0; k < n; k += 2, x += 2, w += 16) {
      if (prefetch)
#pragma unroll
        for (int j = 0; j < C; j++) _mm_prefetch(reinterpret_cast<const char*>(w + j * n * 8) + 2048, _MM_HINT_T1);
#pragma unroll
      for (int u = 0; u < 2; u++) {
        __m256 weights[C];
#pragma unroll
        for (int j = 0; j < C; j++) weights[j] = _mm256_load_ps(w + j * n * 8 + 8 * u);
#pragma unroll
        for (int r = 0; r < R; r++) {
          const __m256 value = _mm256_broadcast_ss(x + r * n + u);
#pragma unroll
          for (int j = 0; j < C; j++) {
            __m256& sum = a[r][j + C * (u % parts)];
            sum = _mm256_fmadd_ps(value, weights[j], sum);
          }
        }
      }
    }
    for (int r = 0; r < R; r++)
      for (int j = 0; j < C; j++) {
        const __m256 sum = parts == 2 ? _mm256_add_ps(a[r][j], a[r][j + C * (parts - 1)]) : a[r][j];
        _mm256_storeu_ps(step.sums + (r * n / 2 + column + j) * 8, sum);
      }
  }
}

static double seconds_a_step(const Step& step, long rows, int threads, long steps, Way way) {
  std::atomic<long> ready{0}, met{0};
  double begin = 0, end = 0;
  auto work = [&](int number) {
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET(number, &cpu);
    pthread_setaffinity_np(pthread_self(), sizeof cpu, &cpu);
    ready++;
    while (ready < threads) _mm_pause();
    if (number == 0) begin = now();
    const long each = step.units / 2 / threads, low = number * each;
    for (long t = 0; t < steps; t++) {
      const bool back = way == alternating && t % 2;
      (rows == 1 ? product<1, 4> : product<4, 3>)(step, low, low + each, back, way == prefetching);
      met++;
      while (met < threads * (t + 1)) _mm_pause();
    }
    if (number == 0) end = now();
  };
  std::vector<std::thread> others;
  for (int number = 0; number < threads; number++) others.emplace_back(work, number);
  for (std::thread& other : others) other.join();
  return (end - begin) / steps;
}

static float* floats(size_t count) {
  void* p = mmap(nullptr, count * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  float* values = static_cast<float*>(p);
  for (size_t i = 0; i < count; i++) values[i] = 1e-4f * (i % 7);
  return values;
}

int main() {
  printf("rows units threads      forwards   alternating   prefetching   us a step (GB/s of weights)\n");
  for (auto [rows, units, threads] : {std::tuple{1L, 64L, 1}, {1L, 128L, 1}, {1L, 128L, 2}, {1L, 256L, 1}, {1L, 256L, 2},
                                      {1L, 512L, 2}, {1L, 1024L, 2}, {4L, 512L, 2}}) {
    const Step step{units, floats(rows * units), floats(units * units * 4 + 1024), floats(rows * units * 4)};
    const double bytes = 16.0 * units * units;
    const long steps = std::max(8.0, 4e8 / bytes / rows);
    std::vector<double> taken[3];
    for (const double end = now() + 4; now() < end;)
      for (Way way : {forwards, alternating, prefetching}) taken[way].push_back(seconds_a_step(step, rows, threads, steps, way));
    printf("%4ld %5ld %7d", rows, units, threads);
    for (auto& values : taken) {
      std::sort(values.begin(), values.end());
      const double middle = values[values.size() / 2];
      printf("   %6.2f (%3.0f)", middle * 1e6, bytes / middle / 1e9);
    }
    printf("\n");
  }
}
