// Writes "CYCLE WORD", hexadecimal and binary, to NAME.txt in the first cycle of `go`, and in each one
// in which the word is not that of the cycle before.  Without `go` there is no file.
module qblif_watcher #(
    parameter WIDTH = 1,
    parameter NAME = "word"
) (
    input clk,
    input go,
    input flush,
    input [31:0] cycle,
    input [WIDTH-1:0] word
);
    integer file;
    reg open;
    reg [WIDTH-1:0] last;

    initial open = 0;

    always @(posedge clk) begin
        if (go & ~open) file = $fopen({NAME, ".txt"}, "w");
        if (go & (~open | (word !== last))) $fdisplay(file, "%h %b", cycle, word);
        if (go) begin
            open <= 1;
            last <= word;
        end
    end

    always @(posedge flush) if (open) $fflush(file);
endmodule
