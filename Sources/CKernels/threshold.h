// Thresholds by which numbers are rounded to 16 bits, up or down.
#ifndef ESPALIER_THRESHOLD_H
#define ESPALIER_THRESHOLD_H

/// Sixteen bits that look random, the same for an index in every run: its product with an odd number, mixed twice. The index
/// is a `uint32_t` or a vector of them.
#define EK_THRESHOLD(index)                                                                                        \
    ({                                                                                                             \
        __typeof__(index) ek_mixed = (index) * 0x9E3779B1u;                                                        \
        ek_mixed = (ek_mixed ^ ek_mixed >> 15) * 0x85EBCA77u;                                                      \
        ek_mixed = (ek_mixed ^ ek_mixed >> 13) * 0xC2B2AE3Du;                                                      \
        ek_mixed >> 16;                                                                                            \
    })

#endif
