/* Train R runs for some steps: the numpy code of dynamics.py fused in one pass over the numbers.

The file includes itself twice, with REAL = float and REAL = double. Rows of N numbers, N a multiple
of 16, are read in vectors as wide as the processor's. A state is (R, J, 2) features, (R, J, M)
coefficients A and (R, J, M) projections c; M = Q N. A step of one run:

    1. logits and residuals of a vector of examples from c, then their part of A - g;
    2. for SAM: g K, its norm, and 1. again at the displaced state;
    3. c = c(0) + A K, in blocks of ROWS x PANEL vectors that stay in registers.

Every number is summed in an order of its own that depends on nothing else, so that the bits of a
run do not depend on the runs beside it. */

#ifndef REAL

#include <math.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#if defined(__AVX512F__)
#define BYTES 64 /* of a vector */
#define ROWS 12  /* x PANEL vectors of sums, beside which PANEL + 1 registers are needed */
#define PANEL 2
#elif defined(__AVX2__)
#define BYTES 32
#define ROWS 6
#define PANEL 2
#else /* NEON */
#define BYTES 16
#define ROWS 6
#define PANEL 4
#endif

typedef struct { /* the problem; pointers to REAL */
  int64_t runs, groups, neurons, patches, examples; /* R, G, J, Q, N */
  int64_t strengths, power, rectified, diagonal;    /* F, q, and two truth values */
  const void *labels, *strength, *gram, *start;     /* gram: as pack() leaves it, or diagonal */
  const void *radii;                                /* of SAM (R,), or NULL */
  int64_t weight_stride;                            /* from a step's weights to the next: 0, R N */
  void *scratch;                                    /* 2 TILE J M numbers, for SAM */
} Problem;

#define TILE 8 /* runs of a group whose rows are multiplied together */

#define REAL float
#define INT int32_t
#define NAME(name) name##_float32
#include "kernel.c"
#undef REAL
#undef INT
#undef NAME
#define REAL double
#define INT int64_t
#define NAME(name) name##_float64
#include "kernel.c"

#else

#define V ((int64_t)(BYTES / sizeof(REAL))) /* numbers in a vector */
#define vec NAME(vec)
#define ints NAME(ints)
#define unaligned NAME(unaligned)
typedef REAL vec __attribute__((vector_size(BYTES)));
typedef INT ints __attribute__((vector_size(BYTES)));
typedef REAL unaligned __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));

ALWAYS vec NAME(load)(const REAL *x) { return *(const unaligned *)x; }
ALWAYS void NAME(store)(REAL *x, vec value) { *(unaligned *)x = value; }
ALWAYS vec NAME(choose)(ints which, vec a, vec b) {
  return (vec)((which & (ints)a) | (~which & (ints)b));
}

/* e^x to about one unit in the last place; x is cut where 1 + e^x would be 1, or overflow. */
ALWAYS vec NAME(exponential)(vec x) {
  const int wide = sizeof(REAL) == 8;
  const REAL most = wide ? 700 : 87, magic = wide ? 6755399441055744.0 : 12582912.0f;
  const REAL high = wide ? 6.93147180369123816490e-01 : 0.693359375f;
  const REAL low = wide ? 1.90821492927058770002e-10 : -2.12194440e-4f;
  vec zero = {0};
  x = NAME(choose)(x > most, zero + most, x);
  x = NAME(choose)(x < -most, zero - most, x);
  vec shifted = x * (REAL)1.44269504088896340736 + magic; /* its low bits: the nearest integer k */
  vec k = shifted - magic;
  vec r = x - k * high - k * low; /* |r| <= ln 2 / 2 */
  vec sum = zero + (REAL)(wide ? 1 / 6227020800.0 : 1 / 5040.0);
  const REAL terms[] = {1 / 479001600.0, 1 / 39916800.0, 1 / 3628800.0, 1 / 362880.0, 1 / 40320.0,
                        1 / 5040.0, 1 / 720.0, 1 / 120.0, 1 / 24.0, 1 / 6.0, 1 / 2.0, 1, 1};
#pragma GCC unroll 16
  for (int i = wide ? 0 : 6; i < 13; i++) sum = sum * r + terms[i]; /* Taylor, by Horner */
  ints power = (ints)shifted - (ints)(zero + magic);
  return sum * (vec)((power + (wide ? 1023 : 127)) << (wide ? 52 : 23));
}

/* σ'(z)/q = z^{q-1}, or max(z, 0)^{q-1} */
ALWAYS vec NAME(slope)(vec z, int64_t power, int rectified) {
  vec zero = {0};
  if (rectified) z = NAME(choose)(z > 0, z, zero);
  vec product = z;
  for (int64_t i = 2; i < power; i++) product *= z;
  return product;
}

/* Write the logits of one run, where wanted, and base - gradient (or the gradient if there is no
   base) of features and coefficients; return whether a logit is 1e3 or more, or not a number. */
ALWAYS int NAME(descend)(const Problem *p, int64_t run, const REAL *weights, const REAL *features,
                         const REAL *projections, REAL *logits, const REAL *base_features,
                         const REAL *base, REAL *out_features, REAL *out, int64_t q, int rectified) {
  const int64_t J = p->neurons, N = p->examples, F = p->strengths, rows = J * p->patches;
  const REAL *labels = (const REAL *)p->labels + run * N;
  const REAL *strengths = (const REAL *)p->strength + run * F * N;
  vec zero = {0}, pulls[4] = {zero, zero, zero, zero};
  REAL share[4] = {0};
  ints bad = {0};
  for (int64_t i = 0; i < J * F; i++) { /* feature f, and minus the feature for f >= 2 */
    int64_t f = i % F;
    REAL z = features[i / F * 2 + f % 2] * (f < 2 ? 1 : -1);
    share[f] += NAME(slope)(zero + z, q, rectified)[0] * z;
  }
  for (int64_t n = 0; n < N; n += V) {
    vec y = NAME(load)(labels + n), even = zero, odd = zero;
    for (int64_t f = 0; f < F; f++) even += share[f] * NAME(load)(strengths + f * N + n);
    for (int64_t row = 0; row < rows; row++) {
      vec z = NAME(load)(projections + row * N + n);
      vec value = NAME(slope)(z, q, rectified) * z;
      if (row % 2) odd += value;
      else even += value;
    }
    vec f = even + odd;
    bad |= ~((f < 1000) & (f > -1000));
    if (logits) NAME(store)(logits + n, f);
    vec pull = (REAL)-q * NAME(load)(weights + n) * y / (1 + NAME(exponential)(y * f));
    for (int64_t i = 0; i < F; i++) pulls[i] += NAME(load)(strengths + i * N + n) * pull;
    for (int64_t row = 0; row < rows; row++) {
      vec g = NAME(slope)(NAME(load)(projections + row * N + n), q, rectified) * pull;
      NAME(store)(out + row * N + n, base ? NAME(load)(base + row * N + n) - g : g);
    }
  }
  for (int64_t i = 0; i < 2 * J; i++) {
    REAL g = 0;
    for (int64_t f = i % 2; f < F; f += 2) {
      REAL total = 0, sign = f < 2 ? 1 : -1;
      for (int64_t v = 0; v < V; v++) total += pulls[f][v];
      g += sign * NAME(slope)(zero + sign * features[i], q, rectified)[0] * total;
    }
    out_features[i] = base_features ? base_features[i] - g : g;
  }
  int any = 0;
  for (int64_t v = 0; v < V; v++) any |= bad[v] != 0;
  return any;
}

/* The same, compiled apart for the cubic and for whether there is a base. */
static int NAME(gradient)(const Problem *p, int64_t run, const REAL *weights, const REAL *features,
                          const REAL *projections, REAL *logits, const REAL *base_features,
                          const REAL *base, REAL *out_features, REAL *out) {
#define DESCEND(base_features, base, power, rectified)                                            \
  NAME(descend)(p, run, weights, features, projections, logits, base_features, base,              \
                out_features, out, power, rectified)
  if (p->power != 3 || p->rectified)
    return DESCEND(base_features, base, p->power, (int)p->rectified);
  return base ? DESCEND(base_features, base, 3, 0) : DESCEND(0, 0, 3, 0);
}

/* out = start + a B for a block of rows and of `wide` vectors of columns; start may be NULL. */
ALWAYS void NAME(block)(int rows, int wide, int64_t M, const REAL *restrict a,
                        const REAL *restrict b, const REAL *restrict start, REAL *restrict out) {
  vec zero = {0}, sums[ROWS][PANEL];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < wide; v++) sums[r][v] = zero;
  for (int64_t k = 0; k < M; k++) {
    vec column[PANEL];
#pragma GCC unroll 4
    for (int v = 0; v < wide; v++) column[v] = NAME(load)(b + (k * wide + v) * V);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      const REAL x = a[r * M + k];
#pragma GCC unroll 4
      for (int v = 0; v < wide; v++) sums[r][v] += x * column[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < wide; v++)
      NAME(store)(out + r * M + v * V, start ? sums[r][v] + NAME(load)(start + r * M + v * V)
                                             : sums[r][v]);
}

/* out (rows, M) = start + a K, or start + a times the diagonal of K. */
static void NAME(product)(const Problem *p, int64_t rows, const REAL *a, const REAL *gram,
                          const REAL *start, REAL *out) {
  const int64_t M = p->patches * p->examples, count = (rows + ROWS - 1) / ROWS;
  if (p->diagonal) {
    for (int64_t i = 0; i < rows * M; i += V) {
      vec moved = NAME(load)(a + i) * NAME(load)(gram + i % M);
      NAME(store)(out + i, start ? moved + NAME(load)(start + i) : moved);
    }
    return;
  }
  for (int64_t m = 0; m < M; m += PANEL * V) {
    const int whole = m + PANEL * V <= M;
    for (int64_t i = 0, at = 0; i < count; i++) { /* blocks of nearly equal size */
      int64_t size = (rows - at + count - i - 1) / (count - i);
      const REAL *rest = start ? start + at * M + m : 0, *from = a + at * M;
      REAL *to = out + at * M + m;
#define CASE(n)                                                                                  \
  case n:                                                                                        \
    if (n > ROWS) break; /* never taken */                                                       \
    if (whole) NAME(block)(n > ROWS ? 1 : n, PANEL, M, from, gram + m * M, rest, to);            \
    else NAME(block)(n > ROWS ? 1 : n, 1, M, from, gram + m * M, rest, to);                      \
    break;
      switch (size) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
        CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
      }
      at += size;
    }
  }
}

/* Rearrange K (M, M) into panels of PANEL vectors of columns, each panel row by row. */
void NAME(pack)(int64_t M, const REAL *gram, REAL *packed) {
  for (int64_t m = 0; m < M; m += PANEL * V) {
    int64_t wide = m + PANEL * V <= M ? PANEL * V : V;
    for (int64_t k = 0; k < M; k++)
      memcpy(packed + m * M + k * wide, gram + k * M + m, wide * sizeof(REAL));
  }
}

/* Displace a run to W + ρ g/|g|: g K in `lifted` becomes c + ρ g K/|g|, `steep` likewise. */
static void NAME(ascend)(const Problem *p, REAL rho, const REAL *g, REAL *lifted, REAL *steep,
                         const REAL *features, const REAL *projections) {
  const int64_t size = p->neurons * p->patches * p->examples;
  vec sums = {0};
  REAL square = 0;
  for (int64_t i = 0; i < size; i += V) sums += NAME(load)(g + i) * NAME(load)(lifted + i);
  for (int64_t v = 0; v < V; v++) square += sums[v];
  for (int64_t i = 0; i < 2 * p->neurons; i++) square += steep[i] * steep[i];
  REAL reach = square > 0 ? rho / (REAL)sqrt(square) : 0;
  for (int64_t i = 0; i < size; i += V)
    NAME(store)(lifted + i, NAME(load)(projections + i) + reach * NAME(load)(lifted + i));
  for (int64_t i = 0; i < 2 * p->neurons; i++) steep[i] = features[i] + reach * steep[i];
}

/* Make at most `count` steps from the state (features, a, c); step i writes the logits before it
   and the state after it to place i. Return how many steps began with logits that are below 1e3:
   all `count`, or the number before the first at which a run has diverged. */
int64_t NAME(train)(const Problem *p, int64_t count, const REAL *weights, const REAL *features,
                    const REAL *a, const REAL *c, REAL *logits, REAL *out_features, REAL *out_a,
                    REAL *out_c) {
  const int64_t R = p->runs, J = p->neurons, N = p->examples, M = p->patches * N;
  const int64_t each = R / p->groups, size = J * M; /* runs of a group; numbers of a run */
  for (int64_t step = 0; step < count; step++) {
    int bad = 0;
    for (int64_t first = 0, next; first < R; first = next) {
      int64_t group = first / each, end = (group + 1) * each;
      next = first + TILE < end ? first + TILE : end;
      const REAL *gram = (const REAL *)p->gram + group * M * (p->diagonal ? 1 : M);
      const REAL *start = (const REAL *)p->start;
      const int64_t rows = (next - first) * J;
      REAL *g = p->scratch, *lifted = g + TILE * size, *steep = lifted + TILE * size;
      for (int64_t run = first; run < next; run++) {
        const int64_t m = run * size, f = run * 2 * J, n = run * N, i = run - first;
        if (p->radii)
          bad |= NAME(gradient)(p, run, weights + n, features + f, c + m, logits + n, 0, 0,
                                steep + i * 2 * J, g + i * size);
        else
          bad |= NAME(gradient)(p, run, weights + n, features + f, c + m, logits + n,
                                features + f, a + m, out_features + f, out_a + m);
      }
      if (p->radii) {
        NAME(product)(p, rows, g, gram, 0, lifted);
        for (int64_t run = first; run < next; run++) {
          const int64_t m = run * size, f = run * 2 * J, i = run - first;
          REAL *moved = steep + i * 2 * J;
          NAME(ascend)(p, ((const REAL *)p->radii)[run], g + i * size, lifted + i * size, moved,
                       features + f, c + m);
          NAME(gradient)(p, run, weights + run * N, moved, lifted + i * size, 0, features + f,
                         a + m, out_features + f, out_a + m);
        }
      }
      NAME(product)(p, rows, out_a + first * size, gram, start + first * size,
                    out_c + first * size);
    }
    if (bad) return step;
    features = out_features, a = out_a, c = out_c;
    out_features += R * J * 2, out_a += R * size, out_c += R * size;
    logits += R * N, weights += p->weight_stride;
  }
  return count;
}

#undef V
#undef vec
#undef ints
#undef unaligned
#undef DESCEND
#undef CASE
#endif
