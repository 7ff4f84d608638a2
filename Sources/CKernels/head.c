#include "lanes.h"

EK_VERSIONS
void ek_log_sum_exp_slice(const float *logits, size_t stride, size_t rows, size_t V, float *maximum, double *sum,
                          double *weighted, double *squares) {
    for (size_t i = 0; i < rows; i++) {
        const float *restrict x = logits + i * stride;
        const float slice = ek_maximum(x, V);
        const float top = slice > maximum[i] ? slice : maximum[i];
        float mass[LANES] = {0}, moment[LANES] = {0}, square[LANES] = {0};
        size_t v = 0;
        for (; v + LANES <= V; v += LANES)
            for (int j = 0; j < LANES; j++) {
                const float e = ek_exp(x[v + j] - top);
                mass[j] += e;
                moment[j] += e * x[v + j];
                square[j] += e * e;
            }
        for (int j = 0; v < V; v++, j++) {
            const float e = ek_exp(x[v] - top);
            mass[j] += e;
            moment[j] += e * x[v];
            square[j] += e * e;
        }
        const double correction = exp((double)maximum[i] - (double)top);
        sum[i] = sum[i] * correction + (double)ek_lane_sum(mass);
        weighted[i] = weighted[i] * correction + (double)ek_lane_sum(moment);
        squares[i] = squares[i] * correction * correction + (double)ek_lane_sum(square);
        maximum[i] = top;
    }
}

EK_VERSIONS
void ek_softmax_gradient_slice(float *logits, size_t stride, size_t rows, size_t V, const float *log_sum_exp,
                               const float *coefficient, float cap) {
    for (size_t i = 0; i < rows; i++) {
        float *restrict x = logits + i * stride;
        const float top = log_sum_exp[i], c = -coefficient[i];
        if (cap == 0.0f)
            for (size_t v = 0; v < V; v++) x[v] = c * ek_exp(x[v] - top);
        else
            for (size_t v = 0; v < V; v++) {
                const float share = x[v] / cap;
                x[v] = c * ek_exp(x[v] - top) * (1.0f - share * share);
            }
    }
}

EK_VERSIONS
void ek_cap(float *x, size_t stride, size_t rows, size_t columns, float cap) {
    for (size_t i = 0; i < rows; i++) {
        float *restrict row = x + i * stride;
        for (size_t j = 0; j < columns; j++) row[j] = cap * ek_tanh(row[j] / cap);
    }
}
