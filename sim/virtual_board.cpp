// The board around the simulated core: a clock, and a line at the serial pins.
//
// Arguments: clock cycles of a bit, then what the line is.  "terminal", and the file descriptor of a
// pseudo-terminal's master: an "r" on standard input resets the board, its end ends the program.
// "timed", and the cycles that a byte is on its way beside the serial line: see serve().

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "Vqblif_board.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

namespace {

constexpr int QUIET = 4096;  // Cycles without any work after which the clock waits for work.
constexpr int STALLED = 3;   // Code of the end that the core's watchdog asks for.
constexpr int LOOK = 256;    // Cycles between two looks at standard input.

struct Line {
    virtual ~Line() {}
    virtual bool next(uint8_t &byte) = 0;  // To the board.
    virtual void put(uint8_t byte) = 0;    // From the board.
};

struct Terminal : Line {
    int terminal;
    uint8_t buffer[256];
    ssize_t filled = 0, used = 0;

    bool next(uint8_t &byte) override {
        if (used == filled) {
            filled = read(terminal, buffer, sizeof buffer);
            used = 0;
            if (filled <= 0) {
                filled = 0;
                return false;
            }
        }
        byte = buffer[used++];
        return true;
    }

    void put(uint8_t byte) override {  // What nobody reads is lost, as on a line.
        if (write(terminal, &byte, 1) < 0) return;
    }
};

struct Timed : Line {
    struct Byte {
        uint64_t due;
        uint8_t value;
    };
    uint64_t now = 0, latency;
    std::deque<Byte> to_board, to_host;

    bool next(uint8_t &byte) override {
        if (to_board.empty() || to_board.front().due > now) return false;
        byte = to_board.front().value;
        to_board.pop_front();
        return true;
    }

    void put(uint8_t byte) override { to_host.push_back({now + latency, byte}); }

    bool arrived() const { return !to_host.empty() && to_host.front().due <= now; }
};

struct Board {
    Vqblif_board core;
    Line *line;
    int bit;
    int sending = 0, send_timer = 0, received = 0, receive_bits = 0, receive_timer = 0;
    int reset = 16, quiet = 0;
    uint32_t out = 0;

    void drive() {  // From the line to rx.
        if (send_timer && --send_timer) return;
        if (!sending) {
            uint8_t byte;
            if (!line->next(byte)) return;
            out = byte << 1 | 1 << 9;
            sending = 10;
            quiet = 0;
        }
        core.rx = out & 1;
        out >>= 1;
        sending--;
        send_timer = bit;
    }

    void sample() {  // From tx to the line.
        if (!receive_bits) {
            if (!core.tx) receive_bits = 9, receive_timer = bit + bit / 2, received = 0;
            return;
        }
        quiet = 0;
        if (--receive_timer) return;
        receive_timer = bit;
        if (--receive_bits) {
            received = received >> 1 | core.tx << 7;
            return;
        }
        line->put(received);
    }

    void cycle() {
        core.rst = reset > 0;
        reset -= reset > 0;
        core.clk = 0;
        core.eval();
        core.clk = 1;
        core.eval();
    }
};

// A host's calls in the simulation's own time: on standard input two words, how many cycles to wait
// at most and how many bytes follow that are sent now; on standard output the cycles so far, in two
// words, the bytes that came, and these.  It waits until one came.
void serve(Board &board, Timed &line) {
    uint32_t call[2];
    while (!Verilated::gotFinish() && fread(call, 4, 2, stdin) == 2) {
        for (uint32_t k = 0; k < call[1]; k++)
            line.to_board.push_back({line.now + line.latency, uint8_t(getchar())});
        for (uint32_t k = 0; k < call[0] && !line.arrived(); k++, line.now++) {
            board.drive();
            board.cycle();
            board.sample();
        }
        std::deque<uint8_t> found;
        for (; line.arrived(); line.to_host.pop_front())
            found.push_back(line.to_host.front().value);
        uint32_t answer[3] = {uint32_t(line.now), uint32_t(line.now >> 32), uint32_t(found.size())};
        fwrite(answer, 4, 3, stdout);
        for (uint8_t byte : found) putchar(byte);
        fflush(stdout);
    }
}

void serve(Board &board, Terminal &line) {
    fcntl(line.terminal, F_SETFL, fcntl(line.terminal, F_GETFL) | O_NONBLOCK);
    pollfd waits[2] = {{0, POLLIN, 0}, {line.terminal, POLLIN, 0}};
    for (int look = 0; !Verilated::gotFinish(); look++) {
        bool resting = board.quiet > QUIET && !board.core.busy;
        if (resting || look % LOOK == 0) {
            if (poll(waits, 2, resting ? 1000 : 0) > 0 && waits[0].revents) {
                char order;
                if (read(0, &order, 1) <= 0) break;
                if (order == 'r') board.reset = 16, board.quiet = 0;
            }
        }
        board.quiet++;
        // The line cannot be faster than a bit: no look at the terminal in each cycle.
        if (board.sending || look % board.bit == 0) board.drive();
        board.cycle();
        board.sample();
    }
}

}  // namespace

int main(int count, char **arguments) {
    if (count != 4) return 2;
    auto *board = new Board;
    Terminal terminal;
    Timed timed;
    bool in_time = !strcmp(arguments[2], "timed");
    board->bit = atoi(arguments[1]);
    board->line = in_time ? static_cast<Line *>(&timed) : &terminal;
    board->core.rx = 1;
    // Power up first: a host may have written already.
    while (board->reset) board->cycle();
    terminal.terminal = timed.latency = atoi(arguments[3]);
    if (in_time) serve(*board, timed);
    else serve(*board, terminal);
    delete board;
    return Verilated::gotFinish() ? STALLED : 0;
}
