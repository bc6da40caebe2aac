// What a tile of registers reaches of the multiply-add peak, by its loads a multiply-add, on this machine and right now.
//
//     clang++ -O3 -march=native -std=c++17 examples/register_tiles.cpp -o build/register_tiles && build/register_tiles
//
// AVX2. The product of a matrix [rows, terms] with packed columns of 8, as in lstm_ir's kernels, without anything around it.
// All contestants take turns of a millisecond or two; printed are medians, and the medians of each turn's ratio to chains of
// multiply-adds that load nothing. GCC keeps the sums of some of these loops in memory: use clang.

#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static float sink;

// Twelve independent chains, as many sums as the tiles have.
__attribute__((noinline)) static void chains(long rounds) {
  __m256 f = _mm256_set1_ps(0.5f), c = _mm256_set1_ps(1), a[12];
  for (__m256& x : a) x = f;
  for (long k = 0; k < rounds; k++)
#pragma unroll
    for (int i = 0; i < 12; i++) asm volatile("vfmadd213ps %2, %1, %0" : "+x"(a[i]) : "x"(f), "x"(c));
  for (__m256& x : a) sink += _mm256_cvtss_f32(x);
}

struct Product {
  long rows, terms, columns;
  float *x, *w, *sums;
};

// R rows x C columns at a time, two terms an iteration; `values` leaves out the loads of x where it is false.
template <int R, int C, bool values>
__attribute__((noinline)) static void product(const Product& p) {
  const long line = p.columns * 8;
  for (long column = 0; column + C <= p.columns; column += C)
    for (long m = 0; m + R <= p.rows; m += R) {
      const float *x = p.x + m * p.terms, *w = p.w + column * p.terms * 8;
      float* sums = p.sums + m * line + column * 8;
      __m256 a[R][C], still = _mm256_broadcast_ss(x);
      for (int r = 0; r < R; r++)
        for (int j = 0; j < C; j++) a[r][j] = _mm256_loadu_ps(sums + r * line + 8 * j);
      for (long k = 0; k < p.terms; k += 2, x += 2, w += 16) {
#pragma unroll
        for (int u = 0; u < 2; u++) {
          __m256 weights[C];
#pragma unroll
          for (int j = 0; j < C; j++) weights[j] = _mm256_load_ps(w + j * p.terms * 8 + 8 * u);
#pragma unroll
          for (int r = 0; r < R; r++) {
            __m256 value = values ? _mm256_broadcast_ss(x + r * p.terms + u) : still;
#pragma unroll
            for (int j = 0; j < C; j++) a[r][j] = _mm256_fmadd_ps(value, weights[j], a[r][j]);
          }
        }
      }
      for (int r = 0; r < R; r++)
        for (int j = 0; j < C; j++) _mm256_storeu_ps(sums + r * line + 8 * j, a[r][j]);
    }
}

static float* floats(size_t count) {
  void* p = mmap(nullptr, count * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  float* values = static_cast<float*>(p);
  for (size_t i = 0; i < count; i++) values[i] = 1e-4f * (i % 7);
  return values;
}

static double middle(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int main() {
  for (auto [rows, terms, columns] : {std::tuple{12L, 128L, 6L}, {12L, 128L, 48L}, {24L, 512L, 252L}, {24L, 512L, 504L}}) {
    const Product p{rows, terms, columns, floats(rows * terms), floats(terms * columns * 8), floats(rows * columns * 8)};
    const double flop = 2.0 * rows * terms * columns * 8;
    const long times = std::max(1.0, 2e7 / flop), rounds = times * flop / (12 * 16);
    auto repeated = [&](void (*run)(const Product&)) {
      return [=, &p] { for (long i = 0; i < times; i++) run(p); };
    };
    std::vector<std::pair<std::string, std::function<void()>>> contest{
        {"chains", [&] { chains(rounds); }},
        {"6 x 2", repeated(product<6, 2, true>)},
        {"6 x 2, values not loaded", repeated(product<6, 2, false>)},
        {"4 x 3", repeated(product<4, 3, true>)}};
    std::vector<std::vector<double>> speed(contest.size()), ratio(contest.size());
    for (const double end = now() + 4; now() < end;)
      for (size_t i = 0; i < contest.size(); i++) {
        const double begin = now();
        contest[i].second();
        speed[i].push_back((i ? times * flop : rounds * 12.0 * 16) / (now() - begin) / 1e9);
        ratio[i].push_back(speed[i].back() / speed[0].back());
      }
    printf("%ld rows, %ld terms, %ld columns of 8: %ld KB of weights\n", rows, terms, columns, terms * columns * 32 / 1024);
    for (size_t i = 0; i < contest.size(); i++)
      printf("  %-26s %6.1f GFLOP/s  %.2f of the chains\n", contest[i].first.c_str(), middle(speed[i]), middle(ratio[i]));
  }
}
