// Plays the words of NAME.hex on a stream, one word a cycle, or with idle cycles between them.
//
// Each line of the file holds a mark and a word, both hexadecimal.  Mark bit 0 stands on a frame's
// first transfer, bit 1 on its last.  The cycle in which a marked transfer is accepted goes to NAME.log as
// "CYCLE MARK".  Nothing is played before `go`.  Each cycle is idle with probability idle/256.
// Tie `ready` high for an interface without it.  An idle cycle carries random bits.
module qblif_player #(
    parameter WIDTH = 1,
    parameter NAME = "i",
    parameter SEED = 1
) (
    input clk,
    input rst,
    input go,
    input flush,
    input [8:0] idle,
    input [31:0] seed,
    input [31:0] cycle,
    output reg valid,
    input ready,
    output reg [WIDTH-1:0] word,
    output reg [31:0] frames,
    output reg done
);
    integer file, log, got;
    reg [3:0] mark, next_mark;
    reg [WIDTH-1:0] next_word;
    reg [31:0] random, r1, r2;
    wire [(WIDTH+31)/32*32-1:0] noise = {((WIDTH + 31) / 32){random}};

    initial begin
        file = $fopen({NAME, ".hex"}, "r");
        log = $fopen({NAME, ".log"}, "w");
        valid = 0;
        done = 0;
        frames = 0;
        random = 1;
    end

    always @* begin
        r1 = random ^ (random << 13);
        r2 = r1 ^ (r1 >> 17);
    end

    always @(posedge clk) begin
        random <= rst ? (seed ^ SEED) | 1 : r2 ^ (r2 << 5);
        if (valid & ready) begin
            if (mark != 0) $fdisplay(log, "%h %h", cycle, mark);
            if (mark[1]) frames <= frames + 1;
        end
        if (~valid | ready) begin
            valid <= 0;
            word <= noise[WIDTH-1:0];
            if (go & ~done & ({1'b0, random[7:0]} >= idle)) begin
                got = $fscanf(file, "%h %h\n", next_mark, next_word);
                if (got == 2) begin
                    valid <= 1;
                    word <= next_word;
                    mark <= next_mark;
                end else done <= 1;
            end
        end
    end

    always @(posedge flush) $fflush(log);
endmodule
