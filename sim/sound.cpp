// A network with the sound front end, fed with samples as fast as it takes them.
//
// Standard input: samples, little-endian int16.  Standard output, a line each: "e EVENT" for a
// transfer between front end and network, "c CLASS" for a result, "cycles N" at the end.  It ends
// when all samples are in and the given number of results is out, or nothing has moved for a while.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vqblif_sound.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int count, char **arguments) {
    if (count != 2) return 2;
    const long wanted = atol(arguments[1]);
    constexpr int RESET = 16, STANDSTILL = 100000;
    auto *core = new Vqblif_sound;
    long results = 0, cycles = 0;
    int16_t sample = 0;
    bool there = fread(&sample, sizeof sample, 1, stdin) == 1;
    int still = 0;
    for (; results < wanted && still < STANDSTILL; cycles++, still++) {
        core->rst = cycles < RESET;
        core->sample_valid = there && !core->rst;
        core->sample = static_cast<uint16_t>(sample);
        core->clk = 0;
        core->eval();
        const bool taken = core->sample_valid && core->sample_ready;
        if (core->event_valid) printf("e %llx\n", (unsigned long long)core->event_word);
        if (core->result_valid && !core->rst) {
            printf("c %llx\n", (unsigned long long)core->result);
            results++;
        }
        if (taken || core->event_valid) still = 0;
        core->clk = 1;
        core->eval();
        if (taken) there = fread(&sample, sizeof sample, 1, stdin) == 1;
    }
    printf("cycles %ld\n", cycles - RESET);
    delete core;
    return results < wanted;
}
