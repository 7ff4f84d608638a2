/// Elementwise kernels over float32 rows, and attention tiles, compiled for several x86-64 levels and selected at load
/// time.
///
/// Every matrix is row-major with an explicit row stride in elements. Elementwise kernels accumulate sums in 16 fixed
/// lanes and then add the lanes pairwise, so that the order of summation, and except for fused multiply-adds the bits,
/// do not depend on the processor. No function allocates, and all propagate NaN.
///
/// Shapes: `T` tokens, `D` model width, `R` query heads that share a key/value head, `K` head width,
/// `F` feed-forward width, `V` vocabulary entries.
#ifndef ESPALIER_CKERNELS_H
#define ESPALIER_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The x86-64 level whose instructions the processor offers: 4 (AVX-512), 3 (AVX2 with FMA), 1, or 0 elsewhere.
int ek_processor_level(void);
/// Whether the processor runs 512-bit instructions in two halves, as AMD's Zen 4 does.
bool ek_halves_avx512(void);
/// Whether the processor multiplies bfloat16 in registers of AVX-512 (AVX512-BF16: Zen 4 and 5, Cooper Lake and later).
bool ek_has_avx512_bf16(void);
/// Whether the processor multiplies tiles of bfloat16 (AMX-BF16: Sapphire Rapids and later). The kernel must permit each
/// process to use them, which this does not request.
bool ek_has_amx_bf16(void);
/// Whether it does and the kernel permits this process to use tiles, which is asked for.
bool ek_may_use_amx_bf16(void);

/// The number of processors on which the scheduler may run this process.
int ek_available_processors(void);
enum { EK_MOST_PROCESSORS = 1024 };
/// Sets each of the `EK_MOST_PROCESSORS` marks to whether the scheduler may run this process on that processor; on the
/// first alone where the system does not say.
void ek_mark_allowed_processors(int *marks);

/// Nanoseconds of a monotonic clock.
uint64_t ek_nanoseconds(void);

// Peak rates. Each function runs `rounds` rounds of independent multiply-adds in registers, stores a finite number that
// depends on all of them in `result`, and returns the number of FLOPs, two for each product.

/// Fused multiply-adds of float32, of 512, 256 or 128 bits; where the processor fuses nothing, a product and a sum.
double ek_peak_float32(size_t rounds, float *result);
/// Products of bfloat16 that are summed in float32 (`vdpbf16ps`); `ek_has_avx512_bf16()` must hold.
double ek_peak_avx512_bf16(size_t rounds, float *result);
/// The same in tiles (`tdpbf16ps`); `ek_may_use_amx_bf16()` must hold.
double ek_peak_amx_bf16(size_t rounds, float *result);

/// Seconds since the process started, from /proc/self/stat (resolution 0.01 s); 0 if it cannot be read.
double ek_seconds_since_start(void);

// Normalization: RMSNorm (Zhang & Sennrich 2019) and LayerNorm (Ba et al. 2016). `x`, `y` and their gradients are
// `[T, D]`.

/// Computes `y = x * rstd(x) * (offset + weight)`, `rstd = 1 / sqrt(mean(x^2) + epsilon)`.
void ek_rmsnorm_forward(const float *x, size_t x_stride, const float *weight, float offset, float epsilon, float *y,
                        size_t y_stride, size_t T, size_t D);

/// Computes `dx = residual + d(y)/d(x)^T dy`, `dweight += sum over tokens of dy * x * rstd`. A null `residual` is zero;
/// `dx` may be `residual` or `dy`.
void ek_rmsnorm_backward(const float *x, size_t x_stride, const float *weight, float offset, float epsilon,
                         const float *dy, size_t dy_stride, const float *residual, size_t residual_stride, float *dx,
                         size_t dx_stride, float *dweight, size_t T, size_t D);

/// Computes `y = (x - mean(x)) * rstd(x) * weight + bias`, `rstd = 1 / sqrt(mean((x - mean(x))^2) + epsilon)`. A null
/// `bias` is zero.
void ek_layernorm_forward(const float *x, size_t x_stride, const float *weight, const float *bias, float epsilon,
                          float *y, size_t y_stride, size_t T, size_t D);

/// Computes `dx = residual + d(y)/d(x)^T dy`, `dweight += sum over tokens of dy * (x - mean) * rstd`, and
/// `dbias += sum over tokens of dy` unless it is null. A null `residual` is zero; `dx` may be `residual` or `dy`.
void ek_layernorm_backward(const float *x, size_t x_stride, const float *weight, float epsilon, const float *dy,
                           size_t dy_stride, const float *residual, size_t residual_stride, float *dx,
                           size_t dx_stride, float *dweight, float *dbias, size_t T, size_t D);

// Rotary embedding (Su et al. 2021).

/// Rotates the first `rotated` elements of `heads` heads of each token by the angles of its position, and copies the
/// others. Pairs are `(i, i + rotated / 2)`, the layout of Hugging Face's Llama, or of `neighbours`, `(2 i, 2 i + 1)`.
/// `direction` is 1, or -1 for the inverse. `cosines` and `sines` are `[positions, rotated / 2]`; `in` and `out` are
/// `[T, heads * K]` and do not overlap.
void ek_rotate(const float *in, size_t in_stride, float *out, size_t out_stride, const int32_t *positions,
               const float *cosines, const float *sines, size_t rotated, bool neighbours, float direction, size_t T,
               size_t heads, size_t K);

// Feed-forward, with a gate (Shazeer 2020), `gate_up` `[T, 2F]` with the gate first, or without.

typedef enum {
    /// `x / (1 + exp(-x))`.
    EK_SILU,
    /// `x (1 + erf(x / sqrt(2))) / 2` (Hendrycks & Gimpel 2016).
    EK_GELU,
    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`, its approximation.
    EK_GELU_TANH,
} ek_activation;

/// Computes `out = kind(gate) * up`, `[T, F]`; `out` does not overlap `gate_up`.
void ek_gate_forward(ek_activation kind, const float *gate_up, size_t gate_up_stride, float *out, size_t out_stride,
                     size_t T, size_t F);

/// Replaces `gate_up` with its gradient, given `dout` `[T, F]`, which does not overlap it.
void ek_gate_backward(ek_activation kind, float *gate_up, size_t gate_up_stride, const float *dout,
                      size_t dout_stride, size_t T, size_t F);

/// Computes `out = kind(x)`, `[T, F]`; `out` does not overlap `x`.
void ek_activation_forward(ek_activation kind, const float *x, size_t x_stride, float *out, size_t out_stride,
                           size_t T, size_t F);

/// Replaces `x` `[T, F]` with its gradient, given `dout` `[T, F]`, which does not overlap it.
void ek_activation_backward(ek_activation kind, float *x, size_t x_stride, const float *dout, size_t dout_stride,
                            size_t T, size_t F);

/// Replaces each element with `erf(x)`.
void ek_error_function(float *x, size_t stride, size_t rows, size_t columns);

// Attention.

/// A block of query rows and a run of keys. Row `i` belongs to query token `t = i / R`, which sees keys
/// `max(0, first_in_window + t)..<min(keys, max(0, first_visible + t))`. All matrices are contiguous.
typedef struct {
    /// `[rows, K]`.
    const float *query;
    /// `[keys, K]`.
    const float *key;
    /// `[keys, K]`.
    const float *value;
    size_t rows, keys, R, K;
    ptrdiff_t first_visible;
    /// Below `first_visible`: a window holds at least one key.
    ptrdiff_t first_in_window;
    /// Factor of the products of query and key, `1 / sqrt(K)` by default.
    float scale;
    /// Scores are `cap * tanh(scale * q·k / cap)`, as in Gemma 2; 0: `scale * q·k`.
    float cap;
} ek_attention_tile;

/// `first_in_window` where no window limits what a token sees.
static const ptrdiff_t EK_NO_WINDOW = PTRDIFF_MIN / 2;

/// The maximum number of keys in a tile.
enum { EK_ATTENTION_KEYS = 256 };

/// The number of floats of scratch memory that a tile needs.
size_t ek_attention_scratch(size_t K);

/// Runs one step of the online softmax (Milakov & Gimelshein 2018): updates `maximum` and `sum` `[rows]`, rescales
/// `out` `[rows, K]` to the new maximum, and adds the tile's `exp(score - maximum) value`.
void ek_attention_forward(const ek_attention_tile *tile, float *maximum, float *sum, float *out, float *scratch);

/// Adds the tile's contribution to the gradients `dquery` `[rows, K]`, `dkey` and `dvalue` `[keys, K]`, given `dout`
/// `[rows, K]`, and for each row its saved log-sum-exp and `delta`, the dot product of output and `dout`.
void ek_attention_backward(const ek_attention_tile *tile, const float *dout, const float *log_sum_exp,
                           const float *delta, float *dquery, float *dkey, float *dvalue, float *scratch);

/// Computes `delta[i] = sum over k of a[i, k] * b[i, k]` for `rows` rows of `K` elements.
void ek_row_dots(const float *a, size_t a_stride, const float *b, size_t b_stride, float *delta, size_t rows,
                 size_t K);

/// Finishes the online softmax: `out /= sum`, `log_sum_exp = maximum + log(sum)`; `out` is `[rows, K]`.
void ek_softmax_finish(float *out, size_t stride, size_t rows, size_t K, const float *maximum, const float *sum,
                       float *log_sum_exp);

// Output layer, on a slice of the vocabulary.

/// Adds a slice of logits `[rows, V]` to the running `maximum` of each row, `sum` of `exp(x - maximum)`,
/// `weighted` = sum of `exp(x - maximum) * x` and `squares` = sum of `exp(x - maximum)^2`.
void ek_log_sum_exp_slice(const float *logits, size_t stride, size_t rows, size_t V, float *maximum, double *sum,
                          double *weighted, double *squares);

/// Replaces logits with `-coefficient[row] * exp(logit - log_sum_exp[row])`, unless `cap` is 0 times
/// `1 - (logit / cap)^2`, the derivative of `ek_cap` by its input.
void ek_softmax_gradient_slice(float *logits, size_t stride, size_t rows, size_t V, const float *log_sum_exp,
                               const float *coefficient, float cap);

/// Replaces each element with `cap * tanh(x / cap)`.
void ek_cap(float *x, size_t stride, size_t rows, size_t columns, float cap);

// Products with a narrow operand, `[rows, depth] [depth, columns]`, of which one dimension is a few tens.

/// A product whose left operand has element `(i, k)` at `a[i * a_row + k * a_column]`, its right operand in panels of
/// 16 columns `(k, 16 j + l)` at `b[k * b_row + j * b_panel + l]`, and its result `(i, j)` at `c[i * c_row + j]`.
typedef struct {
    size_t rows, columns, depth;
    const float *a;
    size_t a_row, a_column;
    const float *b;
    size_t b_row, b_panel;
    float *c;
    size_t c_row;
    float scale;
    /// Whether the result is added to `c`.
    bool adds;
} ek_narrow;

/// Computes `c = scale * a * b`, or `c += scale * a * b`.
///
/// Each element is one sum over the inner dimension in order, in blocks of 256, independent of its place.
void ek_narrow_product(const ek_narrow *product);

/// Writes `source`, `[rows, columns]`, transposed as a right operand of `[columns, rows]`, whose `b_row` is 16 and
/// `b_panel` `16 * columns`; the last panel is padded with zeros.
void ek_pack_transposed(const float *source, size_t stride, size_t rows, size_t columns, float *panels);

// Products of packed operands, `[rows, depth] [depth, columns]`.

/// The types of numbers in memory.
typedef enum { EK_FLOAT32, EK_BFLOAT16, EK_FLOAT16 } ek_number;

/// Kernels of products: the number format of packed operands, and the instructions that multiply them.
typedef enum {
    /// float32 in vectors of four, on any processor.
    EK_PRODUCT_PORTABLE,
    EK_PRODUCT_AVX2,
    EK_PRODUCT_AVX512,
    /// The arithmetic of AVX512-BF16 in scalar operations.
    EK_PRODUCT_BFLOAT16_MODEL,
    EK_PRODUCT_BFLOAT16_AVX512,
    /// The arithmetic of AMX-BF16 in scalar operations.
    EK_PRODUCT_AMX_MODEL,
    EK_PRODUCT_AMX,
} ek_product_kernel;

/// The sizes of a kernel: the tile of the result that it keeps in registers, the numbers in a unit of 32 bits, the multiple of
/// units to which a depth is padded, and the most units of a block.
typedef struct {
    int rows, columns, per_unit, unit_step, block_units;
} ek_product_shape;

/// The most columns of a block and units of its inner dimension, over all kernels, and the units between rows of packed left
/// operands, which are not a multiple of a power of two that is large enough for the rows of a tile to compete for the same
/// sets of a cache.
enum { EK_BLOCK_COLUMNS = 384, EK_BLOCK_UNITS = 384, EK_STRIP_UNITS = EK_BLOCK_UNITS + 16 };

/// A matrix in memory, row-major with `stride` numbers between rows.
typedef struct {
    const void *base;
    size_t stride;
    ek_number number;
    /// How kernels that round operands round numbers to bfloat16: by a threshold of each number's index, as
    /// `ek_dither_bfloat16` does, or to nearest.
    bool is_dithered;
    /// The index of the number at `base`; those of the others follow in memory.
    size_t first;
} ek_source;

/// Whether the processor has the instructions of a kernel.
bool ek_product_runs(ek_product_kernel kernel);
ek_product_shape ek_product_shape_of(ek_product_kernel kernel);

/// Packs the left operand of a block.
///
/// `source` is `[rows, depth]`, or `[depth, rows]` if its rows run `across` the inner dimension. `strips` has
/// `EK_STRIP_UNITS` units for each row, and for so many rows more that they are a multiple of 16 and of the tile's.
void ek_pack_left(ek_product_kernel kernel, ek_source source, bool is_across, size_t rows, size_t depth,
                  uint32_t *strips);

/// Packs the right operand of a block.
///
/// `source` is `[columns, depth]`, or `[depth, columns]` if its rows run `across` the inner dimension. `panels` has the
/// units of the depth for each column, and for so many columns more that they are a multiple of the tile's.
void ek_pack_right(ek_product_kernel kernel, ek_source source, bool is_across, size_t depth, size_t columns,
                   uint32_t *panels);

/// Computes `c = left * right`, or `c += left * right` if `adds`, of operands with `units` units in depth.
///
/// `left` has `left_row` units between rows: `EK_STRIP_UNITS` if it is packed. A source of float32 whose rows run along the
/// inner dimension already consists of rows of units, for kernels whose units are one number.
void ek_multiply_packed(ek_product_kernel kernel, const uint32_t *left, size_t left_row, const uint32_t *right,
                        size_t rows, size_t columns, size_t units, float *c, size_t c_row, bool adds);

// Numbers of 16 bits: bfloat16, and float16, IEEE 754's half precision.

/// Computes `y = x` as bfloat16, rounded to nearest, ties to even; NaN stays NaN.
void ek_round_bfloat16(const float *x, uint16_t *y, size_t count);

/// Computes `y = x` as bfloat16 for numbers that are not NaN, of which the first has index `first`: of the two
/// neighbours of a number the farther from zero if its distance from the other, in units of the spacing, reaches a
/// threshold of its index. The thresholds are uniform in `(0, 1]`; a number of bfloat16 stays as it is.
void ek_dither_bfloat16(const float *x, uint16_t *y, size_t count, size_t first);
/// The same as float16.
void ek_dither_float16(const float *x, uint16_t *y, size_t count, size_t first);

/// Computes `y += x` for bfloat16 `x`.
void ek_add_bfloat16(const uint16_t *x, float *y, size_t count);

/// Computes `y = x` as float16, rounded to nearest, ties to even; NaN stays NaN.
///
/// Returns the number of finite elements that became infinite, those from 65520 on; `count` is below 2^32.
size_t ek_round_float16(const float *x, uint16_t *y, size_t count);

/// Computes `y = x` for bfloat16 `x`, exactly; both are `[rows, columns]`.
void ek_widen_bfloat16(const uint16_t *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns);

/// Computes `y = x` for float16 `x`, exactly; both are `[rows, columns]`.
void ek_widen_float16(const uint16_t *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns);

// Whole buffers.

/// Computes `y += x`.
void ek_add(const float *x, float *y, size_t count);

/// Computes `y += factor * x`.
void ek_add_scaled(const float *x, float factor, float *y, size_t count);

/// Computes `x *= factor`.
void ek_scale(float *x, float factor, size_t count);

/// `y[c] += sum over rows of x[r][c]`, accumulated in double in the order of rows.
void ek_add_column_sums(const float *x, size_t stride, size_t rows, size_t columns, float *y);

/// Returns the sum of squares, accumulated in double.
double ek_sum_of_squares(const float *x, size_t count);

/// One AdamW update (Loshchilov & Hutter 2019) in the order of operations of `torch.optim.AdamW`.
typedef struct {
    float learning_rate;
    float weight_decay;
    float beta1;
    float beta2;
    float epsilon;
    /// `1 - beta1^t` and `sqrt(1 - beta2^t)` at this step `t`, counted from 1.
    float first_correction;
    float second_correction_root;
    /// Factor of the gradient: the clipping coefficient, or 1.
    float gradient_scale;
} ek_adamw_settings;

void ek_adamw(float *parameter, const float *gradient, float *first, float *second, size_t count,
              const ek_adamw_settings *settings);

#endif
