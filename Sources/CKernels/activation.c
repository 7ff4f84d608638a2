#include "lanes.h"

typedef struct {
    float value, slope;
} activation;

/// `x` limited to [-10, 10]: at the ends the sigmoid of `tanh_argument` is 0 or 1 to float32, and no power overflows.
EK_INLINE float limited(float x) {
    const float above = x < -10.0f ? -10.0f : x;
    return above > 10.0f ? 10.0f : above;
}

/// Twice the argument of the tanh in GELU's approximation, `2 sqrt(2 / pi) (x + 0.044715 x^3)`: `(1 + tanh(u)) / 2` is
/// the sigmoid of `2 u`, which loses no small results.
EK_INLINE float tanh_argument(float x) { return x * (7.13548163e-2f * (x * x) + 1.59576912f); }

EK_INLINE float sigmoid(float x) { return 1.0f / (1.0f + ek_exp(-x)); }

/// The distribution function of the normal distribution.
EK_INLINE float normal(float x) { return 0.5f * (1.0f + ek_erf(7.07106781e-1f * x)); }

EK_INLINE float activated(ek_activation kind, float x) {
    switch (kind) {
    case EK_SILU: return x / (1.0f + ek_exp(-x));
    case EK_GELU: return x * normal(x);
    case EK_GELU_TANH: return x / (1.0f + ek_exp(-tanh_argument(limited(x))));
    }
}

EK_INLINE activation activated_with_slope(ek_activation kind, float x) {
    switch (kind) {
    case EK_SILU: {
        const float s = sigmoid(x), value = x * s;
        return (activation){value, s + value * (1.0f - s)};
    }
    case EK_GELU: {
        const float p = normal(x), density = 3.98942280e-1f * ek_exp(-0.5f * (x * x));
        return (activation){x * p, p + x * density};
    }
    case EK_GELU_TANH: {
        // `1 - s` is `e s`, which rounds no small complement away; beyond the limits the slope is that at the limit.
        const float c = limited(x), e = ek_exp(-tanh_argument(c)), s = 1.0f / (1.0f + e);
        const float inner = 2.14064449e-1f * (c * c) + 1.59576912f;
        return (activation){x * s, s + c * s * (e * s) * inner};
    }
    }
}

// Each loop is inlined once for each activation, which is then constant in it.

EK_INLINE void gate_forward(ek_activation kind, const float *gate_up, size_t gate_up_stride, float *out,
                            size_t out_stride, size_t T, size_t F) {
    for (size_t t = 0; t < T; t++) {
        const float *restrict gate = gate_up + t * gate_up_stride;
        const float *restrict up = gate + F;
        float *restrict y = out + t * out_stride;
        for (size_t f = 0; f < F; f++) y[f] = activated(kind, gate[f]) * up[f];
    }
}

EK_INLINE void gate_backward(ek_activation kind, float *gate_up, size_t gate_up_stride, const float *dout,
                             size_t dout_stride, size_t T, size_t F) {
    for (size_t t = 0; t < T; t++) {
        float *restrict gate = gate_up + t * gate_up_stride;
        float *restrict up = gate_up + t * gate_up_stride + F;
        const float *restrict dy = dout + t * dout_stride;
        for (size_t f = 0; f < F; f++) {
            const activation a = activated_with_slope(kind, gate[f]);
            gate[f] = dy[f] * up[f] * a.slope;
            up[f] = dy[f] * a.value;
        }
    }
}

EK_INLINE void forward(ek_activation kind, const float *x, size_t x_stride, float *out, size_t out_stride, size_t T,
                       size_t F) {
    for (size_t t = 0; t < T; t++) {
        const float *restrict xt = x + t * x_stride;
        float *restrict y = out + t * out_stride;
        for (size_t f = 0; f < F; f++) y[f] = activated(kind, xt[f]);
    }
}

EK_INLINE void backward(ek_activation kind, float *x, size_t x_stride, const float *dout, size_t dout_stride, size_t T,
                        size_t F) {
    for (size_t t = 0; t < T; t++) {
        float *restrict xt = x + t * x_stride;
        const float *restrict dy = dout + t * dout_stride;
        for (size_t f = 0; f < F; f++) xt[f] = dy[f] * activated_with_slope(kind, xt[f]).slope;
    }
}

#define EK_EACH_ACTIVATION(LOOP, ...)                                                                           \
    switch (kind) {                                                                                             \
    case EK_SILU: LOOP(EK_SILU, __VA_ARGS__); break;                                                            \
    case EK_GELU: LOOP(EK_GELU, __VA_ARGS__); break;                                                            \
    case EK_GELU_TANH: LOOP(EK_GELU_TANH, __VA_ARGS__); break;                                                  \
    }

EK_VERSIONS
void ek_gate_forward(ek_activation kind, const float *gate_up, size_t gate_up_stride, float *out, size_t out_stride,
                     size_t T, size_t F) {
    EK_EACH_ACTIVATION(gate_forward, gate_up, gate_up_stride, out, out_stride, T, F)
}

EK_VERSIONS
void ek_gate_backward(ek_activation kind, float *gate_up, size_t gate_up_stride, const float *dout,
                      size_t dout_stride, size_t T, size_t F) {
    EK_EACH_ACTIVATION(gate_backward, gate_up, gate_up_stride, dout, dout_stride, T, F)
}

EK_VERSIONS
void ek_activation_forward(ek_activation kind, const float *x, size_t x_stride, float *out, size_t out_stride,
                           size_t T, size_t F) {
    EK_EACH_ACTIVATION(forward, x, x_stride, out, out_stride, T, F)
}

EK_VERSIONS
void ek_activation_backward(ek_activation kind, float *x, size_t x_stride, const float *dout, size_t dout_stride,
                            size_t T, size_t F) {
    EK_EACH_ACTIVATION(backward, x, x_stride, dout, dout_stride, T, F)
}

EK_VERSIONS
void ek_error_function(float *x, size_t stride, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        float *restrict row = x + i * stride;
        for (size_t j = 0; j < columns; j++) row[j] = ek_erf(row[j]);
    }
}
