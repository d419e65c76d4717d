// What the documentation of the ECP5 block RAM says of the modes that the tests use: 18 bits wide on
// both ports or 36 bits wide on both, no reset, write data not visible on the writing port.
module DP16KD #(
  parameter DATA_WIDTH_A = 18, parameter DATA_WIDTH_B = 18,
  parameter REGMODE_A = "NOREG", parameter REGMODE_B = "NOREG",
  parameter CLKAMUX = "CLKA", parameter CLKBMUX = "CLKB",
  parameter WRITEMODE_A = "NORMAL", parameter WRITEMODE_B = "NORMAL",
  parameter RESETMODE = "SYNC", parameter ASYNC_RESET_RELEASE = "SYNC", parameter GSR = "ENABLED",
  parameter CSDECODE_A = "0b000", parameter CSDECODE_B = "0b000",
  @INITVALS@
) (
  @PORTS@
  input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
  input CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2
);
  localparam WIDE = DATA_WIDTH_B == 36;
  reg [17:0] store [0:1023];
  reg [17:0] array_a = 0, array_b = 0, out_a = 0, out_b = 0;
  wire [13:0] ada = {@ADA@}, adb = {@ADB@};
  wire [17:0] dia = {@DIA@}, dib = {@DIB@};
  integer i;
  initial begin
    for (i = 0; i < 1024; i = i + 1) store[i] = 0;
    if (WIDE && DATA_WIDTH_A != 36 || !WIDE && (DATA_WIDTH_A != 18 || DATA_WIDTH_B != 18)) begin
      $display("UNSUPPORTED WIDTHS %0d %0d", DATA_WIDTH_A, DATA_WIDTH_B);
      $finish;
    end
  end

  // Writes land after every read of the same edge.
  always @(posedge CLKA) if (CEA && WEA) begin
    if (ada[0]) store[WIDE ? {ada[13:5], 1'b0} : ada[13:4]][8:0] <= dia[8:0];
    if (ada[1]) store[WIDE ? {ada[13:5], 1'b0} : ada[13:4]][17:9] <= dia[17:9];
    if (WIDE && ada[2]) store[{ada[13:5], 1'b1}][8:0] <= dib[8:0];
    if (WIDE && ada[3]) store[{ada[13:5], 1'b1}][17:9] <= dib[17:9];
  end
  always @(posedge CLKB) if (CEB && WEB && !WIDE) begin
    if (adb[0]) store[adb[13:4]][8:0] <= dib[8:0];
    if (adb[1]) store[adb[13:4]][17:9] <= dib[17:9];
  end
  always @(posedge CLKA) if (!WIDE) begin
    if (CEA && !WEA) array_a <= store[ada[13:4]];
    if (OCEA) out_a <= array_a;
  end
  always @(posedge CLKB) begin
    if (CEB && !WEB) array_b <= store[WIDE ? {adb[13:5], 1'b1} : adb[13:4]];
    if (CEB && WIDE) array_a <= store[{adb[13:5], 1'b0}];
    if (OCEB) out_b <= array_b;
    if (OCEB && WIDE) out_a <= array_a;
  end
  assign {@DOA@} = REGMODE_A == "OUTREG" ? out_a : array_a;
  assign {@DOB@} = REGMODE_B == "OUTREG" ? out_b : array_b;
endmodule
