internal import CKernels
internal import Compute
internal import Testing

/// What the peak rates count; no test checks how fast the processor is.
struct PeakRateTests {
    @Test("each accumulator of float32 takes part in every round, and its limit is 1", arguments: [64, 1000])
    func float32(rounds: Int) {
        var sum: Float = 0
        let flops = ek_peak_float32(rounds, &sum)
        // A product and a sum for each accumulator and round.
        #expect(flops == 2 * Double(sum) * Double(rounds))
        #expect([3, 6, 24].contains(sum / 16), "whole vectors")
    }

    @Test("a round of bfloat16 adds two products to each sum and subtracts them", arguments: [1, 1000])
    func bfloat16(rounds: Int) throws {
        guard Processor.hasAVX512BFloat16 else { try Test.cancel("this processor has no AVX512-BF16") }
        var sum: Float = 0
        let flops = ek_peak_avx512_bf16(rounds, &sum)
        // 24 sums of 16 numbers; four products each, of two FLOPs.
        #expect(flops == Double(rounds) * 24 * 16 * 4 * 2)
        // Sums start at 3, 4, … 26.
        #expect(sum == 16 * Float((3...26).reduce(0, +)))
    }

    @Test("instructions for bfloat16 are those of a processor with AVX-512, and decide whether there is a rate")
    func instructions() throws {
        #expect(!Processor.hasAVX512BFloat16 || [.avx512, .halvedAVX512].contains(Processor.level))
        #expect((PeakRate.bfloat16(ThreadTeam.start(count: 1)) != nil) == Processor.hasAVX512BFloat16)
    }

    @Test("all rates of a team are positive and finite, also with more threads than processors")
    func team() throws {
        for threads in [1, Processor.availableCount + 1] {
            let rate = try PeakRate.measure(team: ThreadTeam.start(count: threads))
            for value in [rate.float32, rate.library, rate.limit] + [rate.bfloat16].compactMap(\.self) {
                #expect(value > 0 && value.isFinite)
            }
            #expect(rate.limit == rate.float32, "products with weights are of float32")
        }
    }
}
