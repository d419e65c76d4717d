// Accepts the words of a stream and writes "CYCLE WORD", hexadecimal, to NAME.txt for each.
//
// `ready` is low in a cycle with probability stall/256, so 256 never accepts.  A shy recorder raises
// `ready` only when it has seen `valid`, for one word.  `broken` rises when a word that waits to be
// accepted changes or disappears.  `last` is the cycle of the last word.
module qblif_recorder #(
    parameter WIDTH = 1,
    parameter NAME = "o",
    parameter SEED = 1
) (
    input clk,
    input rst,
    input flush,
    input [8:0] stall,
    input shy,
    input [31:0] seed,
    input [31:0] cycle,
    input valid,
    output reg ready,
    input [WIDTH-1:0] word,
    output reg [31:0] count,
    output reg [31:0] last,
    output reg broken
);
    integer file;
    reg waiting;
    reg [WIDTH-1:0] held;
    reg [31:0] random, r1, r2;

    initial begin
        file = $fopen({NAME, ".txt"}, "w");
        ready = 0;
        count = 0;
        last = 0;
        broken = 0;
        waiting = 0;
        random = 1;
    end

    always @* begin
        r1 = random ^ (random << 13);
        r2 = r1 ^ (r1 >> 17);
    end

    always @(posedge clk) begin
        random <= rst ? (seed ^ SEED) | 1 : r2 ^ (r2 << 5);
        ready <= ({1'b0, random[7:0]} >= stall) & (~shy | valid & ~ready);
        if (valid & ready & ~rst) begin
            $fdisplay(file, "%h %h", cycle, word);
            count <= count + 1;
            last <= cycle;
        end
        waiting <= valid & ~ready & ~rst;
        held <= word;
        if (waiting & ~rst & (~valid | (word !== held))) broken <= 1;
    end

    always @(posedge flush) $fflush(file);
endmodule
