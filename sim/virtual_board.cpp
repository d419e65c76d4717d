// The board around the simulated core: a clock, and a pseudo-terminal at the serial pins.
//
// Arguments: file descriptor of the terminal's master, clock cycles of a bit.  An "r" on standard
// input resets the board; its end ends the program.

#include <cstdint>
#include <cstdlib>
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

struct Board {
    Vqblif_board core;
    int terminal, bit;
    int sending = 0, send_timer = 0, received = 0, receive_bits = 0, receive_timer = 0;
    int reset = 16, quiet = 0;
    uint32_t out = 0;
    uint8_t buffer[256];
    ssize_t filled = 0, used = 0;

    bool next_byte(uint8_t &byte) {
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

    void drive() {  // From the terminal to rx.
        if (send_timer && --send_timer) return;
        if (!sending) {
            uint8_t byte;
            if (!next_byte(byte)) return;
            out = byte << 1 | 1 << 9;
            sending = 10;
            quiet = 0;
        }
        core.rx = out & 1;
        out >>= 1;
        sending--;
        send_timer = bit;
    }

    void sample() {  // From tx to the terminal; what nobody reads is lost, as on a line.
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
        uint8_t byte = received;
        if (write(terminal, &byte, 1) < 0) return;
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

}  // namespace

int main(int count, char **arguments) {
    if (count != 3) return 2;
    auto *board = new Board;
    board->terminal = atoi(arguments[1]);
    board->bit = atoi(arguments[2]);
    board->core.rx = 1;
    fcntl(board->terminal, F_SETFL, fcntl(board->terminal, F_GETFL) | O_NONBLOCK);
    pollfd waits[2] = {{0, POLLIN, 0}, {board->terminal, POLLIN, 0}};
    // Power up first: a host may have written already.
    while (board->reset) board->cycle();
    for (int look = 0; !Verilated::gotFinish(); look++) {
        bool resting = board->quiet > QUIET && !board->core.busy;
        if (resting || look % LOOK == 0) {
            if (poll(waits, 2, resting ? 1000 : 0) > 0 && waits[0].revents) {
                char order;
                if (read(0, &order, 1) <= 0) break;
                if (order == 'r') board->reset = 16, board->quiet = 0;
            }
        }
        board->quiet++;
        // The line cannot be faster than a bit: no look at the terminal in each cycle.
        if (board->sending || look % board->bit == 0) board->drive();
        board->cycle();
        board->sample();
    }
    delete board;
    return Verilated::gotFinish() ? STALLED : 0;
}
